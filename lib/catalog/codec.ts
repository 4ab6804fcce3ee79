// How a kind of row is encoded: fields in a fixed order behind the number of the layout. Rows that say who may do what
// end with a MAC, and are read with the answer whether it holds. See docs/format.md §5.
import { MAC_BYTES, type RowMacs } from '../crypto/row-mac.ts'
import { CofferError } from '../errors.ts'
import { STORED_VERSION, whyNotRead } from '../format-version.ts'
import { decodeItems, encodeItems, saySame } from './cbor.ts'

/** `decode` throws StoreCorrupt as `decodeItems` does and for another number of items, and Error for another layout. */
export interface Codec<T> {
  encode(row: T): Buffer
  decode(bytes: Buffer): T
  /** True where the bytes, which any program may have encoded, mean the same row. Throws as `decode` does. */
  says(bytes: Buffer, row: T): boolean
}

/** A row with a MAC, as it was read. */
export interface ReadRow<T> {
  /** Where the MAC does not hold, only what may be believed without it. */
  readonly row: T
  /** The MAC holds: whoever wrote the row had a root key. */
  readonly holds: boolean
}

/** All but `encode` throw as `decode` of a codec does. */
export interface SignedCodec<T> {
  /** The row with its MAC under the active root key, for the key under which it will lie. */
  encode(key: string, row: T, macs: RowMacs): Buffer
  read(stored: { readonly key: string; readonly value: Buffer }, macs: RowMacs): ReadRow<T>
  /** What the bytes say, whoever wrote them. Nothing that it says may give anybody a right. */
  decodeUnproven(bytes: Buffer): T
  /** Id of the root key that the MAC claims to be under. */
  rootKeyIdOf(bytes: Buffer): string
}

/** A codec for one kind of row. */
export function codec<T extends object>(...fields: (keyof T)[]): Codec<T> {
  return makeCodec(fields, [])
}

/**
 * As `codec`, for a row that ends with the item `more`: a map by name, to which later releases add without a new layout.
 * It is empty, and a row with a name in it is refused: whoever rewrote it would drop what the name says.
 */
export function openCodec<T extends object>(...fields: (keyof T)[]): Codec<T> {
  return makeCodec(fields, [{}])
}

function makeCodec<T extends object>(fields: (keyof T)[], more: readonly object[]): Codec<T> {
  const decode = (bytes: Buffer) => toRow(fields, requireItems(bytes, fields.length, more.length))
  return {
    encode: (row) => encodeItems([STORED_VERSION, ...fields.map((field) => row[field]), ...more]),
    decode,
    says: (bytes, row) => saySame(decode(bytes), row),
  }
}

/**
 * A codec for a row with a MAC. `more`: whether the item of that name is before the MAC. `bare` leaves of a row whose MAC
 * does not hold what may be believed of it.
 */
export function signedCodec<T extends object>(
  fields: (keyof T)[],
  more: 'open' | 'closed',
  bare: (row: T) => T,
): SignedCodec<T> {
  const rest: readonly object[] = more === 'open' ? [{}] : []
  const decode = (bytes: Buffer) => requireItems(bytes, fields.length, rest.length, SIGNATURE_ITEMS)
  return {
    encode(key, row, macs) {
      const items = [STORED_VERSION, ...fields.map((field) => row[field]), ...rest]
      return macs.sign(key, encodeItems([...items, macs.active, unsigned]))
    },
    read({ key, value }, macs) {
      const items = decode(value)
      const rootKeyId = items[items.length - SIGNATURE_ITEMS]
      const row = toRow(fields, items)
      const holds = typeof rootKeyId === 'string' && macs.holds(key, value, rootKeyId)
      return { row: holds ? row : bare(row), holds }
    },
    decodeUnproven: (bytes) => toRow(fields, decode(bytes)),
    rootKeyIdOf(bytes) {
      const rootKeyId = decode(bytes).at(-SIGNATURE_ITEMS)
      if (typeof rootKeyId === 'string') return rootKeyId
      throw new CofferError('StoreCorrupt', { what: 'a row whose MAC names no root key' })
    },
  }
}

/** Items of a MAC: the id of its root key, and the MAC. */
const SIGNATURE_ITEMS = 2

const unsigned = Buffer.alloc(MAC_BYTES)

/** All items of a row with `fields` fields, perhaps `more`, and `behind` items behind that. */
function requireItems(bytes: Buffer, fields: number, more: number, behind = 0): unknown[] {
  const items = decodeItems(bytes)
  if (items[0] !== STORED_VERSION) throw new Error(whyNotRead('a row', items[0]))
  if (items.length !== 1 + fields + more + behind) {
    throw new CofferError('StoreCorrupt', { what: 'a row with another number of items' })
  }
  if (more > 0) requireEmpty(items[1 + fields])
  return items
}

function toRow<T>(fields: (keyof T)[], items: unknown[]): T {
  const row = {} as T
  for (let i = 0; i < fields.length; i++) row[fields[i]!] = (items[i + 1] ?? null) as T[keyof T]
  return row
}

function requireEmpty(more: unknown): void {
  const isMap = typeof more === 'object' && more?.constructor === Object
  const [name] = isMap ? Object.keys(more) : [typeof more]
  if (name !== undefined) throw new CofferError('StoreCorrupt', { what: 'more of a row', name })
}
