// Which live records a damaged volume still has. They prove themselves: a checksum covers number, blob and index, and
// the catalog says which of them every number must have. So each is taken wherever it lies, in a table or log that
// the manifest names or in one that it does not, by reading files alone.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Damage, type Entry, Malformed } from '../../leveldb/coding.ts'
import { batchEntries, logRecords } from '../../leveldb/log-file.ts'
import { PlainFile, type Rate } from '../../leveldb/plain-file.ts'
import { isOfDisk } from '../../system-error.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../../unreadable.ts'
import { readHeader, type VolumeHeader } from '../header.ts'
import type { LiveRecord, LiveRecords } from '../reclaim-live.ts'
import { KEY_BYTES, readUint64 } from '../record.ts'
import { carveTable, type Judge, type Verdict } from './carve.ts'
import { Sums } from './reclaim-copy.ts'
import { RecordPlaces } from './salvage-places.ts'

/** What a salvage has to work with. */
export class FoundRecords {
  /** Headers that hold: whose volume it is. */
  readonly headers: VolumeHeader[] = []
  /** Records of which there is something that does not hold, and nothing that does. */
  readonly damaged = new Set<number>()
  readonly places = new RecordPlaces()
  readonly #location: string
  readonly #live: LiveRecords
  readonly #sums = new Sums()
  readonly #files: PlainFile[] = []
  /** Of records that lie in a log, which cuts them into pieces. */
  readonly #logged = new Map<number, Buffer>()
  /** What should stand behind the record that was found last; undefined where that is not known. */
  #expected: LiveRecord | undefined
  #storedBytes = 0
  #records = 0

  private constructor(location: string, live: LiveRecords) {
    this.#location = location
    this.#live = live
  }

  /** Reads all files. Rejects with FilesUnreadable where they cannot be listed or one cannot be opened, or be read for
   * another reason than the disk; with FormatNewer where a later release wrote the volume. */
  static async read(location: string, live: LiveRecords, rate: Rate): Promise<FoundRecords> {
    const found = new FoundRecords(location, live)
    try {
      const names = (await readdir(location)).sort()
      found.#expectBehind(0)
      for (const name of names) if (/\.(ldb|sst)$/.test(name)) await found.#readTable(name, rate)
      for (const name of names) if (name.endsWith('.log')) await found.#readLog(name, rate)
    } catch (error) {
      await found.close()
      throwUnreadable(`the volume in ${location}`, location, error)
    }
    return found
  }

  /** How many live records hold. */
  get records(): number {
    return this.#records
  }

  /** Bytes that they take, with their keys. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  has(number: number): boolean {
    return this.#logged.has(number) || this.places.of(number) !== undefined
  }

  /** The value of a record as it was found, owned by the caller; undefined where there is none. Rejects with the
   * system's error. */
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

  #judge(number: number, value: Buffer, keep: (record: LiveRecord) => void): ReturnType<Judge> {
    const header = this.#headerIn(number, value)
    if (header !== undefined) return header
    const own = this.#live.at(number)
    for (const record of [own, this.#expected]) {
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

  #expectBehind(number: number): void {
    this.#expected = this.#live.behind(number)
  }
}

/** What the disk does not give is lost, and nothing else that cannot be read. */
function requireOfDisk(location: string, damage: Damage): void {
  const unread = unreadableFiles([damage])
  if (unread.some(({ code }) => !isOfDisk(code)))
    throw new FilesUnreadable(`the volume in ${location}`, unread)
}

/** None of a batch that is malformed. */
function entriesIn(batch: Buffer): Entry[] {
  try {
    return batchEntries(batch)
  } catch (error) {
    if (error instanceof Malformed) return []
    throw error
  }
}
