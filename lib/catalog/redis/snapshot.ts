// A snapshot of a Redis catalog, read page by page while others commit. A script returns the rows as they are
// now, and the former rows that commits kept. They are joined here.
import { randomBytes } from 'node:crypto'
import { CofferError } from '../../errors.ts'
import type { RawRow, Snapshot } from '../catalog.ts'
import { compareKeys } from '../keys.ts'
import { BACKUP_ID_BYTES } from './before-script.ts'
import { type Link, type Reply, Unanswered } from './link.ts'
import { unavailable } from './reasons.ts'
import type { Script } from './scripts.ts'
import { SNAPSHOT_PAGE_ROWS, snapshotScripts } from './snapshot-scripts.ts'

/** How long a page is waited for while Redis is away. The snapshot lives longer than that. */
const AWAY_MS = 30_000

/** Why Redis dropped the snapshot. */
const lost: Readonly<Record<string, string>> = {
  full: 'Redis is full, and what changes meanwhile could not be kept: the backup was given up',
  much: 'more changed meanwhile than Redis is to keep: the backup was given up',
  torn: 'rows were changed by a program that keeps nothing for a backup: it was given up',
}
const forgotten = 'Redis does not hold the moment of this backup any more: begin anew'

/** Opens a snapshot of the catalog. Rejects with StoreUnavailable, also where another is open already. */
export async function openRedisSnapshot(link: Link): Promise<Snapshot> {
  const id = randomBytes(BACKUP_ID_BYTES)
  const [word, commitNumber] = await link.call(snapshotScripts.begin, [id])
  if (word === 'busy') {
    throw unavailable('another backup is being taken, or was ended a minute ago at most')
  }
  let last = ''
  return {
    commitNumber,
    async rowsBehind(after) {
      // Former rows before that key are no longer kept.
      if (compareKeys(after, last) < 0) throw unavailable(forgotten)
      for (let from: string | undefined = after; from !== undefined; ) {
        last = from
        const reply = await callPatiently(link, snapshotScripts.page, [id, from])
        const page = joined(reply)
        if (page.rows.length > 0) return page.rows
        from = page.next
      }
      return []
    },
    async close() {
      // Where Redis is away, the snapshot expires by itself.
      await link.call(snapshotScripts.end, [id]).catch(() => undefined)
    },
  }
}

/** Runs a script again where it was not answered. Rejects with StoreUnavailable after AWAY_MS. */
async function callPatiently(
  link: Link,
  script: Script,
  args: (string | Buffer)[],
): Promise<Reply> {
  const deadlineMs = performance.now() + AWAY_MS
  for (;;) {
    if (!(await link.open(deadlineMs))) throw unavailable(link.impaired ?? forgotten)
    try {
      return await link.call(script, args)
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
    }
  }
}

/** The rows of a page at the snapshot's moment, in order, and where the next page begins; without `next` there
 * is none. Throws StoreUnavailable where the snapshot is lost, StoreCorrupt for a row that is missing. */
function joined(reply: Reply): { readonly rows: RawRow[]; readonly next?: string } {
  const [word, , ...rest] = reply
  if (word !== 'ok') throw unavailable(lost[String(rest[0])] ?? forgotten)
  const [keys, rows, names, before] = rest as [Buffer[], Values, Buffer[], Values]
  const reached = endOf(keys, names)
  const isReached = (key: Buffer) => reached === undefined || Buffer.compare(key, reached) <= 0
  const kept = new Set(names.map(String))
  const found: { key: Buffer; framed: Buffer }[] = []
  for (const [i, key] of keys.entries()) {
    if (kept.has(String(key)) || !isReached(key)) continue
    const framed = rows[i]
    // The key is in the sorted set, but its row is missing from the hash.
    if (framed == null) throw new CofferError('StoreCorrupt', { key: String(key) })
    found.push({ key, framed })
  }
  for (const [i, key] of names.entries()) {
    const framed = before[i]
    if (framed == null) throw unavailable(lost.torn!)
    // An empty value means that there was no such row.
    if (framed.length > 0 && isReached(key)) found.push({ key, framed })
  }
  found.sort((a, b) => Buffer.compare(a.key, b.key))
  return {
    rows: found.map(({ key, framed }) => ({ key: String(key), framed })),
    ...(reached === undefined ? {} : { next: String(reached) }),
  }
}

type Values = (Buffer | null)[]

/** The key up to which both lists are whole; undefined where they are whole to the end. */
function endOf(...lists: readonly Buffer[][]): Buffer | undefined {
  const cut = lists.filter((list) => list.length === SNAPSHOT_PAGE_ROWS)
  return cut.map((list) => list.at(-1)!).sort(Buffer.compare)[0]
}
