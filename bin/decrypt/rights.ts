// MACs of rows that say who may do what, written from docs/format.md §5.1 alone. Content proves itself; what a row says of
// it (type, metadata, writer), and who may read it, is proven by the row's MAC under a root key.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { decodeCbor, Malformed } from './cbor.ts'
import type { Rows } from './database.ts'
import { Failure } from './failure.ts'
import type { RootKeys } from './keys.ts'
import { payloadOf, shownKey } from './rows.ts'
import { uint32 } from './sealed.ts'

const MAC_HEAD = 0x50
const MAC_BYTES = 16
const TAIL_BYTES = 1 + MAC_BYTES

/** Kinds of rows that have a MAC, besides versions. */
const SIGNED = ['account', 'bucket', 'container', 'upload']
/** Rows that are named; the others are counted. */
const NAMED_MAX = 100

/** The id of the root key: the last item but the MAC. Undefined for a row that has none. */
function rootKeyIdOf(payload: Buffer): string | undefined {
  let items: unknown
  try {
    items = decodeCbor(payload)
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
  const id: unknown = Array.isArray(items) ? items.at(-2) : undefined
  return typeof id === 'string' ? id : undefined
}

export class Rights {
  readonly #rootKeys: RootKeys
  readonly #catalogId: string

  constructor(rootKeys: RootKeys, catalogId: string) {
    this.#rootKeys = rootKeys
    this.#catalogId = catalogId
  }

  /** True where the payload of the row ends with the right MAC. */
  isRight(key: Buffer, payload: Buffer): boolean {
    const end = payload.length - TAIL_BYTES
    if (end < 0 || payload[end] !== MAC_HEAD) return false
    const rootKey = this.#rootKeys(rootKeyIdOf(payload) ?? '')
    if (rootKey === undefined) return false
    const rightsKey = Buffer.from(hkdfSync('sha256', rootKey, '', 'coffer/v2 rights', 32))
    const hmac = createHmac('sha256', rightsKey)
    for (const field of [Buffer.from(this.#catalogId, 'hex'), key, payload.subarray(0, end)]) {
      hmac.update(uint32(field.length)).update(field)
    }
    return timingSafeEqual(hmac.digest().subarray(0, MAC_BYTES), payload.subarray(end + 1))
  }

  /** As `isRight`, of a row as it is stored. Throws Failure damaged. */
  holds(key: Buffer, value: Buffer): boolean {
    return this.isRight(key, payloadOf(key, value))
  }
}

interface Signed {
  readonly rows: Rows
  readonly rights?: Rights | undefined
}

const say = (what: string) => process.stderr.write(`coffer decrypt: ${what}\n`)

/** Says where the MAC of an object's version does not hold. Without a keyring nothing is checked. */
export function noteVersion({ rights }: Signed, key: Buffer, value: Buffer): void {
  if (rights?.holds(key, value) === false) {
    say(`the MAC of row ${shownKey(key)} does not hold: somebody may have edited what it says`)
  }
}

/** Says which rows of accounts, containers, names and uploads have a MAC that does not hold, or are damaged. */
export async function noteRights({ rows, rights }: Signed): Promise<void> {
  if (rights === undefined) return
  let wrong = 0
  for (const kind of SIGNED) {
    for await (const [key, value] of rows.below(Buffer.from(`${kind}/`))) {
      if (isSound(rights, key, value)) continue
      if (wrong++ < NAMED_MAX) say(`the MAC of row ${shownKey(key)} does not hold`)
    }
  }
  if (wrong > 0) say(`rights: the MACs of ${wrong} rows do not hold: somebody may have edited them`)
}

function isSound(rights: Rights, key: Buffer, value: Buffer): boolean {
  try {
    return rights.holds(key, value)
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}
