// Makes the request's body readable: out of the socket, out of aws-chunked, and verified against all that
// came with it. Nothing is read here; a body that nobody wants never leaves the client.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Next } from 'koa'
import { ChunkedPieces } from '../lib/auth/sigv4-chunks.ts'
import { type Pieces, Pull } from '../lib/bytes/pull.ts'
import { type Claims, noPieces, VerifiedSource } from '../lib/bytes/verify.ts'
import type { Config } from '../lib/config/config.ts'
import { CofferError } from '../lib/errors.ts'
import {
  type ClaimedChecksum,
  readBase64,
  readChecksum,
  readClaimedChecksum,
} from './checksum-headers.ts'
import type { Context, State } from './state.ts'

const waiting = new WeakSet<ServerResponse>()

/**
 * For the server's `checkContinue`: the client waits for 100 Continue, which goes out with the first read
 * of the body. Where it never does, Node ends the connection with the answer, because nobody can tell
 * whether the body still comes (RFC 9110 §10.1.1).
 */
export function deferContinue(res: ServerResponse): void {
  waiting.add(res)
}

function sendContinue(res: ServerResponse): void {
  if (waiting.delete(res)) res.writeContinue()
}

interface Announced {
  /** True for Transfer-Encoding: chunked; its end is known when it comes. */
  readonly chunked: boolean
  /** Content-Length, in bytes. */
  readonly length: number | undefined
}

function announced(req: IncomingMessage): Announced {
  const length = req.headers['content-length']
  return {
    chunked: req.headers['transfer-encoding'] !== undefined,
    length: length === undefined ? undefined : Number(length),
  }
}

/** Throws NotSupported for a body that is not only in chunks but packed: nobody here would unpack it
 * (RFC 9112 §6.1). */
function requirePlainTransfer({ headers }: IncomingMessage): void {
  const coding = headers['transfer-encoding']
  if (coding === undefined || coding.toLowerCase() === 'chunked') return
  throw new CofferError('NotSupported', { what: 'a Transfer-Encoding other than chunked' })
}

// Where a client forgot the length, storing nothing would be a surprise; both dialects ask for it.
const needLength: ReadonlySet<string> = new Set(['PutObject', 'UploadPart'])

/** Throws LengthMissing where nothing says how long the body is, and the operation stores it. */
function requireLength({ operation }: State, { chunked, length }: Announced): void {
  if (!chunked && length === undefined && needLength.has(operation)) {
    throw new CofferError('LengthMissing')
  }
}

/** Throws BodyPartial where an object would be replaced by what says of itself that it is a piece of one (RFC 9110 §14.5).
 * A part of a multipart upload is whole in itself, wherever it comes from. */
function requireWhole({ operation }: State, { headers }: IncomingMessage): void {
  if (operation === 'PutObject' && headers['content-range'] !== undefined) {
    throw new CofferError('BodyPartial')
  }
}

// Their x-amz-checksum-* headers are about the object, not about the request's body.
const describeObject: ReadonlySet<string> = new Set(['CompleteMultipartUpload'])

/** Content-MD5, RFC 1864. Throws DigestInvalid. */
function claimedMd5(req: IncomingMessage): Buffer | undefined {
  const value = req.headers['content-md5']
  if (value === undefined) return undefined
  const bytes = readBase64(String(value), 16)
  if (bytes === undefined) throw new CofferError('DigestInvalid', { value: String(value) })
  return bytes
}

/** x-amz-decoded-content-length. Throws LengthMissing. */
function decodedLength(req: IncomingMessage): number {
  const value = String(req.headers['x-amz-decoded-content-length'] ?? '')
  if (!/^\d{1,15}$/.test(value)) throw new CofferError('LengthMissing')
  return Number(value)
}

function checksumClaim(claimed: ClaimedChecksum | undefined, chunks: ChunkedPieces | null) {
  if (claimed === undefined) return undefined
  const { algorithm, value } = claimed
  return {
    algorithm,
    value: () =>
      value === undefined
        ? readChecksum(
            algorithm,
            chunks?.trailer(`x-amz-checksum-${algorithm}`) ?? '',
            'trailing header',
          )
        : readChecksum(algorithm, value, 'header'),
  }
}

