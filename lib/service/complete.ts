// Completes an upload: one commit makes an object of its parts, whatever their size, without a key and without moving a
// byte. Parts that are not listed are freed later.
import type { Asker } from '../auth/asker.ts'
import { rowKeys } from '../catalog/keys.ts'
import { type Checksum, layoutRow, type VersionRow } from '../catalog/rows.ts'
import { deriveCompletionKeys, zeroCompletionKeys } from '../crypto/keys.ts'
import { sealList } from '../crypto/part-list.ts'
import { CofferError, isCode } from '../errors.ts'
import { authorize, writerOf } from './access.ts'
import { type Assembled, assembleParts, multipartEtag } from './assembly.ts'
import { sealWhole } from './checksums.ts'
import { checkWrite, isConditional } from './conditions.ts'
import { addVersion, type History, readHistory, toFoundVersion } from './history.ts'
import { commitWithRetry, type Draft, type Stores } from './stores.ts'
import type { CompleteInput, ObjectRef, VersionInfo } from './types.ts'
import {
  draftEnd,
  type FoundUpload,
  findUpload,
  openLate,
  openUpload,
  versionOfUpload,
} from './uploads.ts'
import { describeVersion, getVersion, sealingOf, shownRow, showVersion } from './versions.ts'

/**
 * Throws the errors of completeUpload that do not depend on its input: AccessDenied, ContainerMissing, UploadMissing
 * where there is neither the upload nor an object that an earlier Complete made of it.
 */
export async function requireCompletable(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
): Promise<void> {
  await authorize(stores, asker, 'completeUpload', ref)
  try {
    await findUpload(stores, asker, ref, uploadId)
  } catch (error) {
    if (!isCode(error, 'UploadMissing')) throw error
    if ((await findCompleted(stores, asker, ref, uploadId)) === undefined) throw error
  }
}

/**
 * Completes an upload. A Complete that is sent again has the same answer as the first, but for the checksum of a
 * customer's upload, which then takes the key (D-KEY-SUMS). Throws
 * UploadMissing, PartsEmpty, PartsUnordered, PartMissing, PartTooSmall, UploadSizeMismatch,
 * UploadChecksumMismatch, PreconditionFailed, WriteConflict, UploadKeyRequired, UploadKeyWrong.
 */
export async function completeUpload(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
  asked: CompleteInput,
): Promise<VersionInfo> {
  await authorize(stores, asker, 'completeUpload', ref)
  const input = { ...asked, parts: orderParts(asked.parts, uploadId) }
  try {
    return await commitWithRetry(stores.catalog, async (draft) => {
      const upload = await findUpload(stores, asker, ref, uploadId)
      const partsRow = await stores.catalog.getCounters(rowKeys.uploadParts(uploadId))
      const { assembled, seal, ...sealed } = await sealParts(stores, upload, input)
      const row = finishedRow(upload, assembled, sealed, input, writerOf(asker))
      const history = await readHistory(stores, asker, ref)
      judge(input, upload, history)
      const { versionId } = upload.row
      await addVersion(stores, draft, history, { versionId, row }, { inOrder: true })
      draftEnd(stores, draft, upload)
      draft.expect(rowKeys.uploadParts(uploadId), partsRow)
      nameParts(stores, draft, upload.row.body, assembled, seal)
      const { versioning } = history
      const isNull = versioning !== 'enabled'
      const shown = { md5: null, checksum: assembled.checksum }
      return describeVersion({ ref, versionId, row, isNull, versioning }, shown)
    })
  } catch (error) {
    const again =
      isCode(error, 'UploadMissing') && (await completedBefore(stores, asker, ref, uploadId, input))
    if (again) return again
    throw error
  }
}

/**
 * The listed parts with rising numbers. Of a part that is listed more than once, as by clients that sent it again,
 * the last entry counts (D-PART-TWICE). Throws PartsEmpty, PartsUnordered.
 */
function orderParts(parts: CompleteInput['parts'], upload: string): CompleteInput['parts'] {
  if (parts.length === 0) throw new CofferError('PartsEmpty')
  for (let i = 1; i < parts.length; i++) {
    if (parts[i]!.part < parts[i - 1]!.part) throw new CofferError('PartsUnordered', { upload })
  }
  return parts.filter(({ part }, i) => parts[i + 1]?.part !== part)
}

/**
 * Assembles the parts and seals their list. The envelope stays the upload's, which does not say the size; where the
 * key came, it is wrapped anew with the size. Throws as `assembleParts` does, UploadKeyRequired, UploadKeyWrong.
 */
