// What a node holds its keyring against when it starts, and when the file is read again: no key may go on which a row
// hangs.
import type { Logger } from 'pino'
import type { Catalog } from '../../lib/catalog/catalog.ts'
import { readRootKeys } from '../../lib/catalog/root-keys-row.ts'
import { type ListedKeyring, openKeyring } from '../../lib/crypto/keyring.ts'
import { changedRootKeys, type ReplaceableKeyring } from '../../lib/crypto/keyring-edit.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import { type KeyUse, sayUse } from '../../lib/upkeep/hanging-rows.ts'
import { countUses, noteRootKey, usesOf } from '../../lib/upkeep/root-keys.ts'

interface Parts {
  readonly catalog: Catalog
  readonly keyring: ReplaceableKeyring
}

/**
 * Reads the file again. `rewrapping`: the key of a rewrap under way. Rejects with FileInvalid where the file is wrong,
 * lacks a key that rows hang on or that wraps now, or has another key under an id; with StoreUnavailable.
 */
export async function reloadKeyring(
  file: string,
  { catalog, keyring }: Parts,
  rewrapping: () => string | undefined,
): Promise<ListedKeyring> {
  const next = openKeyring(file, { create: false })
  const refuse = (...problems: string[]) => {
    throw new FileInvalid(problems.map((problem) => `${file}: ${problem}`))
  }
  const [changed] = changedRootKeys(keyring, next)
  if (changed !== undefined) {
    refuse(`the key ${changed} is another one now: what lies under it would be lost`)
  }
  const gone = keyring.ids.filter((id) => next.key(id) === undefined)
  if (gone.includes(keyring.active)) {
    refuse(`the key ${keyring.active} is active and gone from the file`)
  }
  // The key of a running rewrap may have wrapped no row yet, and will.
  const rewraps = rewrapping()
  if (rewraps !== undefined && gone.includes(rewraps)) {
    refuse(`a rewrap under the key ${rewraps} is under way, and it is gone from the file`)
  }
  const used = await usesOf(catalog, gone, () => wrappingNow(keyring, rewrapping))
  if (used.size > 0) refuse(...Array.from(used, ([id, use]) => sayGone(id, use)))
  if (next.active !== keyring.active) await noteRootKey(catalog, next.active)
  keyring.replace(next)
  return next
}

/** Ids of the keys that wrap now. */
export function wrappingNow(
  keyring: ReplaceableKeyring,
  rewrapping: () => string | undefined,
): readonly string[] {
  const rewraps = rewrapping()
  return rewraps === undefined ? [keyring.active] : [keyring.active, rewraps]
}

const sayGone = (id: string, use: KeyUse) =>
  `the key ${id} is gone from the file, and ${sayUse(use)} would be lost with it: coffer rewrap brings them under the active key`

/**
 * Holds the keyring of a node that starts against the catalog, before anything is written. A key that is missing is
 * logged, and the node goes on: what lies under other keys can be read. Rejects with StoreUnavailable, StoreCorrupt.
 */
export async function checkKeyring({ catalog, keyring }: Parts, log: Logger): Promise<void> {
  const { active } = keyring
  const missing = (await readRootKeys(catalog))?.ids.filter((id) => keyring.key(id) === undefined)
  // A count reads all versions. It is made where no row of root keys was found, or a key of it is missing.
  if (missing === undefined || missing.length > 0) {
    if (missing !== undefined) {
      log.warn({ rootKeyIds: missing }, 'the keyring lacks root keys: counting what hangs on them')
    }
    for (const [rootKeyId, use] of await countUses(catalog, () => [active])) {
      if (keyring.key(rootKeyId) !== undefined) continue
      log.error(
        { rootKeyId, ...use },
        `the keyring lacks the key ${rootKeyId}: ${sayUse(use)} cannot be read`,
      )
    }
  }
  const known = await readRootKeys(catalog)
  if (known?.ids.includes(active) === false) await noteRootKey(catalog, active)
}
