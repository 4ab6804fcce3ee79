// Put, head and get of one object.
import type { Asker } from '../auth/asker.ts'
import { rowKeys } from '../catalog/keys.ts'
import { segmentRow, type VersionRow } from '../catalog/rows.ts'
import { SHAPE_ONE_PIECE } from '../crypto/envelope.ts'
import { randomBodyKey } from '../crypto/keys.ts'
import { CofferError } from '../errors.ts'
import {
  microsOfVersion,
  nowMicros,
  randomId,
  requireObjectNameLength,
  versionIdAt,
} from '../names.ts'
import { authorize, writerOf } from './access.ts'
import type { Action } from './actions.ts'
import { extentOfPart, readExtents } from './body.ts'
import { openOfPart, sealWhole, wholeChecksum, withChecksumKey } from './checksums.ts'
import { checkRead, checkWrite, isMeant, type Judged } from './conditions.ts'
import { addVersion, type History, readHistory } from './history.ts'
import { Following } from './links.ts'
import type { ResolvedBody } from './resolve.ts'
import { nameSegment, settleAfter, writeSegment } from './segments.ts'
import { commitWithRetry, type Draft, decoded, readAnew, type Stores } from './stores.ts'
import type {
  Conditions,
  Extent,
  HeadInput,
  ObjectReader,
  ObjectRef,
  PutInput,
  ReadInput,
  VersionInfo,
} from './types.ts'
import {
  checkKeyIfSent,
  describeVersion,
  type FoundVersion,
  findObject,
  findVersion,
  openVersion,
  requireContainer,
  type Shown,
  type StoredVersion,
  shownRow,
  showVersion,
} from './versions.ts'

/** Throws ObjectNameInvalid for an empty name, ObjectNameTooLong. */
export function requireObjectName(object: string): void {
  if (object === '') throw new CofferError('ObjectNameInvalid')
  requireObjectNameLength(object)
}

/** An ETag that does not depend on the content: 32 random hex digits (D-ETAG). */
export const opaqueEtag = randomId

/**
 * Makes the row of a version from its id and time. It is called last, so that a newer version never has an older
 * time.
 */
export type Stamp = (versionId: string, timeMicros: number) => VersionRow

/**
 * Commits a new body's first version as the object's current one. `name` adds the rows that name the body. Its
 * argument is the version that is replaced, if there is one. Throws PreconditionFailed, ObjectMissing,
 * ContainerMissing.
 */
export async function commitVersion(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  conditions: Conditions | undefined,
  stamp: Stamp,
  name: (draft: Draft, replaced: StoredVersion | undefined) => Promise<void> | void,
): Promise<FoundVersion> {
  return await commitWithRetry(stores.catalog, async (draft) => {
    const history = await readHistory(stores, asker, ref)
    checkWrite(conditions, shownRow(history.found), ref.object)
    const { versionId, timeMicros } = drawVersion(history)
    const row = stamp(versionId, timeMicros)
    const replaced = await addVersion(stores, draft, history, { versionId, row })
    await name(draft, replaced)
    const { versioning } = history
    return { ref, versionId, row, isNull: versioning !== 'enabled', versioning }
  })
}

/**
 * Draws the id and time of a version to be written. They are newer than those of the current and the null version, also
 * where the clock was set back (D-CLOCK-BACK).
 */
export function drawVersion({ found }: Pick<History, 'found'>): {
  versionId: string
  timeMicros: number
} {
  const { current, nullVersion } = found.row ?? {}
  const microsOf = (id: string | null | undefined) => (id ? microsOfVersion(id) : 0)
  const timeMicros = nowMicros(Math.max(microsOf(current), microsOf(nullVersion)))
  return { versionId: versionIdAt(timeMicros), timeMicros }
}

/**
 * Refuses a write before its body is read, where that is possible. Throws AccessDenied, ObjectNameInvalid,
 * ObjectNameTooLong, ContainerMissing, PreconditionFailed, ObjectMissing.
 */
export async function prepareWrite(
  stores: Stores,
  asker: Asker,
  action: Action,
  ref: ObjectRef,
  conditions: Conditions | undefined,
): Promise<void> {
  await authorize(stores, asker, action, ref)
  requireObjectName(ref.object)
  await requireContainer(stores.catalog, ref)
  if (conditions === undefined) return
  checkWrite(conditions, shownRow(await findObject(stores, asker, ref)), ref.object)
}

/** Writes an object. Conditions are judged before the body is read, and again in the commit. */
export async function putObject(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: PutInput,
): Promise<VersionInfo> {
  await prepareWrite(stores, asker, 'putObject', ref, input.conditions)
  const wantsMd5 = input.cipher.sealing === 'root' || input.sealMd5 === true
  const { found, shown } = await writeObject(stores, asker, ref, { ...input, wantsMd5 })
  return describeVersion(found, shown)
}

/**
 * Seals a source as the object's new version. Where the MD5 is computed, it is sealed inside the wrap, and under the
 * root key it is the ETag.
 */
