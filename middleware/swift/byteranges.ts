// The body of an answer to several ranges: multipart/byteranges (RFC 9110 §14.6) in the very form of
// Swift, which ends without a line break. Its length is known before a byte is read.
import { randomHex } from '../../lib/names.ts'
import type { Extent } from '../../lib/service/types.ts'
import type { Framing } from '../http/send.ts'

/** `bytes first-last/size`. */
export const contentRange = ({ offset, length }: Extent, size: number) =>
  `bytes ${offset}-${offset + length - 1}/${size}`

export interface Byteranges {
  readonly framing: Framing
  /** Content-Type of the whole. */
  readonly type: string
  /** Content-Length of the whole, in bytes. */
  readonly length: number
}

/** Frames the extents of an object of that type and size, in bytes. */
export function frameExtents(extents: readonly Extent[], type: string, size: number): Byteranges {
  const boundary = randomHex(16)
  const headOf = (extent: Extent) =>
    `--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(extent, size)}\r\n\r\n`
  // Stored types are byte strings: one character a byte.
  const heads = extents.map((extent, i) =>
    Buffer.from((i === 0 ? '' : '\r\n') + headOf(extent), 'latin1'),
  )
  const end = Buffer.from(`\r\n--${boundary}--`, 'latin1')
  const lengths = [...heads, end].map((bytes) => bytes.length)
  const length = [...lengths, ...extents.map((extent) => extent.length)].reduce((a, b) => a + b)
  return { framing: { heads, end }, type: `multipart/byteranges;boundary=${boundary}`, length }
}
