// How the fields of a row lie in its payload: one CBOR array (RFC 8949). Part of the format, see
// docs/format.md §5.
import { Encoder } from 'cbor-x'
import { CofferError } from '../errors.ts'

// Plain CBOR without records and extension tags, so that any decoder can read a row.
const cbor = new Encoder({ useRecords: false, tagUint8Array: false, mapsAsObjects: true })

/** The payload of a row. The first item is the number of the row's layout. */
export const encodeItems = (items: readonly unknown[]): Buffer => cbor.encode(items)

/**
 * The items of a payload. Integers may have any of CBOR's widths, or be floating-point numbers: docs/format.md
 * leaves that to the writer. Throws StoreCorrupt where the payload is no array, and for a number that is no
 * integer or beyond 2⁵³ − 1, with which JavaScript would compute wrong results.
 */
export function decodeItems(payload: Buffer): unknown[] {
  let items: unknown
  try {
    items = cbor.decode(payload)
  } catch (error) {
    throw new CofferError('StoreCorrupt', { what: 'a row that is no CBOR' }, error)
  }
  if (!Array.isArray(items)) {
    throw new CofferError('StoreCorrupt', { what: 'a row that is no array' })
  }
  settleNumbers(items)
  return items
}

/** Replaces each BigInt in a decoded value, which the decoder returns for 64 bits, by a number. The function
 * runs for every row that is read. One loop for indexes and names alike would take seven times as long. */
function settleNumbers(value: object): void {
  if (value instanceof Uint8Array) return
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i]
      if (typeof item === 'number' || typeof item === 'bigint') value[i] = numberOf(item)
      else if (typeof item === 'object' && item !== null) settleNumbers(item)
    }
    return
  }
  const fields = value as Record<string, unknown>
  for (const name in fields) {
    const field = fields[name]
    if (typeof field === 'number' || typeof field === 'bigint') fields[name] = numberOf(field)
    else if (typeof field === 'object' && field !== null) settleNumbers(field)
  }
}

function numberOf(value: number | bigint): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw new CofferError('StoreCorrupt', { what: 'a row with a number beyond its range' })
}

/** True where two decoded values are equal. Absent fields equal null, and the order of a map's names does not
 * count. */
export function saySame(a: unknown, b: unknown): boolean {
  if (a == null || b == null) return (a ?? null) === (b ?? null)
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const names = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...names].every((name) => saySame(left[name], right[name]))
}
