// Resolves a Range header to the bytes of an object that it selects.
import { CofferError } from '../errors.ts'
import type { Extent } from './types.ts'

/**
 * Resolves a Range header (RFC 9110 §14.2) against a size in bytes. A header with another unit, of wrong form, or
 * with several ranges is ignored, and selects the whole object. Throws RangeUnsatisfiable for a range that begins at
 * or behind the end, which on an empty object is every range.
 */
export function resolveRange(header: string | undefined, size: number): Extent {
  const whole = { offset: 0, length: size, partial: false }
  const match = header === undefined ? null : /^bytes=(\d*)-(\d*)$/i.exec(header.trim())
  if (match === null || (match[1] === '' && match[2] === '')) return whole
  // A number beyond 2⁵³ loses precision, but stays far behind the end of any object.
  const first = match[1] === '' ? null : Number(match[1])
  const last = match[2] === '' ? null : Number(match[2])
  if (first !== null && last !== null && last < first) return whole
  const unsatisfiable = () => new CofferError('RangeUnsatisfiable', { size, range: header })
  if (first === null) {
    if (last === 0 || size === 0) throw unsatisfiable()
    const length = Math.min(last!, size)
    return { offset: size - length, length, partial: true }
  }
  if (first >= size) throw unsatisfiable()
  const end = last === null ? size - 1 : Math.min(last, size - 1)
  return { offset: first, length: end - first + 1, partial: true }
}
