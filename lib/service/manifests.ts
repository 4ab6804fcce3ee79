// Writes manifests and says what they are made of. Every object that a manifest takes bytes of is looked at first, with the
// right of whoever writes it; later each read looks again (lib/service/links.ts).
import { createHash, type Hash } from 'node:crypto'
import type { Asker } from '../auth/asker.ts'
import { VerifiedSource } from '../bytes/verify.ts'
import { rowKeys } from '../catalog/keys.ts'
import { SHAPE_MANIFEST } from '../crypto/envelope.ts'
import { deriveListKey, randomBodyKey } from '../crypto/keys.ts'
import { CofferError } from '../errors.ts'
import { randomId } from '../names.ts'
import { authorize, writerOf } from './access.ts'
import { describeManifest, LIST_SEGMENT, OWN_SEGMENT, readListUnopened } from './manifest-body.ts'
import { type Taken, takeEntries } from './manifest-entries.ts'
import { encodeList, encodeMd5s, entryBytes } from './manifest-list.ts'
import type { ManifestInput, ManifestWritten, ReadManifest } from './manifest-types.ts'
import { commitVersion, opaqueEtag, prepareWrite, type Stamp } from './objects.ts'
import { nameSegment, settleAfter, type WrittenSegment, writeSegment } from './segments.ts'
import { readAnew, type Stores } from './stores.ts'
import type { HeadInput, ObjectRef, VersionInfo } from './types.ts'
import { describeVersion, findVersion, openVersion, sealingOf, showVersion } from './versions.ts'

/** Writes a manifest where every entry can be taken. Throws ObjectTooLarge, DigestMismatch, and what a write throws. */
export async function putManifest(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: ManifestInput,
): Promise<ManifestWritten> {
  await prepareWrite(stores, asker, 'putObject', ref, input.conditions)
  const { taken, problems } = await takeEntries(stores, asker, ref.account, input)
  if (problems.length > 0) return { problems }
  const size = sumOf(taken)
  const md5 = digestEtags(taken)
  requireEtag(input.etag, md5)
  const isOpen = input.cipher.sealing === 'root'
  const shown = await input.measure(
    taken.map(({ entry, listed, data }) => (isOpen ? { ...entry, ...data } : listed)),
  )
  const bodyKey = randomBodyKey()
  try {
    const made = { taken, size, md5, shown, bodyKey }
    return { info: await writeManifest(stores, asker, ref, input, made) }
  } finally {
    bodyKey.fill(0)
  }
}

/** The bytes of all entries. Throws ObjectTooLarge beyond what numbers in rows can be. */
function sumOf(taken: readonly Taken[]): number {
  const size = taken.reduce((sum, { entry }) => sum + entryBytes(entry), 0)
  if (Number.isSafeInteger(size)) return size
  throw new CofferError('ObjectTooLarge', { size, limit: Number.MAX_SAFE_INTEGER })
}

/**
 * The ETag of a manifest in binary: MD5 of its entries' ETags, those of a range with the range behind them, those of own
 * bytes their MD5. Swift: swift/common/middleware/slo.py, handle_multipart_put.
 */
function digestEtags(taken: readonly Taken[]): Buffer {
  const hash: Hash = createHash('md5')
  for (const { entry, data } of taken) {
    if ('ownBytes' in entry) {
      hash.update(createHash('md5').update(data!.data).digest('hex'))
    } else if (entry.range === null) {
      hash.update(entry.etag)
    } else {
      const { offset, length } = entry.range
      hash.update(`${entry.etag}:${offset}-${offset + length - 1};`)
    }
  }
  return hash.digest()
}

function requireEtag(claimed: string | undefined, md5: Buffer): void {
  const computed = md5.toString('hex')
  if (claimed === undefined || claimed === computed) return
  throw new CofferError('DigestMismatch', { expected: claimed, computed })
}

