// Finds what looks like records in the bytes of a volume's tables, whatever of LevelDB's own words about them is
// damaged: index, footer, manifest. An entry that begins a block, or stands at a restart, bears its whole key, and
// so begins with two known bytes; one behind an entry shares its key's beginning, mostly all but the last byte of the
// number. Nothing is passed over on the word of an entry that was not proved, because its length may be what is damaged.
import { Cursor, Malformed, TAG_BYTES } from '../../leveldb/coding.ts'
import type { PlainFile } from '../../leveldb/plain-file.ts'
import { KEY_BYTES, readUint64, recordKey } from '../record.ts'

/** Nothing shared, and a key of a record's number and LevelDB's tag (lib/leveldb/coding.ts). */
const WHOLE_KEY = Buffer.from([0, KEY_BYTES + TAG_BYTES])
/** All of the number but its last byte is as in the key before. */
const NEXT_KEY = Buffer.from([KEY_BYTES - 1, TAG_BYTES + 1])
/** More than any record takes with its key. */
const ENTRY_BYTES_MAX = 128 << 10
const WINDOW_BYTES = 4 << 20
const NO_KEY = Buffer.alloc(0)

/** What an entry was found to be. */
export interface Verdict {
  /** The number that it is under, whatever its key says. */
  readonly number: number
  /** Its value is that record, whole. Otherwise only its number is one that the volume may have. */
  readonly proved: boolean
}

/**
 * Judges a value and the number of its key; `offset` is where the value lies in the file. Undefined: it is no record.
 * The value is valid during the call.
 */
export type Judge = (number: number, value: Buffer, offset: number) => Verdict | undefined

interface Entry {
  readonly key: Buffer
  readonly value: Buffer
  /** Where the value begins and ends in the bytes. */
  readonly valueAt: number
  readonly end: number
}

/** Shows `judge` everything in a table that may be a record. What cannot be read counts as zeros. Rejects once the
 * file's rate was stopped. */
export async function carveTable(file: PlainFile, judge: Judge): Promise<void> {
  let window: Buffer = NO_KEY
  let windowAt = 0
  /** The entry before, and where the next one begins unless the entry's own length is wrong. */
  let before: { readonly end: number; readonly key: Buffer } = { end: -1, key: NO_KEY }
  for (let at = 0; at < file.size; ) {
    const windowEnd = windowAt + window.length
    if (windowEnd < file.size && at + ENTRY_BYTES_MAX > windowEnd) {
      window = await file.readAround(at, WINDOW_BYTES)
      windowAt = at
      if (window.length === 0) return
    }
    const from = at - windowAt
    const entry = entryAt(window, from, before.key)
    const verdict = entry && judge(readUint64(entry.key, 0), entry.value, windowAt + entry.valueAt)
    // Where nothing tells that an entry begins, one that shares its key with another has a number that may be.
    const isLikely = at === before.end || window[from] === 0
    if (entry !== undefined && verdict !== undefined && (verdict.proved || isLikely)) {
      const key = Buffer.concat([recordKey(verdict.number), entry.key.subarray(KEY_BYTES)])
      before = { end: windowAt + entry.end, key }
    }
    if (verdict?.proved === true) at = before.end
    else {
      const next = windowAt + nextBegin(window, from + 1)
      at = before.end > at ? Math.min(before.end, next) : next
    }
  }
}

/** Where an entry may begin, or the last byte, which may be the first of two. */
function nextBegin(window: Buffer, from: number): number {
  const found = [WHOLE_KEY, NEXT_KEY].map((begin) => window.indexOf(begin, from))
  const begins = found.filter((at) => at !== -1)
  return begins.length > 0 ? Math.min(...begins) : Math.max(from, window.length - 1)
}

function entryAt(bytes: Buffer, at: number, before: Buffer): Entry | undefined {
  try {
    const cursor = new Cursor(bytes, at)
    const shared = cursor.varint()
    const rest = cursor.varint()
    const length = cursor.varint()
    if (shared > before.length || shared + rest !== KEY_BYTES + TAG_BYTES) return undefined
    if (length > ENTRY_BYTES_MAX) return undefined
    const key = Buffer.concat([before.subarray(0, shared), cursor.take(rest)])
    const valueAt = cursor.at
    return { key, value: cursor.take(length), valueAt, end: cursor.at }
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}
