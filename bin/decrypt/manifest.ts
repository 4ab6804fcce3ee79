// From the list of a manifest to bytes: written from docs/format.md §4 and §5 alone. What it names is looked up as it is now,
// opened with whichever key is its own, and refused where it is not what it was.
import { createHash } from 'node:crypto'
import { openVersion, plaintext, segmentPlaintext } from './body.ts'
import {
  type Catalog,
  findVersion,
  type ObjectName,
  readSegment,
  type StoredVersion,
} from './catalog.ts'
import { decodeCbor, Malformed } from './cbor.ts'
import { Failure } from './failure.ts'
import type { KeySource } from './keys.ts'
import { LAYOUT } from './rows.ts'
import { listKeyOf, type Opened } from './sealed.ts'
import type { Volumes } from './volumes.ts'

const DEPTH_MAX = 10
const ENTRIES_MAX = 10_000
const LIST_BYTES_MAX = 16 << 20
const MD5_BYTES = 16

/** Where everything is read, and with which keys. */
export interface Readable {
  readonly catalog: Catalog
  readonly volumes: Volumes
  readonly keys: KeySource
}

interface Link {
  readonly container: string
  readonly object: string
  readonly size: number
  readonly etag: string
  readonly offset: number
  readonly length: number
}

type Entry = Link | { readonly own: number }

const damaged = (what: string) => new Failure('damaged', what)
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0
const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

/**
 * Plaintext of the whole object. Ends only after everything was found right. Throws Failure; of a manifest also where
 * what it names is missing or another.
 */
export async function* objectBytes(
  readable: Readable,
  name: ObjectName,
  version: StoredVersion,
  opened: Opened,
  depth = 0,
): AsyncGenerator<Buffer> {
  const { catalog, volumes } = readable
  const { gathers } = version.more
  // What another object is made of is not followed that way.
  if (opened.listDigest !== undefined) yield* manifestBytes(readable, name, version, opened, depth)
  else if (gathers && depth === 0) yield* gatheredBytes(readable, name.account, gathers)
  else yield* plaintext(catalog, volumes, version, opened)
}

/** The bytes of all objects of the container whose names have the prefix, as they are now, in the order of their names. */
async function* gatheredBytes(
  readable: Readable,
  account: string,
  { container, prefix }: { readonly container: string; readonly prefix: string },
): AsyncGenerator<Buffer> {
  const base = `object/${account}/${container}/`
  const { catalog, keys } = readable
  for await (const [key] of catalog.rows.below(Buffer.from(base + prefix))) {
    const name = { account, container, object: key.toString('utf8').slice(base.length) }
    const version = await targetOf(readable, name, JSON.stringify(`${container}/${name.object}`))
    const { deleteAtSeconds } = version
    if (deleteAtSeconds !== null && deleteAtSeconds * 1000 <= Date.now()) continue
    yield* objectBytes(readable, name, version, openVersion(keys, name, version), 1)
  }
}

async function* manifestBytes(
  readable: Readable,
  name: ObjectName,
  version: StoredVersion,
  opened: Opened,
  depth: number,
): AsyncGenerator<Buffer> {
  const { entries, own } = await readManifest(readable, version, opened)
  const etags = createHash('md5')
  let link = 0
  let at = MD5_BYTES * entries.filter((entry) => !('own' in entry)).length
  for (const entry of entries) {
    if ('own' in entry) {
      const bytes = own.subarray(at, at + entry.own)
      at += entry.own
      etags.update(createHash('md5').update(bytes).digest('hex'))
      yield bytes
      continue
    }
    const md5 = own.toString('hex', MD5_BYTES * link, MD5_BYTES * ++link)
    const etag = /^0+$/.test(md5) ? entry.etag : md5
    const { offset, length, size } = entry
    etags.update(length === size ? etag : `${etag}:${offset}-${offset + length - 1};`)
    yield* linkedBytes(readable, name, { ...entry, etag }, depth)
  }
  const found = etags.digest()
  if (opened.md5 === null || !found.equals(opened.md5)) {
    throw damaged('the ETag of the manifest is not the sealed one')
  }
  const isShown =
    version.envelope.kind !== 1 || version.etag.startsWith(`${found.toString('hex')}-`)
  if (!isShown) throw damaged('the ETag of the version is not the sealed MD5')
}

