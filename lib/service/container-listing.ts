// An account's containers in byte order of their names, folded by a delimiter where one is given.
import type { Caller } from '../auth/identity.ts'
import type { Catalog, Page, Row, Scan } from '../catalog/catalog.ts'
import { countersOf } from '../catalog/framing.ts'
import {
  compareKeys,
  containerPrefix,
  containerUsageKey,
  endOf,
  startBehind,
  successorOf,
} from '../catalog/keys.ts'
import { containerRow } from '../catalog/rows.ts'
import { SCAN_LIMIT_MAX } from '../catalog/scan.ts'
import { authorize } from './access.ts'
import type { ContainerInfo, ContainerListInput, ContainerListing } from './container-types.ts'
import { describeContainer } from './containers.ts'
import type { Stores } from './stores.ts'

/** One page, of `limit` entries unless the listing ends before. Throws AccessDenied. */
export async function listContainers(
  stores: Stores,
  caller: Caller,
  account: string,
  input: ContainerListInput,
): Promise<ContainerListing> {
  await authorize(stores, caller, { account }, 'readAccount')
  const base = containerPrefix(account)
  const entries: (ContainerInfo | string)[] = []
  let range = rangeOf(base, input)
  while (range !== undefined && entries.length < input.limit) {
    const limit = Math.min(SCAN_LIMIT_MAX, input.limit - entries.length)
    const page = await stores.catalog.scan({ ...range, limit })
    entries.push(...(await describePage(stores.catalog, account, page)))
    if (page.cursor === undefined) return { entries, truncated: false }
    range = range.reverse ? { ...range, to: page.cursor } : { ...range, from: page.cursor }
  }
  return { entries, truncated: range !== undefined && input.limit > 0 }
}

/** The keys between `after` and `until`; undefined where there can be none. */
function rangeOf(base: string, input: ContainerListInput): Omit<Scan, 'limit'> | undefined {
  const { delimiter = '', after = '', until = '', reverse = false } = input
  const prefix = base + (input.prefix ?? '')
  const [lower, upper] = reverse ? [until, after] : [after, until]
  const from = lower === '' ? prefix : startOf(prefix, base + lower, delimiter)
  const end = endOf(prefix)
  const to = upper !== '' && compareKeys(base + upper, end) < 0 ? base + upper : end
  if (from === undefined || compareKeys(from, to) >= 0) return undefined
  const group = delimiter === '' ? undefined : { prefix, delimiter }
  return { from, to, reverse, group }
}

/** Behind a key, and behind all of a common prefix where the key names one. */
function startOf(prefix: string, key: string, delimiter: string): string | undefined {
  const isGroup =
    delimiter !== '' &&
    key.startsWith(prefix) &&
    key.indexOf(delimiter, prefix.length) === key.length - delimiter.length
  return isGroup ? successorOf(key) : startBehind(key, prefix)
}

/** Rows of the page with their counters, which are one read for all. */
async function describePage(
  catalog: Catalog,
  account: string,
  { entries }: Page,
): Promise<(ContainerInfo | string)[]> {
  const start = containerPrefix(account).length
  const nameOf = (row: Row) => row.key.slice(start)
  const rows = entries.filter((entry): entry is Row => !('group' in entry))
  const keys = rows.map((row) => containerUsageKey(account, nameOf(row)))
  const usage = keys.length === 0 ? [] : await catalog.getMany(keys)
  const counters = new Map(rows.map((row, i) => [row, usage[i]]))
  return entries.map((entry) => {
    if ('group' in entry) return entry.group.slice(start)
    const counted = counters.get(entry)
    return describeContainer(
      { account, container: nameOf(entry) },
      containerRow.decode(entry.value),
      counted && countersOf(counted.value),
    )
  })
}
