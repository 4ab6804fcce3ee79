// Which root keys a catalog needs: the count over all rows, and the row that spares most counts (D-ROOT-KEYS-ROW).
import { openBackup } from '../catalog/backup.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { openRow } from '../catalog/framing.ts'
import { type RootKeys, readRootKeys, replaceRootKeys } from '../catalog/root-keys-row.ts'
import { isUnavailable } from '../errors.ts'
import { attemptsEnded } from '../service/stores.ts'
import { countHanging, countRootKeys, type KeyUse, mayHang } from './hanging-rows.ts'

/**
 * Writes down, durably, that rows may come to lie under the key. To be called before the key wraps. The row changes
 * also where it named the key before, so that a count that runs meanwhile does not strike the key out.
 */
export async function noteRootKey(catalog: Catalog, id: string): Promise<void> {
  for (;;) {
    const before = await readRootKeys(catalog)
    // Nothing is known: a row of one key would claim that there are no others.
    if (before === undefined) return
    if (await replaceRootKeys(catalog, before, new Set([...before.ids, id]))) return
  }
}

/**
 * Writes down that rows lie under these keys at most, unless the row has changed since it was `before`. Where nothing
 * can be written the row stays: it names more keys than it need, or is not there, and both are safe.
 */
export async function noteNeeded(
  catalog: Catalog,
  before: RootKeys | undefined,
  ids: readonly string[],
): Promise<void> {
  const needed = new Set(ids)
  if (before?.ids.length === needed.size && before.ids.every((id) => needed.has(id))) return
  try {
    await replaceRootKeys(catalog, before, needed)
  } catch (error) {
    if (!isUnavailable(error)) throw error
  }
}

/** Ids of the keys that wrap at this moment: the active one, and that of a rewrap under way. */
export type Wrapping = () => readonly string[]

/** Counts the rows under every root key, and strikes keys without any out of the row. Rejects with StoreUnavailable where
 * rows cannot be read, StoreCorrupt. */
export async function countUses(
  catalog: Catalog,
  wrapping: Wrapping,
): Promise<Map<string, KeyUse>> {
  const first = wrapping()
  const before = await readRootKeys(catalog)
  // What was wrapped under a key that was active until now may not be committed yet.
  await attemptsEnded(catalog)
  const uses = await countRootKeys({ catalog })
  await noteNeeded(catalog, before, [...uses.keys(), ...first, ...wrapping()])
  return uses
}

/** The rows under those of `ids` that any row hangs on. Reads one row where the row of root keys names none of them. */
export async function usesOf(
  catalog: Catalog,
  ids: readonly string[],
  wrapping: Wrapping,
): Promise<Map<string, KeyUse>> {
  if (ids.length === 0) return new Map()
  const known = await readRootKeys(catalog)
  if (known !== undefined && !ids.some((id) => known.ids.includes(id))) return new Map()
  const uses = await countUses(catalog, wrapping)
  return new Map(ids.flatMap((id) => (uses.has(id) ? [[id, uses.get(id)!] as const] : [])))
}

/** Counts the rows of a backup under every root key. Rejects with FormatNewer, FileInvalid. */
export async function countBackup(file: string): Promise<Map<string, KeyUse>> {
  const uses = new Map<string, KeyUse>()
  const backup = await openBackup(file)
  try {
    for await (const page of backup.pages()) {
      for (const { key, framed } of page) {
        if (mayHang(key)) countHanging(uses, openRow(key, framed))
      }
    }
  } finally {
    await backup.close()
  }
  return uses
}
