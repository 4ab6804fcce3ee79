// The list of a manifest as it is stored, and what of it lies elsewhere. The list has names, sizes and ETags, and is sealed
// under a key that a root key opens too. What says something of content lies in the manifest's own bytes, under the body's
// key: the MD5 of each linked object's content, and then the bytes that are no other object's. See docs/format.md §4.
import { manifestList, type StoredEntry } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import type { Span } from './resolve.ts'

/** Entries of one manifest. Swift bounds links alone, to 1,000 (D-MANIFEST-ENTRIES). */
export const MANIFEST_ENTRIES_MAX = 10_000
/** Bytes of a stored list. The names of each of 1,000 links are at most 1,280 bytes long, its type as long as a header. */
const LIST_BYTES_MAX = 16 << 20
/** Bytes of the MD5 of one link; zeros stand for one that is not known. */
const MD5_BYTES = 16

export interface ListedLink {
  readonly container: string
  readonly object: string
  readonly size: number
  readonly etag: string
  readonly timeMicros: number
  readonly type: string
  readonly isManifest: boolean
  readonly range: Span | null
}

export type ListedEntry = ListedLink | { readonly ownBytes: number }

/** Bytes that an entry adds to the object. */
export function entryBytes(entry: ListedEntry): number {
  if ('ownBytes' in entry) return entry.ownBytes
  return entry.range?.length ?? entry.size
}

export function encodeList(entries: readonly ListedEntry[]): Buffer {
  const stored = entries.map((entry): StoredEntry => {
    if ('ownBytes' in entry) return [entry.ownBytes]
    const { container, object, size, etag, timeMicros, type, isManifest, range } = entry
    const { offset = null, length = null } = range ?? {}
    return [container, object, size, etag, timeMicros, type, isManifest, offset, length]
  })
  return manifestList.encode({ entries: stored })
}

/** The entries of a stored list. Throws StoreCorrupt for one that is none. */
export function decodeList(bytes: Buffer): ListedEntry[] {
  const { entries } = manifestList.decode(bytes)
  if (!Array.isArray(entries) || entries.length > MANIFEST_ENTRIES_MAX) throw corrupt()
  return entries.map(readEntry)
}

/** True for sizes that segments of a manifest can have: its list, and its own bytes. */
export function areSizes(sizes: unknown): boolean {
  if (!Array.isArray(sizes) || sizes.length !== 2) return false
  const [own, list]: unknown[] = sizes
  return isSize(own) && isSize(list) && list <= LIST_BYTES_MAX
}

function readEntry(stored: StoredEntry): ListedEntry {
  if (!Array.isArray(stored)) throw corrupt()
  if (stored.length === 1) {
    if (isSize(stored[0]) && stored[0] > 0) return { ownBytes: stored[0] }
    throw corrupt()
  }
  const [container, object, size, etag, timeMicros, type, isManifest, offset, length] = stored
  const isSound =
    stored.length === 9 &&
    [container, object, etag].every((text) => typeof text === 'string' && text !== '') &&
    typeof type === 'string' &&
    typeof isManifest === 'boolean' &&
    isSize(size) &&
    isSize(timeMicros) &&
    (offset === null) === (length === null)
  if (!isSound) throw corrupt()
  const range = offset === null ? null : { offset, length: length! }
  if (range !== null && !isWithin(range, size)) throw corrupt()
  return { container, object, size, etag, timeMicros, type, isManifest, range }
}

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

const isWithin = ({ offset, length }: Span, size: number) =>
  isSize(offset) && isSize(length) && length > 0 && offset + length <= size

/** Sizes in bytes of a whole manifest, and of its own segment. Throws StoreCorrupt beyond 2⁵³−1. */
export function measureList(entries: readonly ListedEntry[]): { total: number; own: number } {
  let total = 0
  let own = 0
  for (const entry of entries) {
    total += entryBytes(entry)
    own += 'ownBytes' in entry ? entry.ownBytes : MD5_BYTES
    if (!Number.isSafeInteger(total)) throw corrupt()
  }
  return { total, own }
}

/** What precedes the bytes in a manifest's own segment: the MD5 of each link's target, in order. */
export function encodeMd5s(md5s: readonly (Buffer | null)[]): Buffer {
  const bytes = Buffer.alloc(MD5_BYTES * md5s.length)
  for (const [i, md5] of md5s.entries()) md5?.copy(bytes, MD5_BYTES * i)
  return bytes
}

/** Bytes of that for so many links. */
export const md5sBytes = (links: number) => MD5_BYTES * links

/** The hex MD5 of a link's target; undefined where it is not known. */
export function md5At(md5s: Buffer, link: number): string | undefined {
  const md5 = md5s.toString('hex', MD5_BYTES * link, MD5_BYTES * (link + 1))
  return /^0+$/.test(md5) ? undefined : md5
}

const corrupt = () => new CofferError('StoreCorrupt', { what: 'the list of a manifest' })
