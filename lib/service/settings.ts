// What a container is set to, in rows beside its own: whoever reads and writes objects decodes none of them. Each
// row bears its container's id, so that no setting reaches a later container of the same name.
import type { Row } from '../catalog/catalog.ts'
import { endOf, rowKeys, settingPrefix } from '../catalog/keys.ts'
import { type SettingKind, type SettingValues, settingRow } from '../catalog/rows.ts'
import type { ContainerRef } from './container-types.ts'
import { commitWithRetry, type Draft, decoded, type Stores } from './stores.ts'

/** A kind of setting as it was found. */
export interface StoredSetting<K extends SettingKind> {
  readonly kind: K
  /** Of the container that is there now, or of the one that a commit makes. */
  readonly containerId: string
  /** The row under the setting's key, read at one moment with the container's. It may be what an earlier container
   * of that name left, which the sweep has not removed yet. */
  readonly stored: Row | undefined
}

/** What the container is set to; undefined where it is not. */
export function settingOf<K extends SettingKind>({
  containerId,
  stored,
}: StoredSetting<K>): SettingValues[K] | undefined {
  const row = decoded(settingRow, stored)
  return row?.containerId === containerId ? row.value : undefined
}

/** Adds to a draft, which expects or makes the container's row: the setting is that, or none. */
export function draftSetting<K extends SettingKind>(
  draft: Draft,
  { account, container }: ContainerRef,
  { kind, containerId, stored }: StoredSetting<K>,
  value: SettingValues[K] | undefined,
): void {
  const key = rowKeys.setting(account, container, kind)
  if (value === undefined && stored === undefined) return
  draft.expect(key, stored)
  if (value === undefined) draft.del(key)
  else draft.put(key, settingRow.encode({ containerId, value }))
}

/** Rows that one commit removes: each is expected and deleted. */
const SLICE_ROWS_MAX = 40

/** Removes what a deleted container was set to; the rows of a new one of the same name stay. */
export async function removeSettings(
  stores: Stores,
  { account, container }: ContainerRef,
  containerId: string,
): Promise<void> {
  const prefix = settingPrefix(account, container)
  let from: string | undefined = prefix
  while (from !== undefined) {
    const slice: string = from
    from = await commitWithRetry(stores.catalog, async (draft) => {
      const range = { from: slice, to: endOf(prefix), limit: SLICE_ROWS_MAX }
      const page = await stores.catalog.scan(range)
      for (const entry of page.entries) {
        if ('group' in entry || settingRow.decode(entry.value).containerId !== containerId) continue
        draft.expect(entry.key, entry).del(entry.key)
      }
      return page.cursor
    })
  }
}