export async function writeObject(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: Omit<PutInput, 'sealMd5'> & { readonly wantsMd5: boolean },
): Promise<{ found: FoundVersion; shown: Shown }> {
  const { source, cipher, wantsMd5 } = input
  if (wantsMd5) source.want('md5')
  if (input.checksum !== undefined) source.want(input.checksum)
  const secretKey = randomBodyKey()
  try {
    const written = await writeSegment(stores, asker, secretKey, 1, source)
    const md5 = wantsMd5 ? source.digest('md5') : null
    const { size } = written.row
    const body = randomId()
    const checksum = wholeChecksum(source, input.checksum)
    const fields = {
      size,
      etag: cipher.sealing === 'root' ? md5!.toString('hex') : opaqueEtag(),
      body,
      parts: 0,
      headers: input.headers,
      metadata: input.metadata,
      checksum:
        checksum && withChecksumKey(secretKey, body, (key) => sealWhole(key, body, checksum)),
      rights: { writer: writerOf(asker) },
      deleteAtSeconds: input.deleteAtSeconds ?? null,
    }
    const stamp: Stamp = (versionId, timeMicros) => ({
      ...fields,
      timeMicros,
      envelope: cipher.wrap(
        { ...ref, versionId },
        {
          bodyKey: secretKey,
          size,
          md5,
          shape: SHAPE_ONE_PIECE,
        },
      ),
    })
    const commit = commitVersion(stores, asker, ref, input.conditions, stamp, (draft) => {
      nameSegment(draft, body, 1, written, null)
      draft.add(rowKeys.body(body), 1)
    })
    const found = await settleAfter(stores.blobs, written, commit)
    return { found, shown: { md5, checksum } }
  } finally {
    secretKey.fill(0)
  }
}

/** Finds the version, then checks its key, then the conditions, then the range. The order is part of the contract. */
async function openForRead(
  stores: Stores,
  asker: Asker,
  action: Action,
  ref: ObjectRef,
  input: ReadInput,
) {
  await authorize(stores, asker, action, { ...ref, versionId: input.versionId })
  const found = await findVersion(stores, asker, ref, input.versionId)
  const secret = openVersion(found, input.cipher)
  const { row } = found
  const judged = judgedOf(row, secret.md5)
  checkRead(input.conditions, judged)
  const asking = new Following(stores, asker, input.cipher)
  const body = await stores.resolve({ ...found, secret }, asking)
  const info = describeVersion(found, showVersion(found, secret), body.size)
  const { part } = input
  if (part !== undefined) {
    const read = await findPart(stores, row, body, part, secret.bodyKey)
    return { info: { ...info, part: read.part }, extents: [read.extent], secret, body, row }
  }
  const isRanged = input.rangesFor === undefined || isMeant(input.rangesFor, judged)
  const extents = (isRanged && input.ranges?.(body.size)) || [wholeOf(body.size)]
  return { info, extents, secret, body, row }
}

const wholeOf = (size: number): Extent => ({ offset: 0, length: size, partial: false })

const judgedOf = ({ etag, timeMicros, headers }: VersionRow, md5: Buffer | null): Judged => ({
  etag,
  md5: md5?.toString('hex'),
  timeMicros,
  headers,
})

/** The extent of one part. Throws PartNumberUnsatisfiable. */
async function findPart(
  stores: Stores,
  row: VersionRow,
  body: ResolvedBody,
  number: number,
  bodyKey: Buffer,
) {
  const position = extentOfPart(body.segments, number)
  if (position === undefined) {
    const parts = Math.max(1, row.parts)
    throw new CofferError('PartNumberUnsatisfiable', { part: number, parts })
  }
  const { offset, length } = position
  const extent: Extent = { offset, length, partial: length > 0 }
  const key = rowKeys.segment(row.body!, position.part)
  const segment = row.parts === 0 ? undefined : decoded(segmentRow, await stores.catalog.get(key))
  const checksum = withChecksumKey(bodyKey, row.body!, (opener) => {
    return segment === undefined ? null : openOfPart(opener, position.part, segment)
  })
  return { extent, part: { number, checksum } }
}

/** What a GET would return, without the bytes. Where the key is optional and none came, no key is checked. */
export async function headObject(stores: Stores, asker: Asker, ref: ObjectRef, input: HeadInput) {
  const { action = 'headObject' } = input
  if (input.keyOptional !== true) {
    const open = () => openForRead(stores, asker, action, ref, input)
    const { info, extents, secret } = await readAnew(open)
    secret.bodyKey.fill(0)
    return { info, extents }
  }
  await authorize(stores, asker, action, { ...ref, versionId: input.versionId })
  const found = await findVersion(stores, asker, ref, input.versionId)
  const shown = checkKeyIfSent(found, input.cipher)
  checkRead(input.conditions, judgedOf(found.row, shown?.md5 ?? null))
  return { info: describeVersion(found, shown), extents: [wholeOf(found.row.size)] }
}

/** Opens an object for reading. It resolves once the key was right and the rows of the extents were found. */
export function getObject(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: ReadInput,
): Promise<ObjectReader> {
  return readAnew(async () => {
    const { info, extents, secret, body, row } = await openForRead(
      stores,
      asker,
      'getObject',
      ref,
      input,
    )
    const reader = readExtents(stores, row.body!, secret.bodyKey, body, extents)
    try {
      await reader.prepare()
    } catch (error) {
      reader.close()
      throw error
    }
    return { info, extents, read: () => reader.read(), close: () => reader.close() }
  })
}
