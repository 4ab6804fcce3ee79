// Unfinished multipart objects: begin, find, list and abort. The body key is drawn when the upload begins. Its
// envelope also proves that every part brings the same key (D-UPLOAD-KEY).
import type { Asker } from '../auth/asker.ts'
import { CommitUnknown, type Row, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import {
  compareKeys,
  endOf,
  isFolded,
  rowKeys,
  splitNameAndId,
  startBehind,
  successorOf,
  uploadPrefix,
} from '../catalog/keys.ts'
import { containerRow, type UploadRow, uploadRow } from '../catalog/rows.ts'
import type { BodySecret, Cipher } from '../crypto/cipher.ts'
import { SHAPE_PARTS } from '../crypto/envelope.ts'
import {
  type CompletionKeys,
  deriveCompletionKeys,
  randomBodyKey,
  zeroCompletionKeys,
} from '../crypto/keys.ts'
import type { Late } from '../crypto/late.ts'
import { CofferError, isCode } from '../errors.ts'
import { randomId } from '../names.ts'
import { authorize, requireProven, writerOf } from './access.ts'
import { readHistory } from './history.ts'
import { drawVersion, requireObjectName } from './objects.ts'
import { queueBody } from './references.ts'
import { commitWithRetry, type Draft, judged, type Stores } from './stores.ts'
import type {
  ContainerRef,
  ObjectRef,
  UploadInfo,
  UploadInput,
  UploadListInput,
  UploadListing,
} from './types.ts'
import { requireContainer } from './versions.ts'

/** An upload with the catalog row that a commit must expect. */
export interface FoundUpload {
  readonly ref: ObjectRef
  readonly uploadId: string
  readonly stored: Row
  readonly row: UploadRow
}

/** What of an upload its key opens. The version that Complete makes of it keeps all of it. */
interface SealedUpload {
  readonly ref: ObjectRef
  readonly row: Pick<UploadRow, 'versionId' | 'envelope'>
}

/**
 * Makes an upload id: its beginning in microseconds as 16 hex digits, then the version id that the object will have
 * (D-UPLOAD-ID). Ids sort by their beginning, oldest first.
 */
const uploadIdOf = (micros: number, versionId: string) =>
  micros.toString(16).padStart(16, '0') + versionId

/** The version id in an upload id, undefined for a text that is no upload id. */
export function versionOfUpload(uploadId: string): string | undefined {
  return /^[0-9a-f]{48}$/.test(uploadId) ? uploadId.slice(16) : undefined
}

export function describeUpload(found: Omit<FoundUpload, 'stored'>): UploadInfo {
  const { ref, uploadId, row } = found
  return {
    ...ref,
    uploadId,
    createdMicros: row.createdMicros,
    initiator: row.rights.writer,
    sealing: row.envelope.kind === 1 ? 'root' : 'customer',
    checksum: row.checksum,
  }
}

/**
 * Begins an upload. Throws AccessDenied, ContainerMissing, UploadsBegunExceeded, ObjectNameInvalid,
 * ObjectNameTooLong.
 */
export async function createUpload(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: UploadInput,
): Promise<UploadInfo> {
  await authorize(stores, asker, 'createUpload', ref)
  requireObjectName(ref.object)
  const initiator = writerOf(asker)
  await stores.begun.claim(ref.account, initiator)
  try {
    return await beginUpload(stores, ref, input, asker)
  } catch (error) {
    if (!(error instanceof CommitUnknown)) stores.begun.release(ref.account, initiator)
    throw error
  }
}

async function beginUpload(
  stores: Stores,
  ref: ObjectRef,
  input: UploadInput,
  asker: Asker,
): Promise<UploadInfo> {
  return await commitWithRetry(stores.catalog, async (draft) => {
    const { container, found } = await readHistory(stores, asker, ref)
    const { versionId, timeMicros: createdMicros } = drawVersion({ found })
    const uploadId = uploadIdOf(createdMicros, versionId)
    const bodyKey = randomBodyKey()
    const envelope = input.cipher.wrap(
      { ...ref, versionId },
      { bodyKey, size: null, md5: null, shape: SHAPE_PARTS },
    )
    const body = randomId()
    const late = wrapLate(stores, { ref, uploadId, row: { body } }, bodyKey)
    bodyKey.fill(0)
    const row: UploadRow = {
      containerId: containerRow.decodeUnproven(container.value).id,
      versionId,
      body,
      createdMicros,
      envelope,
      late,
      headers: input.headers,
      metadata: input.metadata,
      checksum: input.checksum ?? null,
      rights: { writer: writerOf(asker) },
    }
    draft.expect(rowKeys.container(ref.account, ref.container), container)
    const key = rowKeys.upload(ref.account, ref.container, ref.object, uploadId)
    draft.put(key, uploadRow.encode(key, row, stores.macs))
    return describeUpload({ ref, uploadId, row })
  })
}

/**
 * Finds an upload. One of an earlier container of the same name is not found. Throws ContainerMissing, UploadMissing, and
 * AccessDenied where its row's MAC does not hold; an owner by role gets what may be believed of it (D-MAC-UPLOADS).
 */
export async function findUpload(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
): Promise<FoundUpload> {
  const { account, container, object } = ref
  const [holder, stored] = await stores.catalog.getMany([
    rowKeys.container(account, container),
    rowKeys.upload(account, container, object, uploadId),
  ])
  if (holder === undefined) throw new CofferError('ContainerMissing', { container })
  const read = judged(uploadRow, stored, stores.macs)
  const { id } = containerRow.decodeUnproven(holder.value)
  if (read?.row.containerId !== id) throw new CofferError('UploadMissing', { upload: uploadId })
  requireProven(stores, asker, account, read.holds)
  return { ref, uploadId, stored: stored!, row: read.row }
}

/**
 * Opens the upload's body key. Throws UploadKeyRequired where a key is missing, or came for an upload without one,
 * UploadKeyWrong for another key than the upload's.
 */
export function openUpload({ ref, row }: SealedUpload, cipher: Cipher): BodySecret {
  try {
    return cipher.unwrap({ ...ref, versionId: row.versionId }, row.envelope)
  } catch (error) {
    if (isCode(error, 'KeyWrong')) throw new CofferError('UploadKeyWrong', {}, error)
    if (isCode(error, 'KeyRequired') || isCode(error, 'KeyNotApplicable')) {
      throw new CofferError('UploadKeyRequired', {}, error)
    }
    throw error
  }
}

/** What the wrap of an upload's completion keys is bound to. */
type LateUpload = Pick<FoundUpload, 'ref' | 'uploadId'> & { readonly row: Pick<UploadRow, 'body'> }
const lateContext = ({ ref, uploadId, row }: LateUpload) => ({ ...ref, uploadId, body: row.body })

function wrapLate({ late }: Stores, upload: LateUpload, bodyKey: Buffer): Late {
  const keys = deriveCompletionKeys(bodyKey, upload.row.body)
  try {
    return late.wrap(lateContext(upload), keys)
  } finally {
    zeroCompletionKeys(keys)
  }
}

/**
 * The keys with which Complete checks the parts and seals their list; the caller zeroes them. Under SSE-C too they come
 * from a root key, because Complete need not bring the customer's. Throws StoreCorrupt.
 */
export const openLate = ({ late }: Stores, upload: FoundUpload): CompletionKeys =>
  late.unwrap(lateContext(upload), upload.row.late)

/** Aborts an upload, whose parts the sweep frees. Throws UploadMissing. */
export async function abortUpload(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  uploadId: string,
): Promise<void> {
  await authorize(stores, asker, 'abortUpload', ref)
  await commitWithRetry(stores.catalog, async (draft) => {
    draftAbort(stores, draft, await findUpload(stores, asker, ref, uploadId))
  })
}

/** Adds to the draft the removal of an upload's row, and counts it out. Its parts stay. */
export function draftEnd(
  stores: Stores,
  draft: Draft,
  { ref, uploadId, stored, row }: FoundUpload,
) {
  const key = rowKeys.upload(ref.account, ref.container, ref.object, uploadId)
  draft.expect(key, stored).del(key).del(rowKeys.uploadParts(uploadId))
  draft.after.push(() => stores.begun.release(ref.account, row.rights.writer))
}

/** Adds to the draft the removal of an upload with its parts. */
export function draftAbort(stores: Stores, draft: Draft, upload: FoundUpload): void {
  draftEnd(stores, draft, upload)
  queueBody(stores, draft, upload.row.body)
}

/** Lists a container's uploads by object name, then oldest first. A delimiter folds names into common prefixes. */
export async function listUploads(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  input: UploadListInput,
): Promise<UploadListing> {
  await authorize(stores, asker, 'listUploads', ref)
  const container = await requireContainer(stores.catalog, ref)
  const { id } = containerRow.decodeUnproven(container.value)
  const base = uploadPrefix(ref.account, ref.container)
  const entries: (UploadInfo | string)[] = []
  // One upload more than `limit` is read, which shows whether the list goes on.
  for await (const stored of walk(stores, ref, input)) {
    const { row } = uploadRow.read(stored, stores.macs)
    if (row.containerId !== id) continue
    const { name, id: uploadId } = splitNameAndId(stored.key.slice(base.length))
    const folded = commonPrefix(name, input)
    if (folded === undefined) {
      entries.push(describeUpload({ ref: { ...ref, object: name }, uploadId, row }))
    } else if (entries.at(-1) !== folded) {
      entries.push(folded)
    }
    if (entries.length > input.limit) break
  }
  return { entries: entries.slice(0, input.limit), truncated: entries.length > input.limit }
}

/**
 * The common prefix that the delimiter folds a name into, undefined where it folds none. The catalog cannot fold here,
 * because its keys end with an id.
 */
function commonPrefix(
  name: string,
  { prefix = '', delimiter }: UploadListInput,
): string | undefined {
  if (delimiter === undefined || delimiter === '') return undefined
  const at = name.indexOf(delimiter, prefix.length)
  return at === -1 ? undefined : name.slice(0, at + delimiter.length)
}

async function* walk(
  stores: Stores,
  ref: ContainerRef,
  input: UploadListInput,
): AsyncGenerator<Row> {
  const prefix = uploadPrefix(ref.account, ref.container) + (input.prefix ?? '')
  const to = endOf(prefix)
  let from: string | undefined = startOf(ref, prefix, input)
  while (from !== undefined && compareKeys(from, to) < 0) {
    const page = await stores.catalog.scan({ from, to, limit: SCAN_LIMIT_MAX })
    for (const entry of page.entries) if (!('group' in entry)) yield entry
    from = page.cursor
  }
}

/** The key at which the list goes on: behind one upload, behind all uploads of a name, or behind a common prefix. */
function startOf(ref: ContainerRef, prefix: string, input: UploadListInput): string {
  const { afterObject, afterUpload, delimiter } = input
  if (afterObject === undefined || afterObject === '') return prefix
  const uploadsOfName = uploadPrefix(ref.account, ref.container, afterObject)
  if (afterUpload !== undefined) return startBehind(uploadsOfName + afterUpload, prefix)
  const marker = uploadPrefix(ref.account, ref.container) + afterObject
  const start = isFolded(marker, prefix, delimiter) ? successorOf(marker)! : endOf(uploadsOfName)
  return compareKeys(start, prefix) < 0 ? prefix : start
}
