// An account's containers in byte order of their names, folded by a delimiter where one is given.
import type { Asker } from '../auth/asker.ts'
import { countersOf, type Page, type Row } from '../catalog/catalog.ts'
import { containerPrefix, rowKeys } from '../catalog/keys.ts'
import { containerRow } from '../catalog/rows.ts'
import { authorize } from './access.ts'
import type { ContainerListInput, ContainerListing, ListedContainer } from './container-types.ts'
import { describeContainer } from './containers.ts'
import { fillPage, rangeOf, type Shown } from './listing.ts'
import type { Stores } from './stores.ts'

/** One page of the listing, with `limit` entries unless the listing ends before. Throws AccessDenied. */
export async function listContainers(
  stores: Stores,
  asker: Asker,
  account: string,
  input: ContainerListInput,
): Promise<ContainerListing> {
  await authorize(stores, asker, 'listContainers', { account })
  const base = containerPrefix(account)
  const nameOf = (row: Row) => row.key.slice(base.length)

  // The counters of all containers of a page are read at once.
  const show = async ({ entries, cursor }: Page): Promise<Shown<ListedContainer | string>> => {
    const rows = entries.filter((entry): entry is Row => 'key' in entry)
    const keys = rows.map((row) => rowKeys.containerUsage(account, nameOf(row)))
    const usage = keys.length === 0 ? [] : await stores.catalog.getMany(keys)
    const counters = new Map(rows.map((row, i) => [row, usage[i]]))
    const shown = entries.map((entry) => {
      if ('group' in entry) return entry.group.slice(base.length)
      const counted = counters.get(entry)
      const ref = { account, container: nameOf(entry) }
      const { row } = containerRow.read(entry, stores.macs)
      return describeContainer(ref, row, counted && countersOf(counted.value))
    })
    return { entries: shown, cursor }
  }

  return await fillPage(stores.catalog, rangeOf(base, input), input.limit, show)
}
