// Which bytes of an object a Range header wants, by the rules of Swift's swob: a header of wrong form is
// ignored, members that cannot be satisfied are dropped, and sets that would cost far more than they
// bring are refused (RFC 7233 §6.1).
import { CofferError } from '../../lib/errors.ts'
import type { Extent, Ranges } from '../../lib/service/types.ts'

/** More ranges than this are refused … */
const RANGES_MAX = 50
/** … as are more pairs that overlap … */
const OVERLAPS_MAX = 2
/** … and so many that are not in ascending order. */
const UNORDERED_MAX = 7

/** As sent: null where a number was left out. Never both. */
interface Asked {
  readonly first: number | null
  readonly last: number | null
}

/** One member of the set; undefined where its form is wrong. */
function parseMember(text: string): Asked | undefined {
  const match = /^(\d*)-(\d*)$/.exec(text)
  if (match === null) return undefined
  // Digits beyond 2⁵³ lose precision, not order: still far behind any end.
  const first = match[1] === '' ? null : Number(match[1])
  const last = match[2] === '' ? null : Number(match[2])
  if (first === null && last === null) return undefined
  if (first !== null && last !== null && last < first) return undefined
  return { first, last }
}

/** The members in the order sent; undefined where the header is to be ignored. */
function parseSet(header: string): Asked[] | undefined {
  const text = header.replaceAll(' ', '')
  if (!text.toLowerCase().startsWith('bytes=')) return undefined
  const found: Asked[] = []
  for (const member of text.slice('bytes='.length).split(',')) {
    const asked = parseMember(member)
    if (asked === undefined) return undefined
    found.push(asked)
  }
  return found
}

/** The bytes that one member means; undefined where there are none. On an empty object a suffix means
 * all of nothing. */
function resolve({ first, last }: Asked, size: number): Extent | undefined {
  if (first === null) {
    if (last === 0) return undefined
    const length = Math.min(last!, size)
    return { offset: size - length, length, partial: true }
  }
  if (first >= size) return undefined
  const end = last === null ? size - 1 : Math.min(last, size - 1)
  return { offset: first, length: end - first + 1, partial: true }
}

/** True for equal ones too, which Swift lets through: fifty times one large range would cost fifty objects. */
const overlap = (a: Extent, b: Extent) =>
  a.offset < b.offset + b.length && b.offset < a.offset + a.length

function isExcessive(extents: readonly Extent[]): boolean {
  if (extents.length > RANGES_MAX) return true
  let overlaps = 0
  for (const [i, a] of extents.entries()) {
    for (const b of extents.slice(i + 1)) if (overlap(a, b)) overlaps++
  }
  if (overlaps > OVERLAPS_MAX) return true
  const isAscending = extents.every((one, i) => i === 0 || extents[i - 1]!.offset <= one.offset)
  return !isAscending && extents.length > UNORDERED_MAX
}

/**
 * Resolves a Range header against a size in bytes, in the order asked; undefined where the header is
 * absent or to be ignored. Throws RangeUnsatisfiable where nothing can be sent, and for sets of more than
 * 50 ranges, with more than two overlapping pairs, or of 8 and more that are not in ascending order.
 * Swift: swift/common/swob.py, Range; equal ranges are no overlap there.
 */
export function swiftRanges(header: string | undefined): Ranges | undefined {
  const asked = header === undefined ? undefined : parseSet(header)
  if (asked === undefined) return undefined
  return (size) => {
    const extents = asked
      .map((member) => resolve(member, size))
      .filter((extent) => extent !== undefined)
    if (extents.length === 0 || isExcessive(extents)) {
      throw new CofferError('RangeUnsatisfiable', { size, range: header })
    }
    // No Content-Range can name bytes of an empty object: it is sent whole (RFC 9110 §14.4).
    return size === 0 ? [{ offset: 0, length: 0, partial: false }] : extents
  }
}
