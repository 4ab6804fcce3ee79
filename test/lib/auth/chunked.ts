// Encodes aws-chunked bodies for the tests, on node:crypto's own HMAC, and reads decoders to their end.
import { createHmac } from 'node:crypto'
import { ChunkSignatures } from '../../../lib/auth/chunk-signatures.ts'
import { HmacKey } from '../../../lib/auth/hmac.ts'
import type { Pieces } from '../../../lib/bytes/pull.ts'
import { hex, SECRET, signingKey } from './signing.ts'

const TIMESTAMP = '20130524T000000Z'
const SCOPE = '20130524/us-east-1/s3/aws4_request'

/** A chain as the server makes it from the request's signature. */
export function chain(seed: string): ChunkSignatures {
  const key = new HmacKey('sha256', `AWS4${SECRET}`)
    .derive('20130524')
    .derive('us-east-1')
    .derive('s3')
    .derive('aws4_request')
  return new ChunkSignatures(key, TIMESTAMP, SCOPE, seed)
}

export interface Encoding {
  /** Absent: chunks are not signed. */
  seed?: string
  trailers?: [string, string][]
}

/** The encoded body of these chunks, and every signature in it, in order. */
export function encodeChunks(chunks: readonly Buffer[], { seed, trailers }: Encoding) {
  const key = signingKey(SECRET, '20130524', 'us-east-1')
  const signatures: string[] = []
  let previous = seed ?? ''
  const sign = (kind: string, hashes: string) => {
    const text = `AWS4-HMAC-SHA256-${kind}\n${TIMESTAMP}\n${SCOPE}\n${previous}\n${hashes}`
    previous = createHmac('sha256', key).update(text).digest('hex')
    signatures.push(previous)
    return previous
  }
  const out: Buffer[] = []
  for (const data of [...chunks, Buffer.alloc(0)]) {
    const extension =
      seed === undefined ? '' : `;chunk-signature=${sign('PAYLOAD', `${hex('')}\n${hex(data)}`)}`
    out.push(Buffer.from(`${data.length.toString(16)}${extension}\r\n`))
    if (data.length > 0) out.push(data, Buffer.from('\r\n'))
  }
  if (trailers !== undefined) {
    const lines = trailers.map(([name, value]) => `${name}:${value}`)
    if (seed !== undefined) {
      const hash = hex(lines.map((line) => `${line}\n`).join(''))
      lines.push(`x-amz-trailer-signature:${sign('TRAILER', hash)}`)
    }
    out.push(Buffer.from(lines.map((line) => `${line}\r\n`).join('')))
  }
  out.push(Buffer.from('\r\n'))
  return { body: Buffer.concat(out), signatures }
}

/** Pieces cut at the given places; each owns its memory, as the socket's do. */
export function piecesOf(body: Buffer, ...cuts: number[]): Pieces {
  const edges = [0, ...cuts, body.length]
  const pieces: Buffer[] = []
  for (let i = 1; i < edges.length; i++) {
    const part = body.subarray(edges[i - 1]!, edges[i]!)
    if (part.length === 0) continue
    const own = Buffer.allocUnsafeSlow(part.length)
    part.copy(own)
    pieces.push(own)
  }
  return { read: async () => pieces.shift() }
}

/** Everything that a reader gives; its pieces are copied, since they may be released. */
export async function readAll(pieces: Pieces): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let piece = await pieces.read(); piece !== undefined; piece = await pieces.read()) {
    if (piece.length === 0) throw new Error('an empty piece')
    parts.push(Buffer.from(piece))
  }
  return Buffer.concat(parts)
}

/** The code with which reading ends, or 'read'. */
export async function outcome(pieces: Pieces): Promise<string> {
  try {
    await readAll(pieces)
    return 'read'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