/** Sets `source` and `claimedChecksum` of an S3 request, from its headers and from how it is signed. */
function prepareS3(ctx: Context, raw: Pieces, { chunked, length }: Announced): void {
  const { req, state } = ctx
  const { payload } = state
  const claimed = describeObject.has(state.operation) ? undefined : readClaimedChecksum(req.headers)
  const announcesTrailer = claimed !== undefined && claimed.value === undefined
  if (announcesTrailer && !(payload.kind === 'streaming' && payload.trailer)) {
    throw new CofferError('TrailerMalformed')
  }
  const md5 = claimedMd5(req)
  const chunks =
    payload.kind === 'streaming'
      ? new ChunkedPieces(raw, {
          decodedBytes: decodedLength(req),
          trailer: payload.trailer,
          announced: announcesTrailer ? `x-amz-checksum-${claimed.algorithm}` : undefined,
          signatures: payload.signatures,
        })
      : null
  const checksum = checksumClaim(claimed, chunks)
  const plainLength = chunks === null ? (chunked ? undefined : (length ?? 0)) : decodedLength(req)
  const claims: Claims = {
    ...(plainLength !== undefined && { length: plainLength }),
    ...(md5 !== undefined && { md5 }),
    ...(payload.kind === 'hash' && { sha256: payload.sha256 }),
    ...(checksum !== undefined && { checksum }),
  }
  state.claimedChecksum = claimed
  state.source = new VerifiedSource(chunks ?? raw, claims)
}

/**
 * The MD5 that a Swift client sends as ETag with an object: lower-case hex, in quotes or bare. What cannot
 * be one is no object's. Swift: swift/obj/server.py, PUT.
 */
function claimedEtag({ req, state }: Context): Buffer | undefined {
  const sent = state.operation === 'PutObject' ? String(req.headers.etag ?? '') : ''
  if (sent === '') return undefined
  const etag = /^"(.*)"$/.exec(sent)?.[1] ?? sent
  return /^[0-9a-f]{32}$/.test(etag) ? Buffer.from(etag, 'hex') : Buffer.alloc(0)
}

/** Sets `source` of a Swift request. */
function prepareSwift(ctx: Context, raw: Pieces, { chunked, length }: Announced): void {
  const md5 = claimedEtag(ctx)
  ctx.state.source = new VerifiedSource(raw, {
    ...(!chunked && { length: length ?? 0 }),
    ...(md5 !== undefined && { md5 }),
  })
  ctx.state.claimedChecksum = undefined
}

type BodyLimit = 'bodyTimeoutMs' | 'bodyTotalMs' | 'bodyBytesPerSecond'

/**
 * Gives each request its `source`. Throws NotSupported, LengthMissing, BodyPartial, DigestInvalid,
 * ChecksumInvalid, TrailerMalformed; the source throws the rest when it is read.
 */
export function body(limits: Pick<Config['limits'], BodyLimit>) {
  const { bodyTimeoutMs, bodyTotalMs, bodyBytesPerSecond } = limits
  const bounds = {
    idleTimeoutMs: bodyTimeoutMs,
    totalTimeoutMs: bodyTotalMs,
    bytesPerSecond: bodyBytesPerSecond,
  }
  return async function body(ctx: Context, next: Next): Promise<void> {
    const { req, res, state } = ctx
    const sent = announced(req)
    const empty = !sent.chunked && (sent.length ?? 0) === 0
    const pull = empty
      ? null
      : new Pull(req, {
          ...bounds,
          expectedBytes: sent.length,
          onFirstRead: () => sendContinue(res),
        })
    try {
      requirePlainTransfer(req)
      requireLength(state, sent)
      requireWhole(state, req)
      const prepare = state.dialect === 's3' ? prepareS3 : prepareSwift
      prepare(ctx, pull ?? noPieces, sent)
      await next()
    } finally {
      pull?.close()
    }
  }
}
