// Lists all versions and delete markers of a container: by name and newest first, or all of that backwards. A
// delimiter folds names. It never folds the ids behind the names in the catalog's keys.
import type { Asker } from '../auth/asker.ts'
import { type Catalog, type Page, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import {
  compareKeys,
  endOf,
  escapeName,
  isFolded,
  rowKeys,
  splitNameAndId,
  startBehind,
  successorOf,
  unescapeName,
  versionPrefix,
} from '../catalog/keys.ts'
import { type ObjectRow, objectRow, versionRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { isVersionId } from '../names.ts'
import { authorize } from './access.ts'
import type {
  ContainerRef,
  ListedVersion,
  VersionListInput,
  VersionListing,
} from './container-types.ts'
import { fillPage, type Range, type Shown } from './listing.ts'
import { decoded, type Stores } from './stores.ts'
import { isMarker, requireContainer } from './versions.ts'

/** Rows of a page where names are folded here. So many rows of a group are read before the rest is jumped over. */
const FOLDED_ROWS_MAX = 100

/** A version's row, with the name and id of its key. */
interface Found {
  readonly name: string
  readonly id: string
  readonly value: Buffer
}

/**
 * One page of versions. `afterVersion` may be removed by now, because clients delete the versions of a page before
 * they list the next one. Throws AccessDenied, ContainerMissing, VersionInvalid for a text that has not the form of a
 * version id.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
 */
export async function listVersions(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  input: VersionListInput,
): Promise<VersionListing> {
  await authorize(stores, asker, 'listVersions', ref)
  await requireContainer(stores.catalog, ref)
  const range = await rangeOf(stores.catalog, ref, input)
  const show = async (page: Page): Promise<Shown<ListedVersion | string>> => {
    const { entries, cursor } = foldNames(page, ref, range, input)
    return { entries: await describe(stores.catalog, ref, entries), cursor }
  }
  const foldsHere = Boolean(input.delimiter) && range.group === undefined
  const rowsMax = foldsHere ? FOLDED_ROWS_MAX : SCAN_LIMIT_MAX
  const { entries, truncated } = await fillPage(stores.catalog, range, input.limit, show, rowsMax)
  if (!truncated) return { entries, truncated }
  const last = entries.at(-1)!
  const next =
    typeof last === 'string' ? { object: last } : { object: last.object, versionId: last.versionId }
  return { entries, truncated, next }
}

/** The range of keys of the versions that the listing shows. Where there can be none, `from` is not before `to`. */
async function rangeOf(
  catalog: Catalog,
  ref: ContainerRef,
  input: VersionListInput,
): Promise<Range> {
  const { prefix: names = '', delimiter = '', afterObject = '', reverse = false } = input
  const base = versionPrefix(ref.account, ref.container)
  const prefix = base + escapeName(names)
  const group = foldsInKeys(delimiter) ? { prefix, delimiter } : undefined
  const range = { from: prefix, to: endOf(prefix), reverse, group }
  if (afterObject === '') return range
  const ofName = versionPrefix(ref.account, ref.container, afterObject)
  const id = await readMarker(catalog, ref, afterObject, input.afterVersion)
  if (reverse) {
    const to = id === undefined ? ofName : id === null ? endOf(ofName) : ofName + id
    return compareKeys(to, range.to) < 0 ? { ...range, to } : range
  }
  const isGroup = id === undefined && isFolded(afterObject, names, delimiter)
  if (isGroup) return { ...range, from: successorOf(base + escapeName(afterObject))! }
  const from =
    id === undefined ? endOf(ofName) : id === null ? ofName : startBehind(ofName + id, '')
  return compareKeys(from, prefix) > 0 ? { ...range, from } : range
}

/**
 * The id behind which a listing goes on within its name. Undefined: behind all versions of the name. Null: before the
 * first one, because the null version was removed and its place is no longer known.
 */
async function readMarker(
  catalog: Catalog,
  { account, container }: ContainerRef,
  object: string,
  version: string | undefined,
): Promise<string | null | undefined> {
  if (version === 'null') {
    const rows = await readObjects(catalog, { account, container }, [object])
    return rows.get(object)?.nullVersion ?? null
  }
  if (version !== undefined && !isVersionId(version)) {
    throw new CofferError('VersionInvalid', { version })
  }
  return version
}

/**
 * True for a delimiter by which the catalog can fold whole keys. It must not occur in the other parts of a key, which
 * are hex digits and the signs of an escaped name.
 */
function foldsInKeys(delimiter: string): boolean {
  return /[^0-9a-f]/.test(delimiter) && !escaping.some((sign) => delimiter.includes(sign))
}

const escaping = ['\u0000', '\u0001', '\u0002']

/**
 * The names and ids of a page's keys, and the common prefixes that the delimiter folds them into. Where the catalog
 * did not fold, the page behind one that ends within a common prefix begins behind that prefix.
 */
function foldNames(
  page: Page,
  ref: ContainerRef,
  { group, reverse }: Range,
  { prefix = '', delimiter = '' }: VersionListInput,
): Shown<Found | string> {
  const base = versionPrefix(ref.account, ref.container)
  const entries: (Found | string)[] = []
  for (const entry of page.entries) {
    if ('group' in entry) {
      entries.push(unescapeName(entry.group.slice(base.length)))
      continue
    }
    const { name, id } = splitNameAndId(entry.key.slice(base.length))
    const at = delimiter === '' || group !== undefined ? -1 : name.indexOf(delimiter, prefix.length)
    const folded = name.slice(0, at + delimiter.length)
    if (at === -1) entries.push({ name, id, value: entry.value })
    else if (entries.at(-1) !== folded) entries.push(folded)
  }
  const last = entries.at(-1)
  const { cursor } = page
  if (cursor === undefined || group !== undefined || typeof last !== 'string') {
    return { entries, cursor }
  }
  const lastKey = base + escapeName(last)
  return { entries, cursor: reverse ? lastKey : successorOf(lastKey) }
}

/** Versions as a listing shows them. The objects' rows hold which version is current and which is the null version. */
async function describe(
  catalog: Catalog,
  ref: ContainerRef,
  entries: readonly (Found | string)[],
): Promise<(ListedVersion | string)[]> {
  const names = new Set(entries.flatMap((entry) => (typeof entry === 'string' ? [] : [entry.name])))
  const objects = await readObjects(catalog, ref, [...names])
  return entries.map((entry) => {
    if (typeof entry === 'string') return entry
    const { name, id, value } = entry
    const object = objects.get(name)
    const row = versionRow.decodeUnproven(value)
    const { timeMicros, size, etag, headers, checksum } = row
    return {
      object: name,
      versionId: id === object?.nullVersion ? 'null' : id,
      isLatest: id === object?.current,
      isMarker: isMarker(row),
      timeMicros,
      size,
      etag,
      type: headers.type ?? '',
      checksum: checksum && { algorithm: checksum.algorithm, type: checksum.type },
    }
  })
}

/** The rows of objects by their names, whether a plain GET shows them or not (D-HIDDEN). */
async function readObjects(
  catalog: Catalog,
  { account, container }: ContainerRef,
  names: readonly string[],
): Promise<Map<string, ObjectRow | undefined>> {
  if (names.length === 0) return new Map()
  const keys = names.flatMap((name) => [
    rowKeys.object(account, container, name),
    rowKeys.hidden(account, container, name),
  ])
  const rows = await catalog.getMany(keys)
  return new Map(names.map((name, i) => [name, decoded(objectRow, rows[2 * i] ?? rows[2 * i + 1])]))
}
