// Parts of an upload. They are segments of the body whose id was drawn when the upload began, so that Complete makes
// them an object without moving a byte.
import type { Asker } from '../auth/asker.ts'
import type { Source } from '../bytes/source.ts'
import { SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { endOf, rowKeys, segmentPrefix } from '../catalog/keys.ts'
import {
  type ChecksumAlgorithm,
  type PartChecksum,
  type PartRow,
  type SegmentRow,
  segmentRow,
  type VersionRow,
} from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { deriveCompletionKeys, zeroCompletionKeys } from '../crypto/keys.ts'
import { type SealedPart, sealPart } from '../crypto/part-list.ts'
import { CofferError } from '../errors.ts'
import { nowMicros } from '../names.ts'
import { spend } from '../turns.ts'
import { authorize } from './access.ts'
import { openOfPart, sealOfPart } from './checksums.ts'
import { openCopySource, readSource, type SourceInput } from './copy.ts'
import { opaqueEtag } from './objects.ts'
import { coversPart, readParts } from './part-list.ts'
import { freeSegment, nameSegment, settleAfter, writeSegment } from './segments.ts'
import { commitWithRetry, readAnew, type Stores } from './stores.ts'
import type { ObjectRef, PartInfo, ReadInput, UploadInfo, VersionInfo } from './types.ts'
import { describeUpload, type FoundUpload, findUpload, openUpload } from './uploads.ts'
import { describeVersion, findVersion, openVersion, showVersion } from './versions.ts'

/** A stored part with its number. */
export interface StoredPart {
  readonly part: number
  readonly row: SegmentRow
}

/** `checksumKey` is null where nobody may see the checksum. Throws StoreCorrupt where it is another part's. */
export function describePart({ part, row }: StoredPart, checksumKey: Buffer | null): PartInfo {
  const { timeMicros, etag } = row.part!
  const checksum = checksumKey && openOfPart(checksumKey, part, row)
  return { part, size: row.size, etag, timeMicros, checksum }
}

/** Writes a part, which replaces an earlier one of the same number. */
export async function putPart(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
  part: number,
  input: { source: Source; cipher: Cipher; checksum?: ChecksumAlgorithm },
): Promise<PartInfo> {
  await authorize(stores, asker, 'putPart', ref)
  const found = await findUpload(stores, asker, ref, uploadId)
  const wanted = found.row.checksum?.algorithm
  if (wanted !== undefined && input.checksum !== undefined && wanted !== input.checksum) {
    const message = `Checksum Type mismatch occurred, expected checksum Type: ${wanted}, actual checksum Type: ${input.checksum}`
    throw new CofferError('ChecksumInvalid', { message })
  }
  return await storePart(
    stores,
    asker,
    found,
    part,
    input.source,
    input.cipher,
    wanted ?? input.checksum,
  )
}

/** Writes a part from an extent of an object. The bytes are sealed anew, because the two bodies have different keys. */
export function copyPart(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
  part: number,
  input: PartCopyInput,
): Promise<PartInfo & { source: VersionInfo }> {
  return readAnew(() => copyPartOnce(stores, asker, ref, uploadId, part, input))
}

type PartCopyInput = SourceInput & { range?: { first: number; last: number }; cipher: Cipher }

async function copyPartOnce(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
  part: number,
  input: PartCopyInput,
): Promise<PartInfo & { source: VersionInfo }> {
  await authorize(stores, asker, 'putPart', ref)
  const upload = await findUpload(stores, asker, ref, uploadId)
  const { range, cipher } = input
  openUpload(upload, cipher).bodyKey.fill(0)
  const opened = await openCopySource(stores, asker, input)
  const { size } = opened.body
  if (range !== undefined && range.last >= size) {
    throw new CofferError('CopySourceRangeInvalid', { size })
  }
  const extent =
    range === undefined
      ? { offset: 0, length: size }
      : { offset: range.first, length: range.last - range.first + 1 }
  const { source, close } = readSource(stores, opened, extent)
  try {
    const checksum = upload.row.checksum?.algorithm
    const info = await storePart(stores, asker, upload, part, source, cipher, checksum)
    return { ...info, source: opened.info }
  } finally {
    close()
    opened.secret.bodyKey.fill(0)
  }
}

async function storePart(
  stores: Stores,
  asker: Asker,
  upload: FoundUpload,
  part: number,
  source: Source,
  cipher: Cipher,
  algorithm: ChecksumAlgorithm | undefined,
): Promise<PartInfo> {
  const secret = openUpload(upload, cipher)
  try {
    const root = cipher.sealing === 'root'
    if (root) source.want('md5')
    if (algorithm !== undefined) source.want(algorithm)
    const written = await writeSegment(stores, asker, secret.bodyKey, part, source)
    const etag = root ? source.digest('md5').toString('hex') : opaqueEtag()
    const { size, blob } = written.row
    const checksum = partChecksum(source, algorithm)
    const timeMicros = nowMicros()
    const sealed = sealUnder(secret.bodyKey, upload.row.body, { part, size, blob, etag }, checksum)
    const commit = namePart(stores, asker, upload, part, written, { timeMicros, etag, ...sealed })
    await settleAfter(stores.blobs, written, commit)
    return { part, size, etag, timeMicros, checksum }
  } finally {
    secret.bodyKey.fill(0)
  }
}

/** The seal of a part and its sealed checksum. */
function sealUnder(
  bodyKey: Buffer,
  body: string,
  part: SealedPart,
  checksum: PartChecksum | null,
): Pick<PartRow, 'seal' | 'checksum'> {
  const keys = deriveCompletionKeys(bodyKey, body)
  try {
    return {
      seal: sealPart(keys.completionKey, part),
      checksum: checksum && sealOfPart(keys.checksumKey, part.part, part.blob, checksum),
    }
  } finally {
    zeroCompletionKeys(keys)
  }
}

function partChecksum(source: Source, algorithm: ChecksumAlgorithm | undefined) {
  if (algorithm === undefined) return null
  const value = source.digest(algorithm).toString('base64')
  return { algorithm, value } satisfies PartChecksum
}

/** Commits a part, which replaces one of the same number. Throws UploadMissing where the upload ended meanwhile. */
async function namePart(
  stores: Stores,
  asker: Asker,
  upload: FoundUpload,
  part: number,
  written: Awaited<ReturnType<typeof writeSegment>>,
  shown: SegmentRow['part'],
): Promise<void> {
  const { ref, uploadId } = upload
  const { body } = upload.row
  await commitWithRetry(stores.catalog, async (draft) => {
    const { stored } = await findUpload(stores, asker, ref, uploadId)
    draft.expect(rowKeys.upload(ref.account, ref.container, ref.object, uploadId), stored)
    const key = rowKeys.segment(body, part)
    const old = await stores.catalog.get(key)
    draft.expect(key, old)
    if (old !== undefined) freeSegment(stores, draft, body, part, segmentRow.decode(old.value))
    nameSegment(draft, body, part, written, shown)
    draft.add(rowKeys.uploadParts(uploadId), 1)
  })
}

/** The segments of a body in order of their numbers, page by page. Each counts as a step of a turn (lib/turns.ts). */
export async function* walkParts(
  stores: Stores,
  body: string,
  afterPart: number,
): AsyncGenerator<StoredPart> {
  const prefix = segmentPrefix(body)
  let from: string | undefined = rowKeys.segment(body, afterPart + 1)
  while (from !== undefined) {
    const page = await stores.catalog.scan({ from, to: endOf(prefix), limit: SCAN_LIMIT_MAX })
    for (const entry of page.entries) {
      if ('group' in entry) continue
      yield { part: Number(entry.key.slice(prefix.length)), row: segmentRow.decode(entry.value) }
      const turn = spend(1)
      if (turn !== undefined) await turn
    }
    from = page.cursor
  }
}

/**
 * Lists an upload's parts. Without the customer's key of the upload they come without checksum values (D-KEY-SUMS).
 * Throws UploadMissing, UploadKeyRequired, UploadKeyWrong.
 */
export async function listParts(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
  input: { afterPart: number; limit: number; cipher?: Cipher | undefined },
): Promise<{ upload: UploadInfo; parts: PartInfo[]; truncated: boolean }> {
  await authorize(stores, asker, 'listParts', ref)
  const found = await findUpload(stores, asker, ref, uploadId)
  const upload = describeUpload(found)
  const opens = upload.sealing === 'root' ? stores.rootCipher : undefined
  const cipher = input.cipher ?? opens
  const secret = cipher && openUpload(found, cipher)
  const keys = secret && deriveCompletionKeys(secret.bodyKey, found.row.body)
  try {
    const parts: PartInfo[] = []
    for await (const stored of walkParts(stores, found.row.body, input.afterPart)) {
      if (parts.length === input.limit) return { upload, parts, truncated: true }
      parts.push(describePart(stored, keys?.checksumKey ?? null))
    }
    return { upload, parts, truncated: false }
  } finally {
    secret?.bodyKey.fill(0)
    if (keys !== undefined) zeroCompletionKeys(keys)
  }
}

/** The parts of a finished multipart object, numbered 1, 2, 3 … as for reads with `partNumber` (D-LAYOUT). */
export async function listObjectParts(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: ReadInput & { afterPart: number; limit: number },
) {
  await authorize(stores, asker, 'listObjectParts', { ...ref, versionId: input.versionId })
  const found = await findVersion(stores, asker, ref, input.versionId)
  const secret = openVersion(found, input.cipher)
  try {
    const info = describeVersion(found, showVersion(found, secret))
    return { info, ...(await pageOfParts(stores, found.row, secret.bodyKey, input)) }
  } finally {
    secret.bodyKey.fill(0)
  }
}

async function pageOfParts(
  stores: Stores,
  row: VersionRow,
  bodyKey: Buffer,
  { afterPart, limit }: { afterPart: number; limit: number },
): Promise<{ parts: PartInfo[]; truncated: boolean }> {
  const parts: PartInfo[] = []
  if (row.parts === 0) return { parts, truncated: false }
  const { layout } = await readParts(stores.catalog, row, bodyKey)
  const keys = deriveCompletionKeys(bodyKey, row.body!)
  try {
    let position = 0
    for await (const stored of walkParts(stores, row.body!, 0)) {
      if (!coversPart(layout, stored.part)) continue
      if (++position <= afterPart) continue
      if (parts.length === limit) return { parts, truncated: true }
      parts.push({ ...describePart(stored, keys.checksumKey), part: position })
    }
    return { parts, truncated: false }
  } finally {
    zeroCompletionKeys(keys)
  }
}
