// Reads from Redis: rows at one point in time, and pages, each with one script.
import { CofferError } from '../../errors.ts'
import type { Group, Page, Row, Scan } from '../catalog.ts'
import { openRow } from '../framing.ts'
import { behindGroups, checkScan } from '../scan.ts'
import type { Link } from './link.ts'
import { scripts } from './scripts.ts'

/** The rows' stored bytes, in the order of `keys`. */
export async function readRows(
  link: Link,
  keys: readonly string[],
): Promise<(Buffer | undefined)[]> {
  if (keys.length === 0) {
    await link.call(scripts.look, [])
    return []
  }
  const [, , values] = await link.call(scripts.get, keys)
  return (values as (Buffer | null)[]).map((value) => value ?? undefined)
}

/** See Catalog.scan. */
export async function readPage(link: Link, range: Scan): Promise<Page> {
  checkScan(range)
  const { from, to, limit, reverse = false, group } = range
  // One entry more than the page needs shows whether this is the end, and what follows.
  const wanted = [from, to, String(limit + 1), reverse ? '1' : '0']
  const groups = [group?.prefix ?? '', group?.delimiter ?? '']
  const reply = await link.call(scripts.page, [...wanted, ...groups])
  const entries = entriesOf(String(reply[2]), reply[3] as Buffer[], reply[4] as (Buffer | null)[])
  if (entries.length <= limit) return { entries }
  const following = entries.pop()!
  return { entries, cursor: cursorBehind(entries[limit - 1]!, range), following }
}

/** `kinds` has one letter for each entry; it is empty where all entries are rows. */
function entriesOf(
  kinds: string,
  names: readonly Buffer[],
  values: readonly (Buffer | null)[],
): (Row | Group)[] {
  let at = 0
  return names.map((bytes, i) => {
    const name = bytes.toString()
    if (kinds[i] === 'g') return { group: name }
    const framed = values[at++]
    // The key is in the sorted set, but its row is missing from the hash.
    if (framed == null) throw new CofferError('StoreCorrupt', { key: name })
    return openRow(name, framed)
  })
}

/** Where the next page begins. Nothing can follow a group of nothing but U+10FFFF. */
function cursorBehind(entry: Row | Group, { reverse, group }: Scan): string {
  if (!('group' in entry)) return reverse ? entry.key : `${entry.key}\u0000`
  return reverse ? entry.group : behindGroups(group!.delimiter)(entry.group)!
}
