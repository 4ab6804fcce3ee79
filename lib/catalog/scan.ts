// One page of the catalog in byte order, from one snapshot: plain, or with long groups of keys folded into
// one entry, forwards or backwards. Reading the 1,000 rows of a page in one call is cheap and each further
// call costs a turn through the thread pool, so short groups are walked through and long ones jumped over.
import { CofferError } from '../errors.ts'
import type { Database } from '../leveldb/engine.ts'
import { openRows, type Rows } from '../whole-read.ts'
import { type Group, type Page, type Row, SCAN_LIMIT_MAX, type Scan } from './catalog.ts'
import { openRow } from './framing.ts'
import { successorOf } from './keys.ts'

/** What one call may bring into memory; a page of small rows stays below it. */
const CHUNK_BYTES_MAX = 1 << 20
const CHUNK_ROWS_MAX = 1000
/** Chunks grow by this factor while they bring entries. */
const GROWTH = 4
/** Rows read to find out whether groups are short. */
const PROBE_ROWS = 32
/** After so many jumps in a row, groups are probed again. */
const JUMPS_PER_PROBE = 16
/** Rows read after a jump. Backwards a jump may land on the key that is the group itself, the least of its
 * keys (a directory's marker), so that only the next one tells more. */
const JUMP_ROWS = { forward: 1, reverse: 2 }

/**
 * Reads one page. Throws Internal for a range that the seam does not allow, StoreCorrupt for a row
 * whose checksum does not hold, LevelDB's error where a row of the page cannot be read.
 */
export async function scanPage(db: Database<string>, range: Scan): Promise<Page> {
  checkScan(range)
  const rows = openRows(db, {
    gte: range.from,
    lt: range.to,
    reverse: range.reverse ?? false,
    // A jump touches one block out of a whole group: worth keeping for the next listing.
    fillCache: range.group !== undefined,
    highWaterMarkBytes: CHUNK_BYTES_MAX,
  })
  try {
    const page =
      range.group === undefined
        ? await scanRows(rows, range)
        : await scanGroups(rows, range, range.group)
    await rows.requireWhole()
    return page
  } finally {
    await rows.close()
  }
}

/** Throws Internal for a range that the seam does not allow. */
export function checkScan({ from, to, limit, group }: Scan): void {
  const wrong = (message: string) => new CofferError('Internal', { message })
  if (!Number.isInteger(limit) || limit < 1 || limit > SCAN_LIMIT_MAX) {
    throw wrong('a scan has a limit of 1 to 1,000')
  }
  if (!from.isWellFormed() || !to.isWellFormed()) throw wrong('the ends of a scan are UTF-8')
  if (group === undefined) return
  if (group.delimiter === '' || !group.delimiter.isWellFormed()) {
    throw wrong('a delimiter is text of at least one character')
  }
}

async function scanRows(rows: Rows<string>, { limit, reverse }: Scan): Promise<Page> {
  const entries: Row[] = []
  for (;;) {
    // One more than asked for tells whether this is the end.
    const chunk = await rows.nextv(limit + 1 - entries.length)
    if (chunk.length === 0) return { entries }
    for (const [key, framed] of chunk) {
      if (entries.length === limit) {
        const last = entries[limit - 1]!.key
        return { entries, cursor: reverse ? last : after(last), following: openRow(key, framed) }
      }
      entries.push(openRow(key, framed))
    }
  }
}

/** The least key greater than `key`. */
const after = (key: string) => `${key}\u0000`

async function scanGroups(
  rows: Rows<string>,
  { limit, reverse }: Scan,
  { prefix, delimiter }: NonNullable<Scan['group']>,
): Promise<Page> {
  const entries: (Row | Group)[] = []
  const jumpRows = reverse ? JUMP_ROWS.reverse : JUMP_ROWS.forward
  const pastRow = reverse ? (key: string) => key : after
  // Backwards every key of a group is at or behind the group itself.
  const pastGroup = reverse ? (group: string) => group : behindGroups(delimiter)

  let group: string | null = null // the last entry, where that is a group
  let cursor: string | undefined // where the page after the last entry begins
  let left: string | null = null // the group that the last jump left
  let size = Math.min(limit + 1, PROBE_ROWS)
  let jumps = 0
  for (;;) {
    const chunk = await rows.nextv(size)
    if (chunk.length === 0) return { entries }
    const found = entries.length
    for (const [key, framed] of chunk) {
      if (group !== null && key.startsWith(group)) continue
      const at = key.startsWith(prefix) ? key.indexOf(delimiter, prefix.length) : -1
      const entry = at < 0 ? openRow(key, framed) : { group: key.slice(0, at + delimiter.length) }
      if (entries.length === limit) return { entries, cursor: cursor!, following: entry }
      entries.push(entry)
      group = 'group' in entry ? entry.group : null
      cursor = group === null ? pastRow(key) : pastGroup(group)
    }

    const sparse = (entries.length - found) * PROBE_ROWS <= chunk.length || size === jumpRows
    if (group === null || group === left || !sparse) {
      // As many rows as the rest of the page will take, if they go on like these.
      const perEntry = chunk.length / Math.max(1, entries.length - found)
      const wanted = Math.ceil((limit + 1 - entries.length) * perEntry)
      size = Math.max(PROBE_ROWS, Math.min(size * GROWTH, wanted, CHUNK_ROWS_MAX))
      continue
    }
    if (cursor === undefined) return { entries }
    rows.seek(cursor)
    left = group
    jumps++
    size = jumps % JUMPS_PER_PROBE === 0 ? PROBE_ROWS : jumpRows
  }
}

/** Gives the least key behind a group; only a group of nothing but U+10FFFF has none. */
export function behindGroups(delimiter: string): (group: string) => string | undefined {
  const end = successorOf(delimiter)
  return end === undefined ? successorOf : (group) => group.slice(0, -delimiter.length) + end
}