/** The list, which the envelope proves, and the bytes that are the manifest's own. */
async function readManifest(
  { catalog, volumes }: Readable,
  version: StoredVersion,
  { bodyKey, listDigest, size }: Opened,
): Promise<{ entries: Entry[]; own: Buffer }> {
  const { body, more } = version
  const [ownBytes = 0, listBytes = 0] = more.manifest!.sizes
  if (listBytes > LIST_BYTES_MAX) throw damaged('the list of the manifest is too long')
  const read = async (number: number, key: Buffer, bytes: number) => {
    const segment = await readSegment(catalog, body, number)
    if (segment.size !== bytes) throw damaged(`segment ${number} of the manifest has another size`)
    const pieces: Buffer[] = []
    for await (const piece of segmentPlaintext(volumes, segment, key)) pieces.push(piece)
    return Buffer.concat(pieces)
  }
  const list = await read(2, listKeyOf(bodyKey, body), listBytes)
  if (!createHash('sha256').update(list).digest().equals(listDigest!)) {
    throw damaged('the list of the manifest is not the one that was sealed')
  }
  const entries = entriesOf(list)
  const total = entries.reduce((sum, entry) => sum + ('own' in entry ? entry.own : entry.length), 0)
  const needed = entries.reduce((sum, entry) => sum + ('own' in entry ? entry.own : MD5_BYTES), 0)
  if (needed !== ownBytes || total !== version.size || total !== size) {
    throw damaged('the sizes of the manifest are not those of its list')
  }
  return { entries, own: await read(1, bodyKey, ownBytes) }
}

function entriesOf(list: Buffer): Entry[] {
  let decoded: unknown
  try {
    decoded = decodeCbor(list)
  } catch (error) {
    if (error instanceof Malformed) throw damaged(`the list of the manifest ${error.message}`)
    throw error
  }
  const [layout, entries, ...rest] = Array.isArray(decoded) ? (decoded as unknown[]) : []
  const isSound = layout === LAYOUT && rest.length === 0 && Array.isArray(entries)
  if (!isSound || entries.length > ENTRIES_MAX) throw damaged('the list of the manifest is none')
  return entries.map(entryOf)
}

function entryOf(entry: unknown): Entry {
  const items = Array.isArray(entry) ? (entry as unknown[]) : []
  if (items.length === 1 && isCount(items[0]) && items[0] > 0) return { own: items[0] }
  const [container, object, size, etag, timeMicros, type, isManifest, first, bytes] = items
  const offset = first ?? 0
  const length = bytes ?? size
  const isSound =
    items.length === 9 &&
    isName(container) &&
    isName(object) &&
    isCount(size) &&
    isName(etag) &&
    isCount(timeMicros) &&
    typeof type === 'string' &&
    typeof isManifest === 'boolean' &&
    (first === null) === (bytes === null) &&
    isCount(offset) &&
    isCount(length) &&
    (first === null || length > 0) &&
    offset + length <= size
  if (!isSound) throw damaged('the list of the manifest has an entry that it cannot have')
  return { container, object, size, etag, offset, length }
}

/** The bytes of a link, as its target is now. */
async function* linkedBytes(
  readable: Readable,
  { account }: ObjectName,
  link: Link,
  depth: number,
): AsyncGenerator<Buffer> {
  const { container, object, size, etag } = link
  const shown = JSON.stringify(`${container}/${object}`)
  if (depth === DEPTH_MAX) throw damaged('manifests lead too far')
  const name = { account, container, object }
  const version = await targetOf(readable, name, shown)
  const opened = openVersion(readable.keys, name, version)
  const { md5 } = opened
  const isSame = version.etag === etag || md5?.toString('hex') === etag
  if (!isSame || version.size !== size) throw damaged(`${shown} is not what it was`)
  let left = link.length
  let skip = link.offset
  for await (const bytes of objectBytes(readable, name, version, opened, depth + 1)) {
    const piece = bytes.subarray(Math.min(skip, bytes.length)).subarray(0, left)
    skip = Math.max(0, skip - bytes.length)
    left -= piece.length
    if (piece.length > 0) yield piece
  }
  if (left > 0) throw damaged(`${shown} is shorter than it was`)
}

/** The current version of a link's target. One that is gone damages who names it. */
async function targetOf({ catalog }: Readable, name: ObjectName, shown: string) {
  try {
    return await findVersion(catalog, name, undefined)
  } catch (error) {
    if (!(error instanceof Failure) || error.exit !== 'missing') throw error
    throw damaged(`${shown}, which the object is made of: ${error.message}`)
  }
}
