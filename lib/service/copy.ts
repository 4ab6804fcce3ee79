// Copies one object. Where source and target are sealed by the same kind of key, the copy is one more reference to the
// body. Otherwise the body is read and sealed anew, because a body that is shared across kinds could be opened with the
// root key and an old row (D-KINDS).
import type { Asker } from '../auth/asker.ts'
import { release } from '../bytes/release.ts'
import type { Source } from '../bytes/source.ts'
import { VerifiedSource } from '../bytes/verify.ts'
import { rowKeys } from '../catalog/keys.ts'
import type { Checksum, ChecksumAlgorithm } from '../catalog/rows.ts'
import type { BodySecret } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { authorize, writerOf } from './access.ts'
import { BodyReader } from './body.ts'
import { sealWhole, wholeChecksum, withChecksumKey } from './checksums.ts'
import { checkRead } from './conditions.ts'
import { Following } from './links.ts'
import { commitVersion, opaqueEtag, prepareWrite, type Stamp, writeObject } from './objects.ts'
import { isOwn, type ResolvedBody, type Span } from './resolve.ts'
import { SEGMENT_BYTES_MAX } from './segments.ts'
import { type Draft, readAnew, type Stores } from './stores.ts'
import type { CopyInput, CopyResult, Extent, ObjectRef, VersionInfo } from './types.ts'
import {
  describeVersion,
  type FoundVersion,
  findVersion,
  openVersion,
  type StoredVersion,
  sealingOf,
  showVersion,
} from './versions.ts'

/** A copy's source whose key was right and whose conditions hold. */
export interface OpenedSource {
  readonly found: FoundVersion
  readonly secret: BodySecret
  readonly body: ResolvedBody
  readonly info: VersionInfo
}

/** What says which source is copied. */
export type SourceInput = Pick<CopyInput, 'from' | 'fromCipher' | 'fromConditions'>

/** Finds and opens a copy's source. Throws what a read throws. */
export async function openCopySource(
  stores: Stores,
  asker: Asker,
  { from, fromCipher, fromConditions }: SourceInput,
): Promise<OpenedSource> {
  await authorize(stores, asker, 'copyFromObject', from)
  const found = await findVersion(stores, asker, from, from.versionId)
  const secret = openVersion(found, fromCipher)
  const { etag, timeMicros } = found.row
  checkRead(fromConditions, { etag, timeMicros, md5: secret.md5?.toString('hex') })
  const asking = new Following(stores, asker, fromCipher)
  const body = await stores.resolve({ ...found, secret }, asking)
  return {
    found,
    secret,
    body,
    info: describeVersion(found, showVersion(found, secret), body.size),
  }
}

/** The bytes of an extent of an opened source, as the source of a new segment. */
export function readSource(
  stores: Stores,
  opened: OpenedSource,
  extent: Span,
): { source: Source; close(): void } {
  const { body, found } = opened
  // A copy, because the reader zeroes its key when it is closed.
  const key = Buffer.from(opened.secret.bodyKey)
  const reader = new BodyReader(stores, found.row.body!, key, body, extent)
  return {
    source: new VerifiedSource(reader, { length: extent.length }),
    close: () => reader.close(),
  }
}

/** Copies an object, also onto itself. Throws CopyToItself where such a copy would change nothing. */
export function copyObject(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: CopyInput,
): Promise<CopyResult> {
  return readAnew(() => copyOnce(stores, asker, ref, input))
}

async function copyOnce(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: CopyInput,
): Promise<CopyResult> {
  await prepareWrite(stores, asker, 'copyToObject', ref, input.conditions)
  const { from } = input
  const opened = await openCopySource(stores, asker, input)
  try {
    const { row } = opened.found
    const toItself =
      from.versionId === undefined &&
      from.account === ref.account &&
      from.container === ref.container &&
      from.object === ref.object
    if (toItself && input.revise === undefined && !input.changesSelf) {
      throw new CofferError('CopyToItself')
    }
    const extent = extentOf(input, opened.body.size)
    if (extent.length > SEGMENT_BYTES_MAX) {
      throw new CofferError('CopySourceTooLarge', { limit: SEGMENT_BYTES_MAX })
    }
    const shares =
      input.cipher.sealing === sealingOf(row) &&
      input.reseal !== true &&
      !extent.partial &&
      isOwn(opened.body)
    const copied = shares
      ? await shareBody(stores, asker, ref, input, opened)
      : await sealAnew(stores, asker, ref, input, opened, extent)
    return { info: copied, source: opened.info }
  } finally {
    opened.secret.bodyKey.fill(0)
  }
}

