// What a container is set to, in rows beside its own: whoever reads and writes objects decodes none of them. Each
// row bears its container's id, so that no setting reaches a later container of the same name. The container's row, which
// has a MAC, has a digest of each, so that no setting is edited, or brought back, without a root key (D-SETTING-DIGEST).
import { hash } from 'node:crypto'
import type { Row } from '../catalog/catalog.ts'
import { endOf, rowKeys, settingPrefix } from '../catalog/keys.ts'
import {
  type ContainerRow,
  type SettingKind,
  type SettingValues,
  settingRow,
} from '../catalog/rows.ts'
import { CofferError, isCode } from '../errors.ts'
import type { ContainerRef } from './container-types.ts'
import { commitWithRetry, type Draft, type Stores } from './stores.ts'

/** A kind of setting as it was found. */
export interface StoredSetting<K extends SettingKind> {
  readonly kind: K
  /** The container that is there now, or the one that a commit makes. */
  readonly container: Pick<ContainerRow, 'id' | 'settings'>
  /** The row under the setting's key, read at one moment with the container's. It may be what an earlier container
   * of that name left, which the sweep has not removed yet. */
  readonly stored: Row | undefined
}

/** SHA-256 of a setting's row, as the container's row has it. */
export const digestOfSetting = (value: Buffer): Buffer => hash('sha256', value, 'buffer')

/** What the container is set to; undefined where it is not. Throws StoreCorrupt where the row is not the one that the
 * container's row names. */
export function settingOf<K extends SettingKind>({
  kind,
  container,
  stored,
}: StoredSetting<K>): SettingValues[K] | undefined {
  const digest = container.settings[kind]
  if (digest === undefined) return undefined
  if (stored !== undefined && digestOfSetting(stored.value).equals(digest)) {
    const { containerId, value } = settingRow.decode(stored.value)
    if (containerId === container.id) return value
  }
  throw new CofferError('StoreCorrupt', { what: 'a setting', kind, container: container.id })
}

/** As `settingOf`, for whoever may set anew what nobody proves: a setting that is corrupt is none (D-MAC-ANEW). */
export function soundSettingOf<K extends SettingKind>(
  setting: StoredSetting<K>,
): SettingValues[K] | undefined {
  try {
    return settingOf(setting)
  } catch (error) {
    if (!isCode(error, 'StoreCorrupt')) throw error
    return undefined
  }
}

/** Adds to a draft, which expects or makes the container's row: the setting is that, or none. Returns what the container's
 * row must say of its settings then. */
export function draftSetting<K extends SettingKind>(
  draft: Draft,
  { account, container }: ContainerRef,
  setting: StoredSetting<K>,
  value: SettingValues[K] | undefined,
): ContainerRow['settings'] {
  const { kind, stored } = setting
  const { id: containerId, settings } = setting.container
  const key = rowKeys.setting(account, container, kind)
  const { [kind]: _, ...others } = settings
  if (value === undefined) {
    if (stored !== undefined) draft.expect(key, stored).del(key)
    return others
  }
  const row = settingRow.encode({ containerId, value })
  draft.expect(key, stored).put(key, row)
  return { ...others, [kind]: digestOfSetting(row) }
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
