// Finds the live records in the files of a damaged volume. A record proves itself: its checksum covers number,
// blob and index, and the catalog says which blob and index belong to each number. A record therefore counts
// wherever it lies, in a table or log that the manifest names or in one that it does not. Only files are read.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readUint64 } from '../../bytes/uint64.ts'
import type { Damage } from '../../damage.ts'
import { type Entry, Malformed } from '../../leveldb/coding.ts'
import { batchEntries, logRecords } from '../../leveldb/log-file.ts'
import { PlainFile, type Rate } from '../../plain-file.ts'
import { isOfDisk } from '../../system-error.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../../unreadable.ts'
import { Sums } from '../copy.ts'
import { RECORDS_NAME } from '../file/layout.ts'
import { readValue, walkRecords } from '../file/walk.ts'
import { readHeader, type VolumeHeader } from '../header.ts'
import { carveTable, type Judge, type Verdict } from '../level/carve.ts'
import type { LiveRecord, LiveRecords } from '../reclaim-live.ts'
import { KEY_BYTES } from '../record.ts'
import { RecordPlaces } from './places.ts'

/** The records and headers that were found in a damaged volume. */
export class FoundRecords {
  /** Headers with a right checksum. They say whose volume it is. */
  readonly headers: VolumeHeader[] = []
  /** Records that were found with a wrong checksum only. */
  readonly damaged = new Set<number>()
  readonly places = new RecordPlaces()
  readonly #location: string
  readonly #live: LiveRecords
  readonly #sums = new Sums()
  readonly #files: PlainFile[] = []
  /** The values of records in logs. A log cuts values into pieces, so that they have no place to be read
   * from. */
  readonly #logged = new Map<number, Buffer>()
  /** The live record that follows the last one found; undefined where there is none. */
  #expected: LiveRecord | undefined
  #storedBytes = 0
  #records = 0

  private constructor(location: string, live: LiveRecords) {
    this.#location = location
    this.#live = live
  }

  /**
   * Reads all files. Rejects with FilesUnreadable where the directory cannot be listed, a file cannot be
   * opened, or a read fails for another reason than the disk. Rejects with FormatUnread where another release
   * wrote the volume.
   */
  static async read(location: string, live: LiveRecords, rate: Rate): Promise<FoundRecords> {
    const found = new FoundRecords(location, live)
    try {
      const names = (await readdir(location)).sort()
      found.#expectBehind(0)
      for (const name of names) if (/\.(ldb|sst)$/.test(name)) await found.#readTable(name, rate)
      for (const name of names) if (name.endsWith('.log')) await found.#readLog(name, rate)
      if (names.includes(RECORDS_NAME)) await found.#readRecords(rate)
    } catch (error) {
      await found.close()
      throwUnreadable(`the volume in ${location}`, location, error)
    }
    return found
  }

  /** How many live records were found with a right checksum. */
  get records(): number {
    return this.#records
  }

  /** Bytes that those records take, with their keys. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  has(number: number): boolean {
    return this.#logged.has(number) || this.places.of(number) !== undefined
  }

  /** The value of a record as it was found, owned by the caller; undefined where it was not found. Rejects
   * with the system's error. */
  async value(number: number): Promise<Buffer | undefined> {
    const logged = this.#logged.get(number)
    if (logged !== undefined) return Buffer.from(logged)
    const place = this.places.of(number)
    return place && (await this.#files[place.file]!.read(place.offset, place.length, false))
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close()
  }

  async #readTable(name: string, rate: Rate): Promise<void> {
    const file = await PlainFile.open(join(this.#location, name), rate)
    const index = this.#files.push(file) - 1
    await carveTable(file, (number, value, offset) =>
      this.#judge(number, value, (record) => {
        this.places.set(record.number, { file: index, offset, length: value.length })
      }),
    )
  }

  async #readLog(name: string, rate: Rate): Promise<void> {
    const file = await PlainFile.open(join(this.#location, name), rate)
    try {
      for await (const batch of logRecords(file)) {
        if (!Buffer.isBuffer(batch)) {
          requireOfDisk(this.#location, batch)
          continue
        }
        for (const { key, value } of entriesIn(batch)) {
          if (value === null || key.length !== KEY_BYTES) continue
          this.#judge(readUint64(key, 0), value, (record) => {
            this.#logged.set(record.number, Buffer.from(value))
          })
        }
      }
    } finally {
      await file.close()
    }
  }

  /** Of a volume as a file. A piece that the disk does not give holds no record. */
  async #readRecords(rate: Rate): Promise<void> {
    const file = await PlainFile.open(join(this.#location, RECORDS_NAME), rate)
    const index = this.#files.push(file) - 1
    const damaged = (damage: Damage) => requireOfDisk(this.#location, damage)
    for await (const record of walkRecords(file, { from: 0, after: -1 }, damaged)) {
      const { offset, length } = record
      const value = await readValue(file, record, damaged)
      if (value === undefined) continue
      this.#judge(record.number, value, ({ number }) => {
        this.places.set(number, { file: index, offset, length })
      })
    }
  }

  #judge(number: number, value: Buffer, keep: (record: LiveRecord) => void): ReturnType<Judge> {
    const header = this.#headerIn(number, value)
    if (header !== undefined) return header
    const own = this.#live.at(number)
    for (const record of [own, this.#expected, this.#nextEndingAs(number)]) {
      if (record === undefined || !this.#sums.holds(value, record)) continue
      if (!this.has(record.number)) {
        keep(record)
        this.#records++
        this.#storedBytes += KEY_BYTES + value.length
        this.damaged.delete(record.number)
      }
      this.#expectBehind(record.number)
      return { number: record.number, proved: true }
    }
    if (own !== undefined && !this.has(number)) this.damaged.add(number)
    return number <= this.#live.lastNumber ? { number, proved: false } : undefined
  }

  #headerIn(number: number, value: Buffer): Verdict | undefined {
    const header = readHeader(value, number, this.#location)
    if (header === undefined) return undefined
    this.headers.push(header)
    return { number, proved: true }
  }

  /** The next live record whose number ends as this one does: where the entry before was damaged, only the last
   * byte of a number stands in the entry itself. */
  #nextEndingAs(number: number): LiveRecord | undefined {
    if (this.#expected === undefined) return undefined
    const from = this.#expected.number
    return this.#live.at(from + ((((number - from) % 256) + 256) % 256))
  }

  #expectBehind(number: number): void {
    this.#expected = this.#live.behind(number)
  }
}

/** Bytes that the disk does not give are lost. Any other failed read ends the salvage. */
function requireOfDisk(location: string, damage: Damage): void {
  const unread = unreadableFiles([damage])
  if (unread.some(({ code }) => !isOfDisk(code)))
    throw new FilesUnreadable(`the volume in ${location}`, unread)
}

/** The entries of a batch; none where the batch is malformed. */
function entriesIn(batch: Buffer): Entry[] {
  try {
    return batchEntries(batch)
  } catch (error) {
    if (error instanceof Malformed) return []
    throw error
  }
}
