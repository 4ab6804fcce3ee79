// The body of a manifest: segment 1 is its own, segment 2 its list, which says what stands where in what a client reads.
// Links are resolved with the right of whoever reads, at each read (lib/service/links.ts).
import { createHash } from 'node:crypto'
import type { VersionRow } from '../catalog/rows.ts'
import { deriveListKey } from '../crypto/keys.ts'
import { CofferError } from '../errors.ts'
import { BodyReader } from './body.ts'
import {
  decodeList,
  type ListedEntry,
  type ListedLink,
  md5At,
  md5sBytes,
  measureList,
} from './manifest-list.ts'
import type { ManifestEntry } from './manifest-types.ts'
import type { Link, Resolve, SegmentRun, Span } from './resolve.ts'
import type { Stores } from './stores.ts'
import type { StoredVersion } from './versions.ts'

/** Number of the segment with the manifest's own bytes, under the body's key. */
export const OWN_SEGMENT = 1
/** Number of the segment with the list, under a key of its own. */
export const LIST_SEGMENT = 2

/** Reads some bytes of one segment. The key is zeroed. */
async function readSegment(
  stores: Stores,
  body: string,
  key: Buffer,
  part: number,
  size: number,
  span: Span,
): Promise<Buffer> {
  const segments = [{ first: part, count: 1, size }]
  const reader = new BodyReader(stores, body, key, { size, segments, parts: null }, span)
  const pieces: Buffer[] = []
  try {
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  } finally {
    reader.close()
  }
}

/** The list, and the bytes that hash to what the envelope says. Throws StoreCorrupt. */
async function readList(stores: Stores, row: VersionRow, listKey: Buffer) {
  const [own, size] = row.manifest!.sizes
  const span = { offset: 0, length: size }
  const bytes = await readSegment(stores, row.body!, listKey, LIST_SEGMENT, size, span)
  const entries = decodeList(bytes)
  const measured = measureList(entries)
  if (measured.own === own && measured.total === row.size) return { bytes, entries }
  throw new CofferError('StoreCorrupt', { body: row.body!, what: 'sizes of a manifest' })
}

/** The list of a manifest whose key did not come. */
export async function readListUnopened(
  stores: Stores,
  { ref, versionId, row }: StoredVersion,
): Promise<ListedEntry[]> {
  const { body, manifest } = row
  const listKey = stores.lists.unwrap({ ...ref, versionId, body: body! }, manifest!.listKey)
  return (await readList(stores, row, listKey)).entries
}

/** A manifest as its key opens it. */
interface OpenedManifest {
  readonly entries: readonly ListedEntry[]
  readonly md5s: Buffer
}

/** The list that the envelope proves, and the MD5s. Throws StoreCorrupt. */
async function openManifest(
  stores: Stores,
  row: VersionRow,
  { bodyKey, listDigest }: { readonly bodyKey: Buffer; readonly listDigest?: Buffer },
): Promise<OpenedManifest> {
  const body = row.body!
  const { bytes, entries } = await readList(stores, row, deriveListKey(bodyKey, body))
  if (!createHash('sha256').update(bytes).digest().equals(listDigest!)) {
    throw new CofferError('StoreCorrupt', { body, what: 'another list of a manifest' })
  }
  const links = entries.filter((entry) => !('ownBytes' in entry)).length
  const [size] = row.manifest!.sizes
  const span = { offset: 0, length: md5sBytes(links) }
  const md5s = await readSegment(stores, body, Buffer.from(bodyKey), OWN_SEGMENT, size, span)
  return { entries, md5s }
}

/** What a manifest says to whoever brought its key, its own bytes included. */
export async function describeManifest(
  stores: Stores,
  row: VersionRow,
  secret: { readonly bodyKey: Buffer; readonly listDigest?: Buffer },
): Promise<ManifestEntry[]> {
  const { entries, md5s } = await openManifest(stores, row, secret)
  const [size] = row.manifest!.sizes
  const span = { offset: md5s.length, length: size - md5s.length }
  const key = Buffer.from(secret.bodyKey)
  const data =
    span.length === 0
      ? Buffer.alloc(0)
      : await readSegment(stores, row.body!, key, OWN_SEGMENT, size, span)
  let at = 0
  let link = 0
  return entries.map((entry) => {
    if (!('ownBytes' in entry)) return { ...entry, etag: md5At(md5s, link++) ?? entry.etag }
    at += entry.ownBytes
    return { ...entry, data: data.subarray(at - entry.ownBytes, at) }
  })
}

/** Resolves manifests: links to other objects, and spans of the manifest's own segment. */
export const linkedSegments =
  (stores: () => Stores): Resolve =>
  async ({ row, secret, ref }, asking) => {
    const { entries, md5s } = await openManifest(stores(), row, secret)
    const links = entries.filter((entry): entry is ListedLink => !('ownBytes' in entry))
    const linked = asking.follow(
      links.map(({ container, object, size, etag, range }, i): Link => {
        const target = { account: ref.account, container, object }
        return { target, size, etag: md5At(md5s, i) ?? etag, ...(range && { range }) }
      }),
    )
    const [size] = row.manifest!.sizes
    let offset = md5s.length
    let link = 0
    const segments = entries.map((entry): SegmentRun => {
      if (!('ownBytes' in entry)) return linked[link++]!
      const { ownBytes } = entry
      offset += ownBytes
      const inside = { size, offset: offset - ownBytes }
      return { first: OWN_SEGMENT, count: 1, size: ownBytes, inside }
    })
    return { size: row.size, segments, parts: null }
  }
