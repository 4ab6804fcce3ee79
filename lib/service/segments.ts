// One segment of a body: seals a source into it, names it in a commit, and frees it.

import type { Asker } from '../auth/asker.ts'
import type { BlobStore, BlobWriter } from '../blobs/store.ts'
import { RECORDS_PER_PIECE } from '../blobs/store.ts'
import { release } from '../bytes/release.ts'
import type { Source } from '../bytes/source.ts'
import { type Catalog, CommitUnknown } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { type SegmentRow, segmentRow, volumeBlobRow } from '../catalog/rows.ts'
import { deriveBlobKey } from '../crypto/keys.ts'
import { Sealer, sealSmall } from '../crypto/seal.ts'
import { CofferError } from '../errors.ts'
import { randomId } from '../names.ts'
import type { Draft, Stores } from './stores.ts'

/**
 * Largest single PUT, part or copy in bytes, 5 GiB.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
export const SEGMENT_BYTES_MAX = 5 * 2 ** 30

/** A segment whose bytes are durable in the store and that no row names yet. */
export interface WrittenSegment {
  readonly row: Omit<SegmentRow, 'part'>
  readonly pieces: readonly Buffer[]
}

/**
 * Reads the source, which `asker` sends, to its verified end and seals it as segment `part` of the body with that key.
 * Throws what the source throws, BodyTooLarge, StoreFull, StoreUnavailable. After an error only
 * bytes without a name are left. Where the catalog takes no commits nothing is read (D-CLOSED-BODY).
 */
export async function writeSegment(
  { catalog, blobs, smallBodyBytes }: Pick<Stores, 'catalog' | 'blobs' | 'smallBodyBytes'>,
  asker: Asker,
  bodyKey: Buffer,
  part: number,
  source: Source,
): Promise<WrittenSegment> {
  if (source.length !== undefined) refuseTooLarge(source.length)
  refuseImpaired(catalog)
  const blob = randomId()
  const key = deriveBlobKey(bodyKey, blob, part)
  try {
    const head = await readHead(source, smallBodyBytes)
    if (head.rest !== undefined) {
      const writer = blobs.create(blob, source.length, asker.caller?.account ?? '')
      return await writeBlob(blobs, writer, key, source, head)
    }
    const inline = sealSmall(key, head.bytes)
    const size = head.bytes.length
    return {
      row: { blob, size, records: 1, inline, volume: null, storedBytes: inline.length },
      pieces: [],
    }
  } finally {
    key.fill(0)
  }
}

/** The first bytes of a source, and the piece that exceeded the limit. */
interface Head {
  readonly bytes: Buffer
  readonly rest: Buffer | undefined
}

async function writeBlob(
  blobs: BlobStore,
  writer: BlobWriter,
  key: Buffer,
  source: Source,
  head: Head,
): Promise<WrittenSegment> {
  const sealer = new Sealer(key, writer)
  try {
    if (head.bytes.length > 0) await sealer.write(head.bytes)
    const size = await sealAll(source, sealer, head.rest, head.bytes.length)
    const { records } = await sealer.finish()
    return await finishWriter(blobs, writer, size, records)
  } catch (error) {
    sealer.abort()
    writer.abort()
    blobs.settle(writer.id)
    throw error
  }
}

/** Collects the source's first bytes up to `bytesMax`. `rest` is the piece that exceeded the limit. */
async function readHead(source: Source, bytesMax: number): Promise<Head> {
  const bytes = Buffer.allocUnsafe(Math.min(bytesMax, source.length ?? bytesMax))
  let size = 0
  for (;;) {
    const chunk = await source.read()
    if (chunk === undefined || size + chunk.length > bytes.length) {
      return { bytes: bytes.subarray(0, size), rest: chunk }
    }
    chunk.copy(bytes, size)
    size += chunk.length
    release(chunk)
  }
}

async function sealAll(source: Source, sealer: Sealer, first: Buffer | undefined, begun: number) {
  let size = begun
  for (let chunk = first; chunk !== undefined; chunk = await source.read()) {
    size += chunk.length
    refuseTooLarge(size)
    const room = sealer.write(chunk)
    if (room !== undefined) await room
    release(chunk)
  }
  return size
}

async function finishWriter(blobs: BlobStore, writer: BlobWriter, size: number, records: number) {
  const locator = await writer.finish()
  if (locator.records !== records) {
    throw new CofferError('Internal', { records, written: locator.records })
  }
  await blobs.barrier([locator.volume])
  const { volume, storedBytes, pieces } = locator
  return {
    row: { blob: writer.id, size, records, inline: null, volume, storedBytes },
    pieces,
  }
}

/** Throws StoreUnavailable where the catalog takes no commits: the segment could not be named. */
function refuseImpaired({ impaired }: Catalog): void {
  if (impaired !== null) throw new CofferError('StoreUnavailable', { message: impaired })
}

function refuseTooLarge(size: number): void {
  if (size > SEGMENT_BYTES_MAX) {
    throw new CofferError('BodyTooLarge', { size, limit: SEGMENT_BYTES_MAX })
  }
}

/** Adds the rows that name a written segment to the draft. */
export function nameSegment(
  draft: Draft,
  body: string,
  part: number,
  written: WrittenSegment,
  shown: SegmentRow['part'],
): void {
  const { row, pieces } = written
  draft.put(rowKeys.segment(body, part), segmentRow.encode({ ...row, part: shown }))
  if (row.volume === null) return
  for (const [index, piece] of pieces.entries()) draft.put(rowKeys.blob(row.blob, index), piece)
  const { storedBytes } = row
  draft.put(rowKeys.volume(row.volume, row.blob), volumeBlobRow.encode({ body, part, storedBytes }))
  draft.add(rowKeys.volumeUsage(row.volume), storedBytes, 1)
}

/**
 * Runs the commit that names a written segment. The store settles the segment's blob once the outcome is final, so
 * that its volume is not sealed before. For a commit of unknown outcome that is after the answer (D-UNKNOWN).
 */
export async function settleAfter<T>(
  blobs: BlobStore,
  written: WrittenSegment,
  commit: Promise<T>,
): Promise<T> {
  const settle = () => {
    if (written.row.volume !== null) blobs.settle(written.row.blob)
  }
  try {
    const answer = await commit
    settle()
    return answer
  } catch (error) {
    if (error instanceof CommitUnknown) void error.done.then(settle)
    else settle()
    throw error
  }
}

/** Most rows that `freeSegment` changes. */
export function freedRows(row: SegmentRow): number {
  return 4 + Math.ceil(row.records / RECORDS_PER_PIECE)
}

/** Adds to the draft the removal of a segment's rows. Once that is durable, the store's `release` is called. */
export function freeSegment(
  stores: Stores,
  draft: Draft,
  body: string,
  part: number,
  row: SegmentRow,
): void {
  draft.del(rowKeys.segment(body, part))
  const { blob, volume, storedBytes } = row
  if (volume === null) return
  const count = Math.ceil(row.records / RECORDS_PER_PIECE)
  for (let index = 0; index < count; index++) draft.del(rowKeys.blob(blob, index))
  draft.del(rowKeys.volume(volume, blob))
  draft.add(rowKeys.volumeUsage(volume), -storedBytes, -1)
  draft.after.push(() => stores.blobs.release(volume, blob))
}
