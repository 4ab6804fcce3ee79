// Finds a blob's records in the volumes, written from docs/format.md §6 alone: directories and generations,
// headers, locators, and the checksum of each record.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type Catalog, readLocator, type StoredSegment } from './catalog.ts'
import { listDatabase, openDatabase, type Values } from './database.ts'
import { Failure } from './failure.ts'
import { openRecords, RECORDS_NAME } from './record-file.ts'

const MAGIC = 'coffer/v2 volume'
const HEADER_BYTES = 53
const RECORDS_PER_PIECE = 4096
const CRC_BYTES = 4
/** Volumes that are open at a time: each keeps its tables' indexes, and a log in memory. */
const OPEN_MAX = 8

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
  let records = 0
  while (at < piece.length) {
    number += next()
    const length = next()
    records += length
    if (length === 0 || records > RECORDS_PER_PIECE) throw malformed()
    if (number + length > Number.MAX_SAFE_INTEGER) throw malformed()
    for (let left = length; left > 0; left--) yield number++
  }
}

/** The volumes of some devices. Each is opened for its first read. */
export class Volumes {
  readonly #devices: readonly string[]
  readonly #catalog: Catalog
  readonly #shadows: string
  readonly #open = new Map<string, Values>()
  #opened = 0

  /** `shadows` is a directory for the shadows of the volumes, which the caller removes. */
  constructor(devices: readonly string[], catalog: Catalog, shadows: string) {
    this.#devices = devices
    this.#catalog = catalog
    this.#shadows = shadows
  }

  /** The sealed records of a segment that lies in a volume, in order. Throws Failure damaged. */
  async *records({ blob, volume, records }: StoredSegment): AsyncGenerator<Buffer> {
    let index = 0
    for (let piece = 0; piece * RECORDS_PER_PIECE < records; piece++) {
      const end = Math.min(records, (piece + 1) * RECORDS_PER_PIECE)
      for (const number of locatedNumbers(await readLocator(this.#catalog, blob, piece))) {
        if (index === end) throw new Failure('damaged', `the locator of blob ${blob} is too long`)
        const db = await this.#volume(volume!)
        yield await readRecord(db, volume!, number, blob, index++)
      }
      if (index < end) throw new Failure('damaged', `the locator of blob ${blob} is too short`)
    }
  }

  async close(): Promise<void> {
    for (const db of this.#open.values()) await db.close()
    this.#open.clear()
  }

  async #volume(volume: string): Promise<Values> {
    const known = this.#open.get(volume)
    if (known !== undefined) return known
    const [oldest] = this.#open.keys()
    if (oldest !== undefined && this.#open.size >= OPEN_MAX) {
      await this.#open.get(oldest)!.close()
      this.#open.delete(oldest)
    }
    const location = await this.#locate(volume)
    const isFile = (await listDatabase(location)).includes(RECORDS_NAME)
    const db = await (isFile
      ? openRecords(join(location, RECORDS_NAME))
      : openDatabase(location, join(this.#shadows, String(++this.#opened))))
    this.#open.set(volume, db)
    await this.#checkHeader(db, volume)
    return db
  }

  /** The directory of the volume's highest generation, on any device. */
  async #locate(volume: string): Promise<string> {
    let found: { location: string; generation: number } | undefined
    for (const device of this.#devices) {
      const names = await readdir(device).catch((error: NodeJS.ErrnoException) => {
        throw new Failure('failed', `cannot read the device ${device}: ${error.code}`)
      })
      for (const name of names) {
        const [, id, digits] = /^([0-9a-f]{16})\.g(\d+)$/.exec(name) ?? []
        const generation = Number(digits)
        if (id === volume && (found === undefined || generation > found.generation)) {
          found = { location: join(device, name), generation }
        }
      }
    }
    if (found !== undefined) return found.location
    const where = this.#devices.length > 0 ? 'on none of the devices' : 'wanted: give --devices'
    throw new Failure('damaged', `volume ${volume} is ${where}`)
  }

  /** Refuses a volume of another catalog. A volume with a damaged header is read all the same, because each
   * record proves itself by its checksum and its tag. */
  async #checkHeader(db: Values, volume: string): Promise<void> {
    const header = parseHeader((await db.get(numberKey(0))) ?? Buffer.alloc(0), 0)
    if (header === undefined) {
      process.stderr.write(
        `coffer decrypt: the header of volume ${volume} is damaged, reading on\n`,
      )
    } else if (header.volume !== volume || header.catalog !== this.#catalog.id) {
      this.#open.delete(volume)
      await db.close()
      throw new Failure('damaged', `volume ${volume} is another one, or of another catalog`)
    }
  }
}

/** The header in record `number` of a volume; undefined where it is none, or damaged. Throws Failure failed for another
 * version. */
export function parseHeader(value: Buffer, number: number) {
  const version = /^coffer\/v(\d) volume$/.exec(value.toString('latin1', 0, 16))?.[1]
  if (version !== undefined && version !== MAGIC[8]) {
    const what = version === '1' ? 'which was never released' : 'this program reads 2'
    throw new Failure('failed', `a volume has version ${version}, ${what}`)
  }
  const end = HEADER_BYTES - CRC_BYTES
  const state = value[16]
  const isSound =
    version !== undefined &&
    value.length === HEADER_BYTES &&
    value.readUInt32BE(end) === crc32(value.subarray(0, end), crc32(numberKey(number))) &&
    (state === 1 || state === 2)
  if (!isSound) return undefined
  return {
    isSealed: state === 2,
    volume: value.toString('hex', 17, 25),
    catalog: value.toString('hex', 25, 41),
    commitNumber: Number(value.readBigUInt64BE(41)),
  }
}

async function readRecord(
  db: Values,
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
