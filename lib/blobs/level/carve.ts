// Finds what may be records in the bytes of a volume's tables. Neither index, footer nor manifest is used,
// because each may be damaged. An entry that begins a block, or stands at a restart, bears its whole key, and
// so begins with two known bytes. The entry behind another shares the beginning of its key, mostly all but the
// last byte of the number. The length of an entry that is not proved to be a record may be damaged, so that no
// byte is skipped because of such a length.

import { readUint64 } from '../../bytes/uint64.ts'
import { Cursor, Malformed, TAG_BYTES } from '../../leveldb/coding.ts'
import type { PlainFile } from '../../plain-file.ts'
import { KEY_BYTES, recordKey } from '../record.ts'

/** The first bytes of an entry with a whole key: it shares nothing, and its key is a record's number and
 * LevelDB's tag (lib/leveldb/coding.ts). */
const WHOLE_KEY = Buffer.from([0, KEY_BYTES + TAG_BYTES])
/** The first bytes of an entry that shares all of its number but the last byte with the key before. */
const NEXT_KEY = Buffer.from([KEY_BYTES - 1, TAG_BYTES + 1])
/** More than any record takes together with its key. */
const ENTRY_BYTES_MAX = 128 << 10
const WINDOW_BYTES = 4 << 20
/** Stands for the key before where none is known, so that the last byte of the first number still counts. */
const UNKNOWN_KEY = Buffer.alloc(KEY_BYTES + TAG_BYTES)

/** What `judge` says of an entry. */
export interface Verdict {
  /** The number of the record, also where the entry's key holds another. */
  readonly number: number
  /** The value is that record, whole. Otherwise only the number is one that the volume may have. */
  readonly proved: boolean
}

/**
 * Judges a value by the number in its key; `offset` is where the value lies in the file. Returns undefined
 * where the value is no record. The value is valid during the call only.
 */
export type Judge = (number: number, value: Buffer, offset: number) => Verdict | undefined

interface Entry {
  readonly key: Buffer
  readonly value: Buffer
  /** Where the value begins, and where the entry ends, in the bytes. */
  readonly valueAt: number
  readonly end: number
}

/** Calls `judge` with everything in a table that may be a record. Bytes that cannot be read count as zeros.
 * Rejects once the file's rate is stopped. */
export async function carveTable(file: PlainFile, judge: Judge): Promise<void> {
  let window: Buffer = Buffer.alloc(0)
  let windowAt = 0
  /** The entry before, and where the next one begins unless the length of that entry is damaged. */
  let before: { readonly end: number; readonly key: Buffer } = { end: -1, key: UNKNOWN_KEY }
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
    // An entry that shares its key with the one before gets its number from there. Without a proof its number
    // counts only where the entry before ends here, or the key is whole.
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

/** Where the next entry may begin; else the last byte, which may be the first of two known ones. */
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
