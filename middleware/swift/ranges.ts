// The bytes of an object that a Range header selects, by the rules of Swift's swob. A header of wrong form is ignored,
// ranges behind the end are dropped, and sets whose answer would cost far more than the request are refused (RFC 9110
// §17.15).
import { CofferError } from '../../lib/errors.ts'
import type { Extent, Ranges } from '../../lib/service/types.ts'

/** Ranges in one header. */
const RANGES_MAX = 50
/** Pairs of ranges that may overlap. */
const OVERLAPS_MAX = 2
/** Ranges that may come in another than ascending order. */
const UNORDERED_MAX = 7

/** A range as it was sent. One of its numbers may be null, where it was left out. */
interface Asked {
  readonly first: number | null
  readonly last: number | null
}

/** Reads one range of the header. Undefined where its form is wrong. */
function parseMember(text: string): Asked | undefined {
  const match = /^(\d*)-(\d*)$/.exec(text)
  if (match === null) return undefined
  // A number beyond 2⁵³ loses precision, but stays far behind the end of any object.
  const first = match[1] === '' ? null : Number(match[1])
  const last = match[2] === '' ? null : Number(match[2])
  if (first === null && last === null) return undefined
  if (first !== null && last !== null && last < first) return undefined
  return { first, last }
}

/** The ranges in the order in which they were sent. Undefined where the header is to be ignored. */
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

/** The bytes that one range selects, undefined where it selects none. A suffix of an empty object selects all of it. */
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

/**
 * Makes the function that resolves the one range of a manifest's entry, `a-b`, `a-` or `-n`, against the size of its
 * object. It returns undefined where no byte is selected. A text that is no set of ranges gives undefined, one of several
 * ranges `several`.
 */
export function entryRange(
  text: string,
): ((size: number) => Extent | undefined) | 'several' | undefined {
  const asked = parseSet(`bytes=${text}`)
  if (asked === undefined) return undefined
  if (asked.length > 1) return 'several'
  return (size) => {
    const extent = resolve(asked[0]!, size)
    return extent?.length === 0 ? undefined : extent
  }
}

/** True where two ranges overlap. Equal ones do, unlike in Swift (D-EQUAL-RANGES). */
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
 * Makes the function that resolves a Range header against a size in bytes, in the order of the header. Undefined
 * where the header is absent or to be ignored. The function throws RangeUnsatisfiable where no range selects a byte,
 * and for sets beyond RANGES_MAX, OVERLAPS_MAX or UNORDERED_MAX. Swift: swift/common/swob.py, Range.
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
    // An empty object is sent whole, because no Content-Range can name bytes of it (RFC 9110 §14.4).
    return size === 0 ? [{ offset: 0, length: 0, partial: false }] : extents
  }
}