/** The extent that is copied, of which there is one. */
function extentOf({ ranges }: CopyInput, size: number): Extent {
  if (ranges === undefined) return { offset: 0, length: size, partial: false }
  const [extent, ...more] = ranges(size)
  if (extent === undefined || more.length > 0) {
    throw new CofferError('Internal', { what: 'a copy takes one extent' })
  }
  return extent
}

/** The copy's description: the source's headers and metadata, unless `revise` changes them. */
function describeCopy({ revise }: CopyInput, { info }: OpenedSource) {
  const { headers, metadata, deleteAtSeconds } = revise?.(info) ?? {
    headers: info.headers,
    metadata: info.metadata,
  }
  return { headers, metadata, deleteAtSeconds }
}

/** Adds a reference to the body and wraps its key anew. No byte of content is read, whatever the size. */
async function shareBody(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: CopyInput,
  opened: OpenedSource,
): Promise<VersionInfo> {
  const { found } = opened
  // The source's wrap may not know the size, which the seal of its parts has proven.
  const secret = { ...opened.secret, size: opened.body.size }
  const { row } = found
  const body = row.body!
  const checksum = await copiedChecksum(stores, opened, input.checksum)
  const { headers, metadata, deleteAtSeconds } = describeCopy(input, opened)
  const fields = {
    headers,
    metadata,
    deleteAtSeconds: deleteAtSeconds ?? null,
    rights: { writer: writerOf(asker) },
    size: row.size,
    etag: input.cipher.sealing === 'root' ? row.etag : opaqueCopy(row.etag),
    body,
    parts: row.parts,
    checksum: sealCopied(opened, checksum),
  }
  const stamp: Stamp = (versionId, timeMicros) => ({
    ...fields,
    timeMicros,
    envelope: input.cipher.wrap({ ...ref, versionId }, secret),
  })
  const name = async (draft: Draft, replaced: StoredVersion | undefined) => {
    const references = await stores.catalog.getCounters(rowKeys.body(body))
    // The source and its body were replaced meanwhile. readAnew begins the copy anew after this error.
    if (references === undefined) throw new CofferError('StoreCorrupt', { row: rowKeys.body(body) })
    draft.expect(rowKeys.body(body), references)
    if (replaced?.row.body !== body) draft.add(rowKeys.body(body), 1)
  }
  const written = await commitVersion(stores, asker, ref, input.conditions, stamp, name)
  return describeVersion(written, { md5: secret.md5, checksum })
}

/** A new opaque ETag. It keeps the `-N` of a multipart ETag, by which clients see that it is no MD5. */
function opaqueCopy(etag: string): string {
  const dash = etag.indexOf('-')
  return dash === -1 ? opaqueEtag() : opaqueEtag() + etag.slice(dash)
}

/** The copy's checksum: the source's, or one computed over the bytes where the caller chooses another algorithm. */
async function copiedChecksum(
  stores: Stores,
  opened: OpenedSource,
  algorithm: ChecksumAlgorithm | undefined,
): Promise<Checksum | null> {
  const { row } = opened.found
  const { checksum } = opened.info
  if (algorithm === undefined || checksum?.algorithm === algorithm) return checksum
  const { source, close } = readSource(stores, opened, { offset: 0, length: row.size })
  try {
    source.want(algorithm)
    for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
      release(piece)
    }
    return wholeChecksum(source, algorithm)
  } finally {
    close()
  }
}

/** The copy's checksum as its row has it: the source's value, which hangs on the body they share, or one sealed anew. */
function sealCopied({ found, info, secret }: OpenedSource, checksum: Checksum | null) {
  if (checksum === null || checksum === info.checksum) return found.row.checksum
  const body = found.row.body!
  return withChecksumKey(secret.bodyKey, body, (key) => sealWhole(key, body, checksum))
}

async function sealAnew(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: CopyInput,
  opened: OpenedSource,
  extent: Extent,
): Promise<VersionInfo> {
  const { found, secret } = opened
  const { source, close } = readSource(stores, opened, extent)
  const checksum = input.checksum ?? found.row.checksum?.algorithm
  try {
    const written = await writeObject(stores, asker, ref, {
      ...describeCopy(input, opened),
      source,
      cipher: input.cipher,
      wantsMd5: input.cipher.sealing === 'root' || secret.md5 !== null,
      checksum,
      conditions: input.conditions,
    })
    return describeVersion(written.found, written.shown)
  } finally {
    close()
  }
}
