// Reads a volume's file without opening the volume: its records in order, and its headers.
import { join } from 'node:path'
import type { Damage } from '../../damage.ts'
import { diskFiles } from '../../files.ts'
import { PlainFile, Rate } from '../../plain-file.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../../unreadable.ts'
import { HEADER_BLOB } from '../format.ts'
import { decodeHeader, type VolumeHeader } from '../header.ts'
import { RecordSum } from '../record.ts'
import type { ScannedRecord, VolumeFiles } from '../scan.ts'
import { findPlaces } from './find.ts'
import { HEAD_BYTES, RECORDS_NAME } from './layout.ts'
import { readValue, type WalkedRecord, walkRecords } from './walk.ts'

/** Opens the file. Rejects with the system's error, ENOENT where there is none. */
export async function openRecordFile(location: string, rate: Rate): Promise<VolumeFiles> {
  return new RecordFile(location, await PlainFile.open(join(location, RECORDS_NAME), rate))
}

class RecordFile implements VolumeFiles {
  readonly location: string
  /** Gaps in the file are what a power cut left, of which no row names a record. */
  readonly damages: readonly Damage[] = []
  readonly #file: PlainFile

  constructor(location: string, file: PlainFile) {
    this.location = location
    this.#file = file
  }

  async *scan(
    fromNumber: number,
    damaged: (damage: Damage) => void,
  ): AsyncGenerator<ScannedRecord> {
    const after = fromNumber - 1
    const from = fromNumber === 0 ? 0 : await this.#beginOf(after)
    for await (const record of walkRecords(this.#file, { from, after }, damaged)) {
      const value = await readValue(this.#file, record, damaged)
      if (value === undefined) continue
      if (!isSound(record, value)) {
        const what = `record ${record.number} does not hold its checksum`
        damaged({ file: RECORDS_NAME, offset: record.offset, what })
      }
      yield { number: record.number, value }
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Where the first record behind a number begins; the end of the file where there is none. */
  async #beginOf(number: number): Promise<number> {
    const { places } = await findPlaces(diskFiles, this.location, this.#file.size)
    for (const { offset } of places.behind(number)) return offset - HEAD_BYTES
    return this.#file.size
  }
}

/** Whether a value is that of its head, which says what the checksum covers. A lost record has none. */
function isSound({ number, blob, index, length }: WalkedRecord, value: Buffer): boolean {
  if (length === 0) return true
  if (blob === HEADER_BLOB) return decodeHeader(value, number) !== undefined
  return new RecordSum(blob).check(value, number, index) !== undefined
}

/** The headers in a volume: record 0 and, where it is sealed, the last record. A damaged one is left out. Rejects with
 * FilesUnreadable where a piece of the file cannot be read, with the system's error where the file is missing. */
export async function recordFileHeaders(location: string): Promise<VolumeHeader[]> {
  const whose = `the volume in ${location}`
  const path = join(location, RECORDS_NAME)
  const rate = new Rate(Number.POSITIVE_INFINITY)
  const file = await PlainFile.open(path, rate).catch((error) =>
    throwUnreadable(whose, location, error),
  )
  try {
    const headers: VolumeHeader[] = []
    const damages: Damage[] = []
    const damaged = (damage: Damage) => damages.push(damage)
    const { places } = await findPlaces(diskFiles, location, file.size)
    for (const number of new Set([0, places.last ?? 0])) {
      const place = places.of(number)
      const value = place && (await readValue(file, place, damaged))
      const header = value && decodeHeader(value, number)
      if (header !== undefined) headers.push(header)
    }
    const unread = unreadableFiles(damages)
    if (unread.length > 0) throw new FilesUnreadable(whose, unread)
    return headers
  } finally {
    await file.close()
  }
}
