// Seals objects that are under the root key anew under a customer's key, for a large object that comes with one: clients
// such as `swift upload -S --header` send the key with the manifest alone (D-SEAL-TARGETS).
import type { Asker } from '../auth/asker.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { authorize } from './access.ts'
import { copyObject } from './copy.ts'
import type { Stores } from './stores.ts'
import type { ObjectRef } from './types.ts'
import { type FoundVersion, sealingOf } from './versions.ts'

/** Objects that are sealed at once. */
const SEALED_AT_ONCE = 2

/** True for an object that a customer's key would not open, and can be sealed under one. */
export const needsSealing = ({ row }: FoundVersion, cipher: Cipher): boolean =>
  cipher.sealing === 'customer' && sealingOf(row) === 'root'

/**
 * Throws AccessDenied unless the asker may write the object: who may only read could take it hostage. Throws
 * KeyNotApplicable for one that is made of others: its parts would stay as they are.
 */
export async function requireSealable(stores: Stores, asker: Asker, { ref, row }: FoundVersion) {
  await authorize(stores, asker, 'putObject', ref)
  if (row.manifest !== undefined || row.gathers !== undefined) {
    throw new CofferError('KeyNotApplicable')
  }
}

/**
 * Seals the objects, each in a commit of its own and only if it is what was found. Where that ends early, those that are
 * done open with the key, so that the same request goes on behind them. Throws what a copy throws, PreconditionFailed for
 * an object that was written meanwhile.
 */
export async function sealTargets(
  stores: Stores,
  asker: Asker,
  targets: Iterable<FoundVersion>,
  cipher: Cipher,
): Promise<void> {
  const left = targets[Symbol.iterator]()
  const work = async () => {
    for (let next = left.next(); !next.done; next = left.next()) {
      const { ref, row } = next.value
      await sealOne(stores, asker, ref, row.etag, cipher)
    }
  }
  await Promise.all(Array.from({ length: SEALED_AT_ONCE }, work))
}

async function sealOne(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  etag: string,
  cipher: Cipher,
): Promise<void> {
  await copyObject(stores, asker, ref, {
    ...{ from: ref, fromCipher: stores.rootCipher, cipher },
    conditions: { ifMatch: [etag] },
    changesSelf: true,
    // All of its description stays, its expiry too.
    revise: (source) => source,
  })
}
