// Lists a container's objects in byte order of their names, forwards or backwards, folded by a delimiter where one is
// given. `fillPage` fills a listing's page from the catalog's pages, for all listings.
import type { Asker } from '../auth/asker.ts'
import { type Catalog, type Page, type Row, SCAN_LIMIT_MAX, type Scan } from '../catalog/catalog.ts'
import {
  compareKeys,
  endOf,
  isFolded,
  objectPrefix,
  startBehind,
  successorOf,
} from '../catalog/keys.ts'
import { objectRow } from '../catalog/rows.ts'
import { spend } from '../turns.ts'
import { authorize } from './access.ts'
import type { ContainerRef, ListedObject, ListInput, Listing } from './container-types.ts'
import type { Stores } from './stores.ts'
import { requireContainer } from './versions.ts'

/** The range of the catalog that is scanned for a listing, page by page. */
export type Range = Omit<Scan, 'limit'>

/** The entries that a page of the catalog shows in a listing, and the cursor of the next page. */
export interface Shown<T> {
  readonly entries: readonly T[]
  readonly cursor?: string | undefined
}

/** Factor by which pages of the catalog grow while they show no entry. */
const GROWTH = 4

/**
 * One page of a listing: objects that a plain GET shows, and common prefixes. The page is full unless the listing
 * ends with it. Objects that are due are left out (D-DUE). A common prefix of nothing but due objects is shown until
 * the sweep has deleted them. Throws AccessDenied, ContainerMissing.
 */
export async function listObjects(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  input: ListInput,
): Promise<Listing> {
  await authorize(stores, asker, 'listObjects', ref)
  await requireContainer(stores.catalog, ref)
  const base = objectPrefix(ref.account, ref.container)
  const range = rangeOf(base, input)
  const self = base + (input.prefix ?? '')
  const nowSeconds = Math.floor(Date.now() / 1000)

  const show = async (page: Page): Promise<Shown<ListedObject | string>> => {
    const found = input.childrenOnly
      ? await findChildren(stores.catalog, range, self, page.entries)
      : page.entries
    const entries: (ListedObject | string)[] = []
    for (const entry of found) {
      if ('group' in entry) {
        entries.push(entry.group.slice(base.length))
        continue
      }
      const object = describeRow(entry.key.slice(base.length), entry.value, nowSeconds)
      if (object !== undefined) entries.push(object)
    }
    return { entries, cursor: page.cursor }
  }

  const { entries, truncated } = await fillPage(stores.catalog, range, input.limit, show)
  if (!truncated) return { entries, truncated }
  const last = entries.at(-1)!
  return { entries, truncated, next: typeof last === 'string' ? last : last.object }
}

/** An object's row as a listing shows it. Undefined for an object that is due, which the sweep deletes later. */
function describeRow(object: string, value: Buffer, nowSeconds: number): ListedObject | undefined {
  const { timeMicros, size, etag, type, checksum, deleteAtSeconds, manifest } =
    objectRow.decode(value).summary!
  if (deleteAtSeconds != null && deleteAtSeconds <= nowSeconds) return undefined
  return {
    object,
    timeMicros,
    size,
    etag,
    type,
    checksum: checksum === null ? null : { algorithm: checksum[0], type: checksum[1] },
    ...(manifest != null && { manifest }),
  }
}

/**
 * The rows of objects directly below a prefix. A group shows only the object whose name is the group's, which Swift's
 * clients make for a directory. The object whose name is the prefix is never shown (swift/container/backend.py).
 */
async function findChildren(
  catalog: Catalog,
  { from, to }: Range,
  self: string,
  entries: Page['entries'],
): Promise<Row[]> {
  const groups: string[] = []
  for (const entry of entries) {
    // A range that begins or ends within a group does not contain the key of the group's own name.
    if (!('group' in entry)) continue
    const { group } = entry
    if (compareKeys(group, from) >= 0 && compareKeys(group, to) < 0) groups.push(group)
  }
  const named = groups.length === 0 ? [] : await catalog.getMany(groups)
  const byGroup = new Map(groups.map((group, i) => [group, named[i]]))
  return entries
    .map((entry) => ('group' in entry ? byGroup.get(entry.group) : entry))
    .filter((row) => row !== undefined && row.key !== self) as Row[]
}

/**
 * The range of keys below `base` that a listing shows: `from` and those behind it, before `to`. Where no key can be
 * shown, `from` is not before `to`.
 *
 * A client names two ends, which are not shown: `after` and `until`, of which `after` is the upper one where the
 * listing is reversed. A lower end may be a common prefix, as `photos/`. Then no name that begins with it is shown,
 * because the listing has one entry for all of them, forwards and backwards (list_objects_iter in Swift's
 * swift/container/backend.py). An upper end needs no such rule: names that begin with it sort behind it.
 */
export function rangeOf(
  base: string,
  { prefix: names = '', delimiter = '', after = '', until = '', reverse = false }: ListInput,
): Range {
  const prefix = base + names
  const [lower, upper] = reverse ? [until, after] : [after, until]
  const start = base + lower
  const from =
    lower === ''
      ? prefix
      : isFolded(start, prefix, delimiter)
        ? successorOf(start)!
        : startBehind(start, prefix)
  const end = endOf(prefix)
  const to = upper !== '' && compareKeys(base + upper, end) < 0 ? base + upper : end
  return { from, to, reverse, group: delimiter === '' ? undefined : { prefix, delimiter } }
}

/**
 * The first `limit` entries that the pages of a range show. `truncated` is true only where another entry follows. The
 * catalog's pages have at most `rowsMax` rows.
 */
export async function fillPage<T>(
  catalog: Catalog,
  range: Range,
  limit: number,
  show: (page: Page) => Promise<Shown<T>>,
  rowsMax = SCAN_LIMIT_MAX,
): Promise<{ entries: T[]; truncated: boolean }> {
  const entries: T[] = []
  if (limit === 0) return { entries, truncated: false }
  let { from, to } = range
  let least = 1
  while (compareKeys(from, to) < 0) {
    const wanted = Math.max(least, limit - entries.length)
    const page = await catalog.scan({ ...range, from, to, limit: Math.min(wanted, rowsMax) })
    const shown = await show(page)
    const turn = spend(page.entries.length)
    if (turn !== undefined) await turn
    for (const entry of shown.entries) entries.push(entry)
    if (entries.length > limit) return { entries: entries.slice(0, limit), truncated: true }
    if (shown.cursor === undefined) break
    if (entries.length === limit && (await showsMore(page, shown, show))) {
      return { entries, truncated: true }
    }
    if (range.reverse) to = shown.cursor
    else from = shown.cursor
    least = shown.entries.length === 0 ? least * GROWTH : 1
  }
  return { entries, truncated: false }
}

/** True where the page itself proves that another entry follows. */
async function showsMore<T>(
  { cursor, following }: Page,
  shown: Shown<T>,
  show: (page: Page) => Promise<Shown<T>>,
): Promise<boolean> {
  if (following === undefined || shown.cursor !== cursor) return false
  return (await show({ entries: [following] })).entries.length > 0
}
