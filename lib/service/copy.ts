// Copy of one object: by taking a reference to its body where both sides are sealed by the same kind of
// key, by reading and sealing anew where they are not (DESIGN §7: a body shared across kinds could be
// opened with the root key and an old row).
import type { Caller } from '../auth/identity.ts'
import { release } from '../bytes/release.ts'
import type { Source } from '../bytes/source.ts'
import { VerifiedSource } from '../bytes/verify.ts'
import { bodyKey } from '../catalog/keys.ts'
import type { Checksum, ChecksumAlgorithm } from '../catalog/rows.ts'
import type { BodySecret } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { authorize, writerOf } from './access.ts'
import { BodyReader } from './body.ts'
import { checkCopySource, checkWrite } from './conditions.ts'
import {
  commitVersion,
  opaqueEtag,
  requireObjectName,
  type Stamp,
  wholeChecksum,
  writeObject,
} from './objects.ts'
import { SEGMENT_BYTES_MAX } from './segments.ts'
import type { Stores } from './stores.ts'
import type { Conditions, CopyInput, CopyResult, ObjectRef } from './types.ts'
import {
  describeVersion,
  type FoundVersion,
  findObject,
  findVersion,
  openVersion,
  readLayout,
  requireContainer,
} from './versions.ts'

/** A copy's source, its key checked and its conditions met. */
export interface OpenedSource {
  readonly found: FoundVersion
  readonly secret: BodySecret
}

/** Finds and opens what is to be copied. Throws as a read does, but 412 for every failed condition. */
export async function openCopySource(
  stores: Stores,
  caller: Caller,
  from: CopyInput['from'],
  cipher: CopyInput['fromCipher'],
  conditions: Conditions | undefined,
): Promise<OpenedSource> {
  authorize(caller, from.account, 'read')
  const { account, container, object } = from
  const found = await findVersion(stores.catalog, { account, container, object }, from.versionId)
  const secret = openVersion(found, cipher)
  const { etag, timeMicros } = found.row
  checkCopySource(conditions, { etag, timeMicros, md5: secret.md5?.toString('hex') })
  return { found, secret }
}

/** The bytes of an extent of an opened source, as a body that a new segment is written from. */
export async function readSource(
  stores: Stores,
  opened: OpenedSource,
  extent: { readonly offset: number; readonly length: number },
): Promise<{ source: Source; close(): void }> {
  const { row } = opened.found
  const layout = await readLayout(stores.catalog, row)
  // A copy, because the reader zeroes its key when it is closed.
  const key = Buffer.from(opened.secret.bodyKey)
  const reader = new BodyReader(stores, row.body!, key, layout, extent)
  return {
    source: new VerifiedSource(reader, { length: extent.length }),
    close: () => reader.close(),
  }
}

/** Copies an object, onto itself too. Throws CopyToItself where nothing would change. */
export async function copyObject(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  input: CopyInput,
): Promise<CopyResult> {
  authorize(caller, ref.account, 'write')
  requireObjectName(ref.object)
  await requireContainer(stores.catalog, ref)
  const { from } = input
  const opened = await openCopySource(stores, caller, from, input.fromCipher, input.fromConditions)
  try {
    const { found } = opened
    const toItself =
      from.versionId === undefined &&
      from.account === ref.account &&
      from.container === ref.container &&
      from.object === ref.object
    if (toItself && input.replace === undefined && !input.changesSelf) {
      throw new CofferError('CopyToItself')
    }
    if (found.row.size > SEGMENT_BYTES_MAX) {
      throw new CofferError('CopySourceTooLarge', { limit: SEGMENT_BYTES_MAX })
    }
    if (input.conditions !== undefined) {
      checkWrite(input.conditions, (await findObject(stores.catalog, ref)).current?.row, ref.object)
    }
    const sameKind = input.cipher.sealing === input.fromCipher.sealing
    const copied =
      sameKind && input.reseal !== true
        ? await shareBody(stores, caller, ref, input, opened)
        : await sealAnew(stores, caller, ref, input, opened)
    return { info: describeVersion(copied, null), fromVersionId: found.versionId }
  } finally {
    opened.secret.bodyKey.fill(0)
  }
}

/** One reference more, one small value wrapped again: no byte of content moves, whatever the size. */
async function shareBody(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  input: CopyInput,
  opened: OpenedSource,
): Promise<FoundVersion> {
  const { found, secret } = opened
  const { row } = found
  const body = row.body!
  const checksum = await copiedChecksum(stores, opened, input.checksum)
  const { headers, metadata } = input.replace ?? row
  const fields = {
    headers,
    metadata,
    writer: writerOf(caller),
    size: row.size,
    etag: input.cipher.sealing === 'root' ? row.etag : opaqueCopy(row.etag),
    body,
    parts: row.parts,
    checksum,
  }
  const stamp: Stamp = (versionId, timeMicros) => ({
    ...fields,
    timeMicros,
    envelope: input.cipher.wrap({ versionId, ...ref }, secret),
  })
  return await commitVersion(stores, ref, input.conditions, stamp, async (draft, replaced) => {
    const references = await stores.catalog.getCounters(bodyKey(body))
    // The source was replaced meanwhile, and its body with it.
    if (references === undefined)
      throw new CofferError('ObjectMissing', { object: input.from.object })
    draft.expect(bodyKey(body), references)
    if (replaced?.row.body !== body) draft.add(bodyKey(body), 1)
  })
}

/** A new opaque ETag that keeps the multipart form, which says that it is no MD5. */
function opaqueCopy(etag: string): string {
  const dash = etag.indexOf('-')
  return dash === -1 ? opaqueEtag() : opaqueEtag() + etag.slice(dash)
}

/** The checksum that the copy shows: the source's, or one computed over its bytes where another is asked for. */
async function copiedChecksum(
  stores: Stores,
  opened: OpenedSource,
  algorithm: ChecksumAlgorithm | undefined,
): Promise<Checksum | null> {
  const { row } = opened.found
  if (algorithm === undefined || row.checksum?.algorithm === algorithm) return row.checksum
  const { source, close } = await readSource(stores, opened, { offset: 0, length: row.size })
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

async function sealAnew(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  input: CopyInput,
  opened: OpenedSource,
): Promise<FoundVersion> {
  const { found, secret } = opened
  const { headers, metadata } = input.replace ?? found.row
  const extent = { offset: 0, length: found.row.size }
  const { source, close } = await readSource(stores, opened, extent)
  const checksum = input.checksum ?? found.row.checksum?.algorithm
  try {
    const written = await writeObject(stores, caller, ref, {
      headers,
      metadata,
      source,
      cipher: input.cipher,
      wantsMd5: input.cipher.sealing === 'root' || secret.md5 !== null,
      checksum,
      conditions: input.conditions,
    })
    return written.found
  } finally {
    close()
  }
}
