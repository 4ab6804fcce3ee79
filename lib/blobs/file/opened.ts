// The file of a volume while it is open: where its records lie, a descriptor for reads, and what is to be written.
// Opening reads the index, and the records that are not in it.
import { constants } from 'node:fs'
import { join } from 'node:path'
import type { DataFile, Files } from '../../files.ts'
import type { NumberedValue, SealedRecord } from '../format.ts'
import { Batches } from './batches.ts'
import type { WrittenFile } from './data-file.ts'
import { findPlaces } from './find.ts'
import { extendIndex, type Indexed, NOTHING_INDEXED } from './index-file.ts'
import { PAGE_BYTES, RECORDS_NAME, refuseNewer, toPage } from './layout.ts'
import { type Place, Places } from './places.ts'
import { readValues } from './values.ts'

/** The index is continued when so many bytes of records were synced since: a start after a crash reads no more. */
const INDEX_EVERY_BYTES = 64 << 20

/** Next to the records: a write or sync has failed, and no process writes to the file again. */
export const SPENT_NOTE = 'write-failed'

/** There are bytes in the file, and no record: it is no file that was never used. */
export class NoRecords extends Error {
  constructor(path: string, size: number) {
    super(`${path}: no record can be found in ${size} bytes`)
    this.name = 'NoRecords'
  }
}

export class OpenedFile {
  readonly #files: Files
  readonly #location: string
  readonly #reading: DataFile
  readonly #written: WrittenFile
  readonly #places: Places
  readonly #batches: Batches
  #indexed: Indexed
  #indexing: Promise<void> = Promise.resolve()
  /** A piece of the file could not be read, in which later numbers may lie. */
  readonly isUnread: boolean

  private constructor(
    at: { readonly files: Files; readonly location: string; readonly written: WrittenFile },
    found: {
      readonly reading: DataFile
      readonly places: Places
      readonly indexed: Indexed
      readonly end: number
      readonly isUnread: boolean
    },
    failed: (error: unknown) => void,
  ) {
    this.#files = at.files
    this.#location = at.location
    this.#written = at.written
    this.#reading = found.reading
    this.#places = found.places
    this.#indexed = found.indexed
    this.isUnread = found.isUnread
    const mark = { number: found.places.last ?? -1, end: found.end }
    this.#batches = new Batches(at.written, mark, failed)
  }

  /** Makes the file, which must not exist, in a directory that does. Rejects with the system's error. */
  static async make(
    files: Files,
    location: string,
    written: WrittenFile,
    failed: (error: unknown) => void,
  ): Promise<OpenedFile> {
    await written.make()
    const reading = await files.openData(join(location, RECORDS_NAME), constants.O_RDONLY)
    const found = {
      reading,
      places: new Places(),
      indexed: NOTHING_INDEXED,
      end: 0,
      isUnread: false,
    }
    return new OpenedFile({ files, location, written }, found, failed)
  }

  /** Opens a file. Rejects with the system's error, with FormatNewer, and with NoRecords. */
  static async open(
    files: Files,
    location: string,
    written: WrittenFile,
    failed: (error: unknown) => void,
  ): Promise<OpenedFile> {
    const path = join(location, RECORDS_NAME)
    const reading = await files.openData(path, constants.O_RDONLY)
    try {
      const { size } = await reading.stat()
      const first = Buffer.alloc(PAGE_BYTES)
      await reading.read(first, 0, first.length, 0)
      refuseNewer(first, location)
      const { places, indexed, isUnread } = await findPlaces(files, location, size)
      // A crash may leave a first page that was never written, and no more.
      const isUnused = size <= PAGE_BYTES && first.every((byte) => byte === 0)
      if (places.last === undefined && !isUnused) throw new NoRecords(path, size)
      const found = { reading, places, indexed, end: toPage(size), isUnread }
      return new OpenedFile({ files, location, written }, found, failed)
    } catch (error) {
      await reading.close()
      throw error
    }
  }

  get lastNumber(): number | undefined {
    return this.#places.last
  }

  /** The error of the first write or sync that failed; undefined before that. */
  get failure(): unknown {
    return this.#batches.failure
  }

  add(record: SealedRecord, number: number): void {
    this.#keep(number, this.#batches.add(record, number))
  }

  addValue(record: NumberedValue): void {
    this.#keep(record.number, this.#batches.addValue(record))
  }

  room(): Promise<void> {
    return this.#batches.room()
  }

  written(): Promise<void> {
    return this.#batches.written()
  }

  /** Makes what is written durable. Rejects with the system's error. */
  async sync(): Promise<void> {
    await this.#batches.sync()
    if (this.#unindexedBytes >= INDEX_EVERY_BYTES) void this.index()
  }

  /** Continues the index up to what is synced. Never rejects: what the index lacks is read from the records. */
  index(): Promise<void> {
    this.#indexing = this.#indexing.then(() => this.#indexNow()).catch(() => undefined)
    return this.#indexing
  }

  /** Continues the index of a file to which nothing is written any more, where much is missing: it was lost. */
  mendIndex(): void {
    if (this.#unindexedBytes >= INDEX_EVERY_BYTES) void this.index()
  }

  /** As `getMany` of a volume's files. */
  async values(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    const places = numbers.map((number) => this.#places.of(number))
    const inMemory = places.map((place) => place && this.#batches.unwritten(place))
    const onDisk = places.map((place, i) => (inMemory[i] === undefined ? place : undefined))
    const read = await readValues(this.#reading, onDisk)
    return read.map((value, i) => inMemory[i] ?? value)
  }

  /** No call of `values` may be under way. */
  async close(): Promise<void> {
    await this.#indexing
    await this.#written.close()
    await this.#reading.close()
  }

  #keep(number: number, { offset, length }: Place): void {
    this.#places.add(number, offset, length)
  }

  get #unindexedBytes(): number {
    return this.#batches.synced.end - this.#indexed.end
  }

  async #indexNow(): Promise<void> {
    const to = this.#batches.synced
    if (to.number === this.#indexed.number) return
    this.#indexed = await extendIndex(this.#files, this.#location, this.#places, this.#indexed, to)
  }
}
