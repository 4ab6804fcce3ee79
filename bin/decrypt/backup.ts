// Reads a backup of the catalog, written from docs/format.md §13 alone. The file is checked whole before the first of its
// rows is used. Rows are found again by an index of every 64 KiB of them, so that a backup of any size takes little memory.
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { decodeCbor, Malformed } from './cbor.ts'
import type { Rows } from './database.ts'
import { Failure } from './failure.ts'
import { isSum, LAYOUT } from './rows.ts'

const MAGIC = 'coffer/v2 backup'
const START_BYTES = MAGIC.length + 4
const DIGEST_BYTES = 32
const END_BYTES = 12
const HEADER_BYTES_MAX = 4096
const KEY_BYTES_MAX = 8192
const ROW_BYTES_MAX = 64 << 20
/** Rows that say whose rows the others are. */
const ABOUT_CATALOG = ['meta', 'unfinished-copy']
const WINDOW_BYTES = 1 << 20
const INDEX_BYTES = 64 << 10

interface Place {
  readonly key: Buffer
  readonly at: number
}

/** A backup that holds its digest. */
export interface Backup {
  readonly rows: Rows
  readonly catalogId: string
}

/** Opens a backup. Throws Failure damaged, and failed where it cannot be read or is of another version. */
export async function openBackup(path: string): Promise<Backup> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('failed', `cannot read the backup ${path}: ${error.code}`)
  })
  try {
    const backup = new BackupFile(path, file, (await file.stat()).size)
    const catalogId = await backup.check()
    return { rows: backup, catalogId }
  } catch (error) {
    await file.close()
    if (error instanceof Failure) throw error
    throw new Failure('failed', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

class BackupFile implements Rows {
  readonly #path: string
  readonly #file: FileHandle
  readonly #size: number
  readonly #index: Place[] = []

  constructor(path: string, file: FileHandle, size: number) {
    this.#path = path
    this.#file = file
    this.#size = size
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    for await (const row of this.#from(key)) {
      const order = Buffer.compare(row.key, key)
      if (order >= 0) return order === 0 ? row.value : undefined
    }
    return undefined
  }

  async *below(prefix: Buffer): AsyncGenerator<readonly [Buffer, Buffer]> {
    for await (const { key, value } of this.#from(prefix)) {
      if (key.subarray(0, prefix.length).equals(prefix)) yield [key, value]
      else if (Buffer.compare(key, prefix) > 0) return
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Checks all of the file; returns the catalog's id. */
  async check(): Promise<string> {
    const start = await this.#read(0, START_BYTES)
    const version = /^coffer\/v(\d+) backup$/.exec(start.toString('latin1', 0, MAGIC.length))?.[1]
    if (version === undefined) throw new Failure('failed', `${this.#path} is no backup`)
    this.#requireVersion(Number(version))
    const length = start.length < START_BYTES ? 0 : start.readUInt32BE(MAGIC.length)
    if (length === 0 || length > HEADER_BYTES_MAX)
      throw this.#damaged('its header has no such length')
    const fields = await this.#read(START_BYTES, length)
    const rowsAt = START_BYTES + fields.length
    const catalogId = this.#catalogIdOf(fields)
    let last: Buffer | undefined
    let count = 0
    let end = -1
    for await (const row of this.#rows(rowsAt, (at) => (end = at))) {
      const { key, value, at } = row
      if (!isSum(key, value)) {
        throw this.#damaged(`the row ${JSON.stringify(key.toString())} does not hold its checksum`)
      }
      if (last !== undefined && Buffer.compare(last, key) >= 0)
        throw this.#damaged('its rows are not in order')
      if (ABOUT_CATALOG.includes(key.toString()))
        throw this.#damaged('it has a row about the catalog itself')
      if (at - (this.#index.at(-1)?.at ?? -INDEX_BYTES) >= INDEX_BYTES)
        this.#index.push({ key, at })
      last = key
      count++
    }
    const tail = await this.#read(end, END_BYTES)
    if (tail.length < END_BYTES || tail.readBigUInt64BE(4) !== BigInt(count)) {
      throw this.#damaged('it has another number of rows than its end says')
    }
    if (end + END_BYTES + DIGEST_BYTES !== this.#size) throw this.#damaged('it has another length')
    await this.#checkDigest()
    return catalogId
  }

  #requireVersion(version: number): void {
    if (version === 1) {
      throw new Failure('failed', `${this.#path} has version 1, which was never released`)
    }
    if (version === LAYOUT) return
    const what = `${this.#path} has version ${version}, this program reads ${LAYOUT}`
    throw new Failure('failed', what)
  }

  #catalogIdOf(fields: Buffer): string {
    let items: unknown
    try {
      items = decodeCbor(fields)
    } catch (error) {
      if (error instanceof Malformed) throw this.#damaged(`its header ${error.message}`)
      throw error
    }
    const [version, catalogId, ...numbers] = Array.isArray(items) ? (items as unknown[]) : []
    if (typeof version === 'number') this.#requireVersion(version)
    const isSound =
      typeof catalogId === 'string' &&
      /^[0-9a-f]{32}$/.test(catalogId) &&
      numbers.length === 2 &&
      numbers.every((number) => Number.isSafeInteger(number))
    if (!isSound) throw this.#damaged('its header is none')
    return catalogId
  }

  async #checkDigest(): Promise<void> {
    const hash = createHash('sha256')
    const end = this.#size - DIGEST_BYTES
    for (let at = 0; at < end; ) {
      const piece = await this.#read(at, Math.min(WINDOW_BYTES, end - at))
      if (piece.length === 0) throw this.#damaged('it is cut off')
      hash.update(piece)
      at += piece.length
    }
    if (!hash.digest().equals(await this.#read(end, DIGEST_BYTES))) {
      throw this.#damaged('it does not hold its digest')
    }
  }

  /** Rows from the last place of the index that is not behind `key`. */
  #from(key: Buffer) {
    let low = 0
    let high = this.#index.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Buffer.compare(this.#index[middle]!.key, key) <= 0) low = middle + 1
      else high = middle
    }
    const place = this.#index[Math.max(0, low - 1)]
    return this.#rows(place?.at ?? this.#size, () => {})
  }

  /** The rows from `from` on. `ended` is called with the place behind the last of all. */
  async *#rows(from: number, ended: (at: number) => void) {
    let window: Buffer = Buffer.alloc(0)
    let windowAt = from
    const need = async (at: number, length: number) => {
      if (at + length > windowAt + window.length) {
        window = await this.#read(at, Math.max(length, INDEX_BYTES))
        windowAt = at
      }
      const begin = at - windowAt
      if (begin + length > window.length) throw this.#damaged('it is cut off')
      return window.subarray(begin, begin + length)
    }
    for (let at = from; at < this.#size; ) {
      const keyBytes = (await need(at, 4)).readUInt32BE()
      if (keyBytes === 0) return ended(at)
      if (keyBytes > KEY_BYTES_MAX) throw this.#damaged('a key has no such length')
      const key = Buffer.from(await need(at + 4, keyBytes))
      const valueBytes = (await need(at + 4 + keyBytes, 4)).readUInt32BE()
      if (valueBytes > ROW_BYTES_MAX) throw this.#damaged('a row has no such length')
      const value = Buffer.from(await need(at + 8 + keyBytes, valueBytes))
      yield { key, value, at }
      at += 8 + keyBytes + valueBytes
    }
    if (from < this.#size) throw this.#damaged('it is cut off')
  }

  async #read(at: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.#size - at)))
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await this.#file.read(bytes, filled, bytes.length - filled, at + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  }

  #damaged(what: string): Failure {
    return new Failure('damaged', `the backup ${this.#path} is damaged: ${what}`)
  }
}
