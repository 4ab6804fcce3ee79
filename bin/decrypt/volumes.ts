// Finds a blob's records in the volumes, written from docs/format.md §6 alone: directories and generations,
// headers, locators, and the checksum of each record.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { readRow, type StoredSegment } from './catalog.ts'
import { type Database, openDatabase } from './database.ts'
import { Failure } from './failure.ts'

const MAGIC = 'coffer/v2 volume'
const HEADER_BYTES = 53
const RECORDS_PER_PIECE = 4096
const CRC_BYTES = 4

function numberKey(number: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(number))
  return key
}

/** Record numbers of one piece of a locator: pairs of (distance from the last run, length), LEB128. */
export function* locatedNumbers(piece: Buffer): Generator<number> {
  let at = 0
  const malformed = () => new Failure('damaged', 'a locator is malformed')
  const next = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = piece[at++]
      // A last byte of 0 would be a second form of the same number.
      if (byte === undefined || (byte === 0 && scale > 1)) throw malformed()
      value += (byte & 127) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw malformed()
      if (byte < 128) return value
    }
  }
  let number = 0
  while (at < piece.length) {
    number += next()
    const length = next()
    if (length === 0 || length > RECORDS_PER_PIECE) throw malformed()
    for (let left = length; left > 0; left--) yield number++
  }
}

/** The volumes of some devices. Each is opened for its first read. */
export class Volumes {
  readonly #devices: readonly string[]
  readonly #catalog: Database
  readonly #catalogId: string
  readonly #shadows: string
  readonly #open = new Map<string, Database>()

  /** `shadows` is a directory for the shadows of the volumes, which the caller removes. */
  constructor(devices: readonly string[], catalog: Database, catalogId: string, shadows: string) {
    this.#devices = devices
    this.#catalog = catalog
    this.#catalogId = catalogId
    this.#shadows = shadows
  }

  /** The sealed records of a segment that lies in a volume, in order. Throws Failure damaged. */
  async *records(segment: StoredSegment): AsyncGenerator<Buffer> {
    const { blob, volume } = segment
    if (volume === null) throw new Failure('damaged', `blob ${blob} lies nowhere`)
    const db = await this.#volume(volume)
    let index = 0
    for (let piece = 0; piece * RECORDS_PER_PIECE < segment.records; piece++) {
      const key = `blob/${blob}/${piece.toString(16).padStart(8, '0')}`
      const locator = await readRow(this.#catalog, key)
      if (locator === undefined) throw new Failure('damaged', `row ${key} is missing`)
      for (const number of locatedNumbers(locator)) {
        yield await readRecord(db, volume, number, blob, index++)
      }
    }
    if (index !== segment.records) {
      throw new Failure('damaged', `the locator of blob ${blob} has ${index} records`)
    }
  }

  async close(): Promise<void> {
    for (const db of this.#open.values()) await db.close()
  }

  async #volume(volume: string): Promise<Database> {
    const known = this.#open.get(volume)
    if (known !== undefined) return known
    const location = await this.#locate(volume)
    const db = await openDatabase(location, join(this.#shadows, volume))
    this.#open.set(volume, db)
    await checkHeader(db, volume, this.#catalogId)
    return db
  }

  /** The directory of the volume's highest generation, on any device. */
  async #locate(volume: string): Promise<string> {
    let found: { location: string; generation: number } | undefined
    for (const device of this.#devices) {
      for (const name of await readdir(device)) {
        const [, id, digits] = /^([0-9a-f]{16})\.g(\d+)$/.exec(name) ?? []
        const generation = Number(digits)
        if (id === volume && (found === undefined || generation > found.generation)) {
          found = { location: join(device, name), generation }
        }
      }
    }
    if (found === undefined)
      throw new Failure('damaged', `volume ${volume} is on none of the devices`)
    return found.location
  }
}

/** Refuses a volume of another catalog. A volume with a damaged header is read all the same, because each
 * record proves itself by its checksum and its tag. */
async function checkHeader(db: Database, volume: string, catalogId: string): Promise<void> {
  const key = numberKey(0)
  const header = await db.get(key)
  const end = HEADER_BYTES - CRC_BYTES
  if (
    header?.length !== HEADER_BYTES ||
    header.readUInt32BE(end) !== crc32(header.subarray(0, end), crc32(key)) ||
    header.toString('latin1', 0, 16) !== MAGIC
  ) {
    process.stderr.write(`coffer decrypt: the header of volume ${volume} is damaged, reading on\n`)
    return
  }
  if (header.toString('hex', 17, 25) !== volume || header.toString('hex', 25, 41) !== catalogId) {
    throw new Failure('damaged', `volume ${volume} is another one, or of another catalog`)
  }
}

async function readRecord(
  db: Database,
  volume: string,
  number: number,
  blob: string,
  index: number,
): Promise<Buffer> {
  const where = `record ${number} of volume ${volume}`
  const value = await db.get(numberKey(number))
  if (value === undefined) throw new Failure('damaged', `${where} is missing`)
  const end = value.length - CRC_BYTES
  const head = Buffer.concat([numberKey(number), Buffer.from(blob, 'hex'), numberKey(index)])
  if (end < 0 || value.readUInt32BE(end) !== crc32(value.subarray(0, end), crc32(head))) {
    throw new Failure('damaged', `the checksum of ${where} does not hold`)
  }
  return value.subarray(0, end)
}
