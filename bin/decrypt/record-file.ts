// Reads the records of a volume that is one file, written from docs/format.md §6 alone. The index beside it is a
// shortcut, and is not used: every record says in its head which one it is.
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Values } from './database.ts'
import { Failure } from './failure.ts'

/** The name of the file in the directory of a volume. */
export const RECORDS_NAME = 'records'

const MAGIC = Buffer.from('cfr1')
const HEAD_BYTES = 44
const CRC_AT = 40
const VALUE_BYTES_MAX = 131_072
const PAGE_BYTES = 4096
const WINDOW_BYTES = 1 << 20

interface Place {
  readonly offset: number
  readonly length: number
}

/** Opens a file of records as a database from numbers to values. Throws Failure failed. */
export async function openRecords(path: string): Promise<Values> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new Failure('failed', `cannot read ${path}: ${error.code}`)
  })
  const reader = new Reader(file, path)
  try {
    const places = await findRecords(reader, (await file.stat()).size)
    return {
      async get(key) {
        const place = places.get(Number(key.readBigUInt64BE()))
        return place && (await reader.read(place.offset, place.length))
      },
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Where each record lies, by its number. Between batches lie zeros, after a crash anything. Throws Failure failed for
 * a file of a later release. */
async function findRecords(reader: Reader, size: number): Promise<Map<number, Place>> {
  const places = new Map<number, Place>()
  let last = -1
  const [, version] =
    /^cfr([2-9])/.exec((await reader.read(0, HEAD_BYTES)).toString('latin1')) ?? []
  if (version !== undefined) {
    const what = `has version ${version}, this program reads 1`
    throw new Failure('failed', `a volume as a file ${what}`)
  }
  for (let at = 0; at + HEAD_BYTES <= size; ) {
    const head = await reader.read(at, HEAD_BYTES)
    const length = lengthIn(head)
    if (length === undefined || at + HEAD_BYTES + length > size) {
      at = await nextMagic(reader, at + 1, size)
      continue
    }
    const number = Number(head.readBigUInt64BE(8))
    if (number > last) {
      places.set(number, { offset: at + HEAD_BYTES, length })
      last = number
    }
    at += HEAD_BYTES + length
  }
  return places
}

/** The length of the value behind a head; undefined where the bytes are no head. */
function lengthIn(head: Buffer): number | undefined {
  const isHead =
    head.length === HEAD_BYTES &&
    head.subarray(0, MAGIC.length).equals(MAGIC) &&
    head.readUInt32BE(CRC_AT) === crc32(head.subarray(0, CRC_AT))
  const length = isHead ? head.readUInt32BE(4) : Number.POSITIVE_INFINITY
  return length > VALUE_BYTES_MAX ? undefined : length
}

/** The first place from `from` on at which a head may begin. */
async function nextMagic(reader: Reader, from: number, size: number): Promise<number> {
  for (let at = from; at < size; ) {
    // Mostly only the rest of the page is empty.
    const toPage = PAGE_BYTES - (at % PAGE_BYTES)
    const bytes = await reader.read(at, toPage < PAGE_BYTES ? toPage : WINDOW_BYTES)
    const found = bytes.indexOf(MAGIC)
    if (found !== -1) return at + found
    if (toPage < PAGE_BYTES) return at + toPage
    at += Math.max(1, bytes.length - MAGIC.length + 1)
  }
  return size
}

class Reader {
  readonly #file: FileHandle
  readonly #path: string

  constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  /** The bytes from `offset` on; fewer where the file ends. Throws Failure failed. */
  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length)
    const { bytesRead } = await this.#file.read(bytes, 0, length, offset).catch((error) => {
      throw new Failure('failed', `cannot read from ${this.#path}: ${error.code}`)
    })
    return bytes.subarray(0, bytesRead)
  }
}
