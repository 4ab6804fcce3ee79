// Completing an upload: one commit turns its parts into an object, whatever its size, without a key and
// without moving a byte. Parts that are not listed are given up.
import { createHash } from 'node:crypto'
import type { Caller } from '../auth/identity.ts'
import { combineCrc } from '../bytes/crc-combine.ts'
import { digestOnce } from '../bytes/digests.ts'
import { bodyKey, layoutKey, uploadPartsKey } from '../catalog/keys.ts'
import { type Checksum, type Layout, layoutRow, type VersionRow } from '../catalog/rows.ts'
import { CofferError, isCode } from '../errors.ts'
import { authorize, writerOf } from './access.ts'
import { checkWrite, isConditional } from './conditions.ts'
import { addVersion, type History, readHistory, standing } from './history.ts'
import { type StoredPart, walkParts } from './parts.ts'
import { commitWithRetry, type Draft, type Stores } from './stores.ts'
import type { CompleteInput, ObjectRef, VersionInfo } from './types.ts'
import { draftEnd, type FoundUpload, findUpload, openUpload, versionOfUpload } from './uploads.ts'
import { describeVersion, getVersion, shownRow } from './versions.ts'

/** Every part but the last has at least 5 MiB.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const PART_BYTES_MIN = 5 * 2 ** 20

/**
 * Finishes an upload. A Complete that is sent again after it was answered gets the same answer. Throws
 * UploadMissing, PartsEmpty, PartsUnordered, PartMissing, PartTooSmall, UploadSizeMismatch,
 * UploadChecksumMismatch, PreconditionFailed, WriteConflict, UploadKeyRequired, UploadKeyWrong.
 */
export async function completeUpload(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  uploadId: string,
  asked: CompleteInput,
): Promise<VersionInfo> {
  await authorize(stores, caller, ref, 'writeObject')
  const input = { ...asked, parts: orderParts(asked.parts, uploadId) }
  try {
    return await commitWithRetry(stores.catalog, async (draft) => {
      const upload = await findUpload(stores, ref, uploadId)
      if (input.cipher !== undefined) openUpload(upload, input.cipher).bodyKey.fill(0)
      const partsRow = await stores.catalog.getCounters(uploadPartsKey(uploadId))
      const { listed, others } = await matchParts(stores, upload, input)
      const row = finishedRow(upload, listed, input, writerOf(caller))
      const history = await readHistory(stores, ref)
      judge(input, upload, history)
      const { versionId } = upload.row
      await addVersion(stores, draft, history, { versionId, row }, { inOrder: true })
      draftEnd(stores, draft, upload)
      draft.expect(uploadPartsKey(uploadId), partsRow)
      nameParts(stores, draft, upload.row.body, layoutOf(listed), others)
      const { versioning } = history
      const isNull = versioning !== 'enabled'
      return describeVersion({ ref, versionId, row, isNull, versioning }, null)
    })
  } catch (error) {
    const again =
      isCode(error, 'UploadMissing') && (await completedBefore(stores, ref, uploadId, input))
    if (again) return again
    throw error
  }
}

/** Parts in rising order. Of one that is named more than once, as clients do that sent it again, the last
 * counts. Throws PartsEmpty, PartsUnordered. */
function orderParts(parts: CompleteInput['parts'], upload: string): CompleteInput['parts'] {
  if (parts.length === 0) throw new CofferError('PartsEmpty')
  for (let i = 1; i < parts.length; i++) {
    if (parts[i]!.part < parts[i - 1]!.part) throw new CofferError('PartsUnordered', { upload })
  }
  return parts.filter(({ part }, i) => parts[i + 1]?.part !== part)
}

/** Finds every listed part, and tells whether there are parts that are not listed. */
async function matchParts(stores: Stores, upload: FoundUpload, input: CompleteInput) {
  const { uploadId } = upload
  const missing = (wanted: CompleteInput['parts'][number]) =>
    new CofferError('PartMissing', { part: wanted.part, etag: wanted.etag, upload: uploadId })
  const listed: StoredPart[] = []
  let others = false
  for await (const stored of walkParts(stores, upload.row.body, 0)) {
    const wanted = input.parts[listed.length]
    if (wanted === undefined || stored.part < wanted.part) {
      others = true
      continue
    }
    if (stored.part > wanted.part || stored.row.part!.etag !== wanted.etag) throw missing(wanted)
    requirePartChecksum(upload, stored, wanted)
    listed.push(stored)
  }
  const next = input.parts[listed.length]
  if (next !== undefined) throw missing(next)
  for (const { part, row } of listed.slice(0, -1)) {
    if (row.size < PART_BYTES_MIN) {
      const { etag } = row.part!
      throw new CofferError('PartTooSmall', { part, etag, size: row.size, limit: PART_BYTES_MIN })
    }
  }
  return { listed, others }
}

function requirePartChecksum(
  upload: FoundUpload,
  stored: StoredPart,
  wanted: CompleteInput['parts'][number],
): void {
  const { checksum } = upload.row
  if (wanted.checksum === undefined) {
    if (checksum?.type !== 'COMPOSITE') return
    const message = `The upload was created using a ${checksum.algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${wanted.part} in the request.`
    throw new CofferError('ChecksumInvalid', { message })
  }
  const { algorithm, value } = wanted.checksum
  const known = stored.row.part!.checksum
  if (known === null || known.algorithm !== algorithm) {
    const message = `Checksum Type mismatch occurred, expected checksum Type: ${known?.algorithm ?? 'null'}, actual checksum Type: ${algorithm}`
    throw new CofferError('ChecksumInvalid', { message })
  }
  if (known.value !== value) {
    const message = `The ${algorithm} you specified for part ${wanted.part} did not match what we received.`
    throw new CofferError('UploadChecksumMismatch', { message })
  }
}

