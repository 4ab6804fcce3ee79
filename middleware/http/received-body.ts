// The body of a request as it comes from the socket: what its head announces, when the client is sent 100 Continue, and
// the reader of what comes. Nothing is read here; a body that nobody wants never leaves the client.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Pull } from '../../lib/bytes/pull.ts'
import type { Config } from '../../lib/config/config.ts'
import { CofferError } from '../../lib/errors.ts'

export interface Announced {
  /** True for Transfer-Encoding: chunked. The length of such a body is not known before its end. */
  readonly chunked: boolean
  /** Content-Length, in bytes. */
  readonly length: number | undefined
}

export function announced(req: IncomingMessage): Announced {
  const length = req.headers['content-length']
  return {
    chunked: req.headers['transfer-encoding'] !== undefined,
    length: length === undefined ? undefined : Number(length),
  }
}

const waiting = new WeakSet<ServerResponse>()

/**
 * For the server's `checkContinue`: 100 Continue, for which the client waits, is sent with the first read of the
 * body. Where the body is never read, Node ends the connection with the answer, because the client may send the body
 * or not (RFC 9110 §10.1.1).
 */
export function deferContinue(res: ServerResponse): void {
  waiting.add(res)
}

function sendContinue(res: ServerResponse): void {
  if (waiting.delete(res)) res.writeContinue()
}

/** How long a body may take. */
export type BodyLimits = Pick<
  Config['limits'],
  'bodyTimeoutMs' | 'bodyTotalMs' | 'bodyBytesPerSecond'
>

/** The reader of the request's body, which whoever opened it closes; null where the head announces none. */
export function openBody(
  req: IncomingMessage,
  res: ServerResponse,
  { bodyTimeoutMs, bodyTotalMs, bodyBytesPerSecond }: BodyLimits,
): Pull | null {
  const { chunked, length } = announced(req)
  if (!chunked && (length ?? 0) === 0) return null
  return new Pull(req, {
    idleTimeoutMs: bodyTimeoutMs,
    totalTimeoutMs: bodyTotalMs,
    bytesPerSecond: bodyBytesPerSecond,
    expectedBytes: length,
    onFirstRead: () => sendContinue(res),
  })
}

/**
 * Throws NotSupported for a body in another transfer coding than chunked, which is not decoded here (RFC 9112 §6.1).
 */
export function requirePlainTransfer({ headers }: IncomingMessage): void {
  const coding = headers['transfer-encoding']
  if (coding === undefined || coding.toLowerCase() === 'chunked') return
  throw new CofferError('NotSupported', { what: 'a Transfer-Encoding other than chunked' })
}

/** For operations that store the body: where a client forgot the length, storing nothing would be a surprise. Throws
 * LengthMissing. */
export function requireLength({ chunked, length }: Announced): void {
  if (!chunked && length === undefined) throw new CofferError('LengthMissing')
}

/** For operations that replace an object: throws BodyPartial where the body says of itself that it is a piece of one
 * (RFC 9110 §14.5). A part of a multipart upload is whole in itself, wherever it comes from. */
export function requireWhole({ headers }: IncomingMessage): void {
  if (headers['content-range'] !== undefined) throw new CofferError('BodyPartial')
}
