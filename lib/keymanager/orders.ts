// Orders: a random key that the key manager draws, as a secret. It is there when the order is answered.
import { randomBytes } from 'node:crypto'
import type { Identity } from '../auth/identity.ts'
import type { SecretOrderRow } from '../catalog/identity-rows.ts'
import { IdentityRefused } from '../identity/refused.ts'
import { userIdOf } from '../identity/user-names.ts'
import { nowMicros } from '../names.ts'
import { commitWithRetry } from '../service/stores.ts'
import {
  draftKept,
  drawUuid,
  dropKept,
  findKept,
  type Keep,
  listKept,
  requireKeeper,
  requireRoom,
} from './keep.ts'
import { draftSecret } from './secrets.ts'

/** Lengths in bits that keys of an algorithm may have; others may have any whole number of bytes. */
const bitLengths: Readonly<Record<string, readonly number[]>> = {
  aes: [128, 192, 256],
  des: [56, 64],
  desede: [112, 128, 168, 192],
}
const BIT_LENGTH_MAX = 4096

export interface OrderMeta {
  readonly name: string
  readonly algorithm: string
  readonly bitLength: number
  readonly mode: string | null
  readonly expiresMicros: number | null
}

/** Throws IdentityRefused `invalid` for a key that there is not. */
function requireKey({ algorithm, bitLength }: OrderMeta): void {
  const known = bitLengths[algorithm.toLowerCase()]
  const isWhole = bitLength > 0 && bitLength % 8 === 0 && bitLength <= BIT_LENGTH_MAX
  if (isWhole && (known === undefined || known.includes(bitLength))) return
  throw new IdentityRefused('invalid', `There is no key of ${algorithm} with ${bitLength} bits.`)
}

/** Draws the key, and returns the order's id. `meta` is what the client sent, and is shown again. */
export async function createOrder(
  keep: Keep,
  caller: Identity,
  asked: OrderMeta,
  meta: SecretOrderRow['meta'],
): Promise<string> {
  requireKeeper(caller)
  requireKey(asked)
  const { account: project } = caller
  const { catalog } = keep
  const bytes = randomBytes(asked.bitLength / 8)
  try {
    return await commitWithRetry(catalog, async (draft) => {
      await requireRoom(keep, project, 'secret-order')
      const payload = { type: 'application/octet-stream', bytes } as const
      const secret = await draftSecret(
        keep,
        draft,
        caller,
        { ...asked, type: 'symmetric' },
        payload,
      )
      const id = drawUuid()
      const creator = userIdOf(caller)
      const row = { createdMicros: nowMicros(), creator, type: 'key', meta, secret }
      draftKept(keep, draft, 'secret-order', { project, id }, row)
      return id
    })
  } finally {
    bytes.fill(0)
  }
}

/** An order that the caller may see. Rejects as `findKept`. */
export const findOrder = (keep: Keep, caller: Identity, id: string) =>
  findKept(keep, caller, 'secret-order', id, 'read')

/** The secret that was made stays. */
export async function deleteOrder(keep: Keep, caller: Identity, id: string): Promise<void> {
  await commitWithRetry(keep.catalog, async (draft) => {
    const found = await findKept(keep, caller, 'secret-order', id, 'change')
    dropKept(draft, 'secret-order', id, found)
  })
}

/** A page of the orders of the caller's project. Rejects as `listKept`. */
export const listOrders = (
  keep: Keep,
  caller: Identity,
  page: { readonly offset: number; readonly limit: number },
) => listKept(keep, caller, 'secret-order', page, () => true)
