// Reads one page of the catalog in byte order, from one snapshot, forwards or backwards, with groups of keys
// folded into one entry. A thousand rows are cheap in one call, and each further call is a task of the thread
// pool. Short groups are therefore read through, and long ones skipped with a seek.
import { CofferError } from '../errors.ts'
import type { Database } from '../leveldb/engine.ts'
import { openRows, type Rows } from '../leveldb/whole-read.ts'
import { type Group, type Page, type Row, SCAN_LIMIT_MAX, type Scan } from './catalog.ts'
import { openRow } from './framing.ts'
import { successorOf } from './keys.ts'

/** Most bytes that one call brings into memory. A page of small rows stays below it. */
const CHUNK_BYTES_MAX = 1 << 20
const CHUNK_ROWS_MAX = 1000
/** Chunks grow by this factor while they yield entries. */
const GROWTH = 4
/** Rows read to find out whether groups are short. */
const PROBE_ROWS = 32
/** After so many seeks in a row the groups are probed again. */
const JUMPS_PER_PROBE = 16
/** Rows read after a seek. Backwards a seek may end on the key that equals the group, the least of its keys (a
 * directory's marker), so that one more row is needed. */
const JUMP_ROWS = { forward: 1, reverse: 2 }

/**
 * Reads one page. Rejects with Internal for a range that catalog.ts does not allow, StoreCorrupt for a row with
 * a wrong checksum, LevelDB's error where a row of the page cannot be read.
 */
export async function scanPage(db: Database<string>, range: Scan): Promise<Page> {
  checkScan(range)
  const rows = openRows(db, {
    gte: range.from,
    lt: range.to,
    reverse: range.reverse ?? false,
    // A seek touches one block of a whole group, which the next listing will need again.
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

/** Throws Internal for a range that catalog.ts does not allow. */
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
    // One row more than the page needs shows whether this is the end.
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
  // Backwards, every key of a group sorts at or behind the group itself.
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
      // As many rows as the rest of the page needs, if groups stay as long.
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

/** Returns the least key behind a group; undefined for a group of nothing but U+10FFFF, which has none. */
export function behindGroups(delimiter: string): (group: string) => string | undefined {
  const end = successorOf(delimiter)
  return end === undefined ? successorOf : (group) => group.slice(0, -delimiter.length) + end
}
