// The copy that reclaim makes of a volume: its live records under their own numbers, between a header and a
// sealed header. The copy is written, synced and closed, and then opened again and read back whole. So nothing
// is destroyed before its copy has been read from the files that the next start will find.
import { crc32 } from '../bytes/crc32.ts'
import { release } from '../bytes/release.ts'
import { CofferError } from '../errors.ts'
import { type Copy, type Format, HEADER_BLOB } from './format.ts'
import { encodeHeader, type VolumeHeader } from './header.ts'
import type { LiveRecord, LiveRecords } from './reclaim-live.ts'
import { KEY_BYTES, RecordSum } from './record.ts'
import type { BlobId } from './store.ts'

/** Records that are read, and put, at a time: 1 MiB of full ones. A request waits for one slice at most. */
const SLICE_RECORDS = 16

/** Called before each slice of work. The copy ends with the error that it rejects with. */
export type Between = (bytes: number) => Promise<void>

export interface CopySource {
  /** The format of the copy. */
  readonly format: Format
  readonly location: string
  readonly live: LiveRecords
  /** The sealed header, which stands at `lastNumber`, as in the volume. */
  readonly header: VolumeHeader
  readonly lastNumber: number
  readonly getMany: (numbers: readonly number[]) => Promise<(Buffer | undefined)[]>
}

/** Records whose checksum is wrong, by number, with the crc32 of the whole value. They are copied as they
 * are. */
export type BadRecords = Map<number, LiveRecord & { readonly sum: number }>

type Values = readonly (Buffer | undefined)[]

/**
 * Writes the copy, which is durable and closed then. `between` is called before each slice is written, with the
 * bytes of that slice. Rejects with StoreCorrupt where a live record is missing, with StoreUnavailable where
 * one cannot be read, with the error of file or database, and with the error of `between`. A half-made copy is left,
 * closed.
 */
export async function writeCopy(source: CopySource, between: Between): Promise<BadRecords> {
  const { header, lastNumber, live } = source
  const bad: BadRecords = new Map()
  const sums = new Sums()
  const copy = await source.format.makeCopy(source.location)
  await finished(copy, async () => {
    await copy.put([headerValue({ ...header, sealed: false }, 0)])
    for (const slice of live.slices(SLICE_RECORDS)) {
      const values = await source.getMany(slice.map(({ number }) => number))
      const records = slice.map((record, i) => {
        const value = requireValue(values[i], header.volume, record)
        if (!sums.holds(value, record)) bad.set(record.number, { ...record, sum: crc32(value) })
        return { ...record, value }
      })
      await between(bytesOf(values))
      await copy.put(records)
      releaseAll(values)
    }
    await copy.put([headerValue(header, lastNumber)])
  })
  return bad
}

/**
 * Opens the copy as a start would and reads all of it. Rejects with StoreCorrupt where a byte differs from what
 * was written, and as `writeCopy` does. The copy is closed either way, and durable where nothing failed.
 */
export async function verifyCopy(
  source: CopySource,
  bad: BadRecords,
  between: Between,
): Promise<void> {
  const { header, lastNumber, live } = source
  const sums = new Sums()
  const copy = await source.format.openCopy(source.location)
  await finished(copy, async () => {
    const ends = [headerValue({ ...header, sealed: false }, 0), headerValue(header, lastNumber)]
    const found = await copy.getMany(ends.map(({ number }) => number))
    for (const [i, { number, value }] of ends.entries()) {
      if (found[i]?.equals(value) !== true) throw damaged(header.volume, number)
    }
    for (const slice of live.slices(SLICE_RECORDS)) {
      const values = await copy.getMany(slice.map(({ number }) => number))
      for (const [i, record] of slice.entries()) {
        const value = requireValue(values[i], header.volume, record)
        const known = bad.get(record.number)
        const same = known === undefined ? sums.holds(value, record) : crc32(value) === known.sum
        if (!same) throw damaged(header.volume, record.number, record.blob)
      }
      await between(bytesOf(values))
      releaseAll(values)
    }
  })
}

/** Does `work` on a copy, which is synced afterwards, unless `work` failed, and closed. */
async function finished(copy: Copy, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await copy.abandon()
    throw error
  }
  await copy.finish()
}

const headerValue = (header: VolumeHeader, number: number) => ({
  number,
  blob: HEADER_BLOB,
  index: 0,
  value: encodeHeader(header, number),
})

/** Verifies the checksums of records, which mostly come blob by blob. */
export class Sums {
  #blob: BlobId | undefined
  #sum: RecordSum | undefined

  holds(value: Buffer, { number, blob, index }: LiveRecord): boolean {
    if (blob !== this.#blob) {
      this.#blob = blob
      this.#sum = new RecordSum(blob)
    }
    return this.#sum!.check(value, number, index) !== undefined
  }
}

function requireValue(value: Buffer | undefined, volume: string, record: LiveRecord): Buffer {
  if (value !== undefined) return value
  const { number, blob } = record
  throw new CofferError('StoreCorrupt', { what: 'record missing', volume, record: number, blob })
}

function damaged(volume: string, record: number, blob?: BlobId): CofferError {
  return new CofferError('StoreCorrupt', { what: 'the copy differs', volume, record, blob })
}

function bytesOf(values: Values): number {
  return values.reduce((sum, value) => sum + KEY_BYTES + (value?.length ?? 0), 0)
}

function releaseAll(values: Values): void {
  for (const value of values) if (value !== undefined) release(value)
}