interface Made {
  readonly taken: readonly Taken[]
  readonly size: number
  readonly md5: Buffer
  readonly shown: { readonly bytes: number; readonly etag: string }
  readonly bodyKey: Buffer
}

async function writeManifest(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: ManifestInput,
  { taken, size, md5, shown, bodyKey }: Made,
): Promise<VersionInfo> {
  const { cipher } = input
  const body = randomId()
  const list = encodeList(taken.map(({ listed }) => listed))
  const listDigest = createHash('sha256').update(list).digest()
  const listBytes = list.length
  const listKey = deriveListKey(bodyKey, body)
  const own = ownBytesOf(taken)
  try {
    const first = await writeSegment(stores, asker, bodyKey, OWN_SEGMENT, sourceOf(own))
    const both = async () => {
      const second = await writeSegment(stores, asker, listKey, LIST_SEGMENT, sourceOf([list]))
      return await settleAfter(stores.blobs, second, commit(second))
    }
    const bare = cipher.sealing === 'root' ? md5.toString('hex') : opaqueEtag()
    const fields = {
      size,
      etag: `${bare}-${taken.length}`,
      body,
      parts: 0,
      headers: input.headers,
      metadata: input.metadata,
      checksum: null,
      rights: { writer: writerOf(asker) },
      deleteAtSeconds: input.deleteAtSeconds ?? null,
    }
    const stamp: Stamp = (versionId, timeMicros) => ({
      ...fields,
      timeMicros,
      envelope: cipher.wrap(
        { ...ref, versionId },
        { bodyKey, size, md5, shape: SHAPE_MANIFEST, listDigest },
      ),
      manifest: {
        ...shown,
        sizes: [first.row.size, listBytes],
        listKey: stores.lists.wrap({ ...ref, versionId, body }, listKey),
      },
    })
    const commit = (second: WrittenSegment) =>
      commitVersion(stores, asker, ref, input.conditions, stamp, (draft) => {
        nameSegment(draft, body, OWN_SEGMENT, first, null)
        nameSegment(draft, body, LIST_SEGMENT, second, null)
        draft.add(rowKeys.body(body), 1)
      })
    const found = await settleAfter(stores.blobs, first, both())
    return describeVersion(found, { md5, checksum: null })
  } finally {
    listKey.fill(0)
  }
}

/** What a manifest has of its own: an MD5 for each link, then the bytes between them. */
function ownBytesOf(taken: readonly Taken[]): Buffer[] {
  const md5s = taken.flatMap(({ entry, md5 }) => ('ownBytes' in entry ? [] : [md5]))
  const data = taken.flatMap(({ data }) => (data === undefined ? [] : [data.data]))
  return [encodeMd5s(md5s), ...data].filter((bytes) => bytes.length > 0)
}

function sourceOf(pieces: readonly Buffer[]): VerifiedSource {
  const left = [...pieces]
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return new VerifiedSource({ read: async () => left.shift() }, { length })
}

/** What an object is made of, to whoever may read it. Throws what a read throws, but for a key that did not come. */
export function getManifest(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  { versionId, cipher, action = 'getObject' }: Pick<HeadInput, 'versionId' | 'cipher' | 'action'>,
): Promise<ReadManifest> {
  return readAnew(async () => {
    await authorize(stores, asker, action, { ...ref, versionId })
    const found = await findVersion(stores, asker, ref, versionId)
    const { row } = found
    if (cipher.sealing === 'root' && sealingOf(row) === 'customer') {
      const info = describeVersion(found, null)
      if (row.manifest === undefined) return { info, entries: undefined }
      return { info, entries: await readListUnopened(stores, found) }
    }
    const secret = openVersion(found, cipher)
    try {
      const info = describeVersion(found, showVersion(found, secret))
      if (row.manifest === undefined) return { info, entries: undefined }
      return { info, entries: await describeManifest(stores, row, secret) }
    } finally {
      secret.bodyKey.fill(0)
    }
  })
}