/** The finished version. Its time is the upload's beginning, as S3 has it.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html */
function finishedRow(
  upload: FoundUpload,
  listed: readonly StoredPart[],
  input: CompleteInput,
  writer: string,
): VersionRow {
  const { createdMicros, body, envelope, headers, metadata } = upload.row
  const size = listed.reduce((sum, { row }) => sum + row.size, 0)
  if (input.size !== undefined && input.size !== size) {
    throw new CofferError('UploadSizeMismatch', { claimed: input.size, computed: size })
  }
  return {
    timeMicros: createdMicros,
    size,
    etag: multipartEtag(listed.map(({ row }) => row.part!.etag)),
    body,
    parts: listed.length,
    envelope,
    headers,
    metadata,
    checksum: wholeChecksum(upload, listed, input),
    writer,
    deleteAtSeconds: null,
  }
}

/** Hex MD5 of the parts' binary ETags, and their number. */
function multipartEtag(etags: readonly string[]): string {
  const hash = createHash('md5')
  for (const etag of etags) hash.update(Buffer.from(etag, 'hex'))
  return `${hash.digest('hex')}-${etags.length}`
}

/** The whole object's checksum from its parts' (s3.md §8), compared to what the client claims. */
function wholeChecksum(
  upload: FoundUpload,
  listed: readonly StoredPart[],
  input: CompleteInput,
): Checksum | null {
  const { checksum } = upload.row
  if (input.checksumType !== undefined && input.checksumType !== checksum?.type) {
    const mode = checksum?.type ?? 'null'
    const message = `The upload was created using the ${mode} checksum mode. The complete request must use the same checksum mode.`
    throw new CofferError('ChecksumInvalid', { message })
  }
  if (checksum === null) return null
  const { algorithm, type } = checksum
  const values = listed.map(({ row }) => Buffer.from(row.part!.checksum!.value, 'base64'))
  const value =
    type === 'COMPOSITE' ? composite(algorithm, values) : whole(algorithm, values, listed)
  const claimed = input.checksum
  if (claimed !== undefined) {
    // Clients send a composite claim with or without the count of parts.
    const bare = value.replace(/-\d+$/, '')
    if (claimed.algorithm !== algorithm || (claimed.value !== value && claimed.value !== bare)) {
      const message = `The ${algorithm} you specified did not match the calculated checksum.`
      throw new CofferError('UploadChecksumMismatch', { message })
    }
  }
  return { algorithm, type, value }
}

/** Digest of the concatenated digests, and their number. */
function composite(algorithm: Checksum['algorithm'], values: readonly Buffer[]): string {
  const digest = digestOnce(algorithm, Buffer.concat(values))
  return `${digest.toString('base64')}-${values.length}`
}

function whole(
  algorithm: Checksum['algorithm'],
  values: readonly Buffer[],
  listed: readonly StoredPart[],
): string {
  if (algorithm === 'sha1' || algorithm === 'sha256')
    throw new CofferError('Internal', { algorithm })
  const combined = values.reduce((sum, next, i) =>
    combineCrc(algorithm, sum, next, listed[i]!.row.size),
  )
  return combined.toString('base64')
}

/** Conditions, and 409 where the object was written since the upload began: the client must begin anew.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
function judge(input: CompleteInput, upload: FoundUpload, { found }: History): void {
  if (!isConditional(input.conditions)) return
  const current = shownRow(found)
  if (current !== undefined && current.timeMicros > upload.row.createdMicros) {
    throw new CofferError('WriteConflict', { object: upload.ref.object })
  }
  checkWrite(input.conditions, current, upload.ref.object)
}

/** Runs of parts of one size and without gaps. */
function layoutOf(parts: readonly StoredPart[]): Layout {
  const layout: Layout = []
  for (const { part, row } of parts) {
    const run = layout.at(-1)
    if (run !== undefined && run.size === row.size && run.first + run.count === part) run.count++
    else layout.push({ first: part, count: 1, size: row.size })
  }
  return layout
}

/** Adds the rows that make the parts one body; the sweep frees parts that are not listed. */
function nameParts(
  stores: Stores,
  draft: Draft,
  body: string,
  layout: Layout,
  others: boolean,
): void {
  draft.add(bodyKey(body), 1)
  draft.put(layoutKey(body), layoutRow.encode({ layout }))
  if (others) draft.queue(stores, { kind: 'segments', body, keep: layout })
}

/** What an earlier Complete of this upload made, if it is still there and lists the same parts. */
async function completedBefore(
  stores: Stores,
  ref: ObjectRef,
  uploadId: string,
  input: CompleteInput,
): Promise<VersionInfo | undefined> {
  const versionId = versionOfUpload(uploadId)
  if (versionId === undefined) return undefined
  const found = await getVersion(stores.catalog, ref, versionId)
  if (found?.row.etag !== multipartEtag(input.parts.map(({ etag }) => etag))) return undefined
  return describeVersion(standing(await readHistory(stores, ref), found), null)
}
