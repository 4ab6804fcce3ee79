// The body of an answer to several ranges: multipart/byteranges (RFC 9110 §14.6) in Swift's form, which ends without a
// line break. The body's length is computed before a byte of the object is read.
import { randomHex } from '../../lib/names.ts'
import type { Extent } from '../../lib/service/types.ts'
import type { Framing } from '../http/send.ts'

/** The value of Content-Range, `bytes first-last/size`. */
export const contentRange = ({ offset, length }: Extent, size: number) =>
  `bytes ${offset}-${offset + length - 1}/${size}`

export interface Byteranges {
  readonly framing: Framing
  /** Content-Type of the whole answer. */
  readonly type: string
  /** Content-Length of the whole answer, in bytes. */
  readonly length: number
}

/** Makes the heads of the parts for the extents of an object. `type` is the object's, `size` its size in bytes. */
export function frameExtents(extents: readonly Extent[], type: string, size: number): Byteranges {
  const boundary = randomHex(16)
  const headOf = (extent: Extent) =>
    `--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(extent, size)}\r\n\r\n`
  // A stored type is a byte string, one character a byte.
  const heads = extents.map((extent, i) =>
    Buffer.from((i === 0 ? '' : '\r\n') + headOf(extent), 'latin1'),
  )
  const end = Buffer.from(`\r\n--${boundary}--`, 'latin1')
  const lengths = [...heads, end].map((bytes) => bytes.length)
  const length = [...lengths, ...extents.map((extent) => extent.length)].reduce((a, b) => a + b)
  return { framing: { heads, end }, type: `multipart/byteranges;boundary=${boundary}`, length }
}