async function sealParts(stores: Stores, upload: FoundUpload, { cipher, parts }: CompleteInput) {
  const secret = cipher && openUpload(upload, cipher)
  const { ref, row } = upload
  const keys = secret ? deriveCompletionKeys(secret.bodyKey, row.body) : openLate(stores, upload)
  try {
    const assembled = await assembleParts(stores, upload, parts, keys)
    const seal = sealList(keys.completionKey, assembled)
    const { size, checksum: known } = assembled
    const checksum = known && sealWhole(keys.checksumKey, row.body, known)
    const context = { ...ref, versionId: row.versionId }
    const envelope = secret ? cipher!.wrap(context, { ...secret, size }) : row.envelope
    return { assembled, seal, envelope, checksum }
  } finally {
    secret?.bodyKey.fill(0)
    zeroCompletionKeys(keys)
  }
}

/**
 * The row of the finished version. Its time is that of the upload's beginning, as in S3 (D-UPLOAD-TIME).
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
function finishedRow(
  upload: FoundUpload,
  { parts, size, etag, checksum }: Assembled,
  sealed: Pick<VersionRow, 'envelope' | 'checksum'>,
  input: CompleteInput,
  writer: string,
): VersionRow {
  const { createdMicros, body, headers, metadata } = upload.row
  if (input.size !== undefined && input.size !== size) {
    throw new CofferError('UploadSizeMismatch', { claimed: input.size, computed: size })
  }
  requireClaimed(checksum, input)
  return {
    timeMicros: createdMicros,
    size,
    etag,
    body,
    parts,
    headers,
    metadata,
    rights: { writer },
    ...sealed,
    deleteAtSeconds: null,
  }
}

/**
 * Compares the checksum that the client sends for the whole object with the computed one. Throws ChecksumInvalid,
 * UploadChecksumMismatch.
 */
function requireClaimed(checksum: Checksum | null, input: CompleteInput): void {
  if (input.checksumType !== undefined && input.checksumType !== checksum?.type) {
    const mode = checksum?.type ?? 'null'
    const message = `The upload was created using the ${mode} checksum mode. The complete request must use the same checksum mode.`
    throw new CofferError('ChecksumInvalid', { message })
  }
  const claimed = input.checksum
  if (checksum === null || claimed === undefined) return
  const { algorithm, value } = checksum
  // Clients send a composite checksum with or without the number of parts.
  const bare = value.replace(/-\d+$/, '')
  if (claimed.algorithm === algorithm && (claimed.value === value || claimed.value === bare)) return
  const message = `The ${algorithm} you specified did not match the calculated checksum.`
  throw new CofferError('UploadChecksumMismatch', { message })
}

/**
 * Judges the conditions. Throws PreconditionFailed, WriteConflict where the object was written since the upload
 * began: the client must then begin anew.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
function judge(input: CompleteInput, upload: FoundUpload, { found }: History): void {
  if (!isConditional(input.conditions)) return
  const current = shownRow(found)
  if (current !== undefined && current.timeMicros > upload.row.createdMicros) {
    throw new CofferError('WriteConflict', { object: upload.ref.object })
  }
  checkWrite(input.conditions, current, upload.ref.object)
}

/** Adds the rows that make one body of the parts, and the work for the sweep that frees parts that are not listed. */
function nameParts(
  stores: Stores,
  draft: Draft,
  body: string,
  { layout, pages, others }: Assembled,
  seal: Buffer,
): void {
  draft.add(rowKeys.body(body), 1)
  draft.put(rowKeys.layout(body), layoutRow.encode({ layout, seal, pages }))
  if (others) draft.queue(stores, { kind: 'segments', body, keep: layout })
}

/** The version that an earlier Complete of this upload made, if it still exists and has the same parts. */
async function completedBefore(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
  input: CompleteInput,
): Promise<VersionInfo | undefined> {
  const found = await findCompleted(stores, asker, ref, uploadId)
  if (found?.row.etag !== (await multipartEtag(input.parts))) return undefined
  const { versionId, row } = found
  const opens = sealingOf(row) === 'root' ? stores.rootCipher : undefined
  const cipher = input.cipher ?? opens
  const secret = cipher && openUpload({ ref, row: { versionId, envelope: row.envelope! } }, cipher)
  try {
    const shown = secret ? showVersion(found, secret) : null
    return describeVersion(toFoundVersion(await readHistory(stores, asker, ref), found), shown)
  } finally {
    secret?.bodyKey.fill(0)
  }
}

/** The version that was made of an upload, undefined where it no longer exists. */
async function findCompleted(stores: Stores, asker: Asker, ref: ObjectRef, uploadId: string) {
  const versionId = versionOfUpload(uploadId)
  return versionId === undefined ? undefined : await getVersion(stores, asker, ref, versionId)
}
