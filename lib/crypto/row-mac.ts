// MACs of rows that say who may do what: a row that somebody edited without a root key gives nobody a right. The MAC is
// the last item of a row and covers all of its bytes before (D-ROW-MAC). See docs/format.md §5.
import { createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Keyring } from './cipher.ts'
import { hmac, KEY_BYTES } from './keys.ts'

export const MAC_BYTES = 16
/** CBOR's head of a byte string of 16 bytes (RFC 8949 §3.1). */
const MAC_HEAD = 0x50
/** The last bytes of a row with a MAC: the head and the MAC. */
const TAIL_BYTES = 1 + MAC_BYTES
const RIGHTS_LABEL = 'coffer/v2 rights'
const CATALOG_ID_BYTES = 16

/** Rows whose MAC was right are kept, up to this many, so that a row that is read again costs no hash (D-MAC-KEPT). */
const KEPT_ROWS_MAX = 4096
/** Largest row that is kept, in bytes. */
const KEPT_ROW_BYTES_MAX = 2048

/** Makes and checks the MACs of one catalog's rows. */
export interface RowMacs {
  /** Id of the root key under which `sign` signs. */
  readonly active: string
  /** True where the keyring has the root key. */
  has(rootKeyId: string): boolean
  /** Fills in the MAC of a payload that ends with a byte string of 16 bytes, and names the active key before. Throws
   * RangeError for another payload, or where the active key is missing. */
  sign(rowKey: string, payload: Buffer): Buffer
  /** True where the payload ends with the right MAC under the root key of that id, which is in the keyring.
   */
  holds(rowKey: string, payload: Buffer, rootKeyId: string): boolean
}

/** HKDF-SHA256(root key, no salt, "coffer/v2 rights", 32 bytes). */
const rightsKeyOf = (rootKey: Buffer) =>
  Buffer.from(
    hkdfSync('sha256', createSecretKey(rootKey), Buffer.alloc(0), RIGHTS_LABEL, KEY_BYTES),
  )

const hasTail = (payload: Buffer) =>
  payload.length > TAIL_BYTES && payload[payload.length - TAIL_BYTES] === MAC_HEAD

/** field(catalog id) ‖ field(row key) ‖ field(payload before the MAC). */
function messageOf(catalogId: Buffer, rowKey: string, payload: Buffer): Buffer {
  const keyBytes = Buffer.from(rowKey)
  const fields = [catalogId, keyBytes, payload.subarray(0, -TAIL_BYTES)]
  const message = Buffer.allocUnsafe(fields.reduce((sum, field) => sum + 4 + field.length, 0))
  let at = 0
  for (const field of fields) {
    at = message.writeUInt32BE(field.length, at)
    at += field.copy(message, at)
  }
  return message
}

/** A row whose MAC was right, by its bytes: a revision is no proof, because whoever edits a row can leave it. */
interface Kept {
  readonly payload: Buffer
  readonly rootKey: Buffer
}

/** `catalogId`: 32 hex digits. `wrong` is called with the key of each row whose MAC does not hold. Keys of the keyring are
 * read anew where they may have changed. */
export function rowMacs(
  keyring: Keyring,
  catalogId: string,
  wrong: (rowKey: string) => void = () => {},
): RowMacs {
  const catalog = Buffer.from(catalogId, 'hex')
  if (catalog.length !== CATALOG_ID_BYTES) throw new RangeError('a catalog id has 32 hex digits')
  // The derived keys, by the root key's Buffer: a key that left the keyring leaves the cache.
  const derived = new WeakMap<Buffer, Buffer>()
  const kept = new Map<string, Kept>()
  const macOf = (rootKey: Buffer, rowKey: string, payload: Buffer): Buffer => {
    let key = derived.get(rootKey)
    if (key === undefined) {
      key = rightsKeyOf(rootKey)
      derived.set(rootKey, key)
    }
    return hmac(key, messageOf(catalog, rowKey, payload)).subarray(0, MAC_BYTES)
  }
  const keep = (rowKey: string, payload: Buffer, rootKey: Buffer) => {
    if (payload.length > KEPT_ROW_BYTES_MAX) return
    kept.delete(rowKey)
    // The row that was kept first makes room.
    const [first] = kept.keys()
    if (kept.size >= KEPT_ROWS_MAX) kept.delete(first!)
    // A copy, because a store's row may be a slice of a much larger answer.
    kept.set(rowKey, { payload: Buffer.from(payload), rootKey })
  }
  const isRight = (rowKey: string, payload: Buffer, rootKeyId: string): boolean => {
    const rootKey = keyring.key(rootKeyId)
    if (rootKey === undefined || !hasTail(payload)) return false
    const before = kept.get(rowKey)
    if (before?.rootKey === rootKey && before.payload.equals(payload)) return true
    const holds = timingSafeEqual(payload.subarray(-MAC_BYTES), macOf(rootKey, rowKey, payload))
    if (holds) keep(rowKey, payload, rootKey)
    return holds
  }
  return {
    get active() {
      return keyring.active
    },
    has: (rootKeyId) => keyring.key(rootKeyId) !== undefined,
    sign(rowKey, payload) {
      if (!hasTail(payload)) throw new RangeError('a payload ends with room for a MAC')
      const rootKey = keyring.key(keyring.active)
      if (rootKey === undefined) throw new RangeError('the active root key is missing')
      const signed = Buffer.from(payload)
      macOf(rootKey, rowKey, payload).copy(signed, signed.length - MAC_BYTES)
      return signed
    },
    holds(rowKey, payload, rootKeyId) {
      const holds = isRight(rowKey, payload, rootKeyId)
      if (!holds) wrong(rowKey)
      return holds
    },
  }
}
