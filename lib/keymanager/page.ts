// A page of what a project keeps, in the order in which it was made.
import { type Catalog, countersOf, type Row } from '../catalog/catalog.ts'
import { identityKeys, type KeptKind, keptPrefix } from '../catalog/identity-keys.ts'
import { endOf } from '../catalog/keys.ts'
import { spend } from '../turns.ts'

/** Rows that are in memory at once. */
const PAGE_ROWS = 500

const places: Readonly<Record<KeptKind, number>> = {
  secret: 0,
  'secret-order': 1,
  'secret-container': 2,
}

/** How many of that kind a project has. */
export async function countKept(
  catalog: Catalog,
  project: string,
  kind: KeptKind,
): Promise<number> {
  const row = await catalog.get(identityKeys.secretUsage(project))
  return row === undefined ? 0 : (countersOf(row.value)[places[kind]] ?? 0)
}

/** What a change of `by` of that kind adds to the counters. */
export const usageOf = (kind: KeptKind, by: number): number[] => [0, 0, 0].with(places[kind], by)

export interface KeptPage<T> {
  readonly shown: readonly { readonly id: string; readonly row: T }[]
  /** How many there are altogether. */
  readonly total: number
}

/** The rows from `offset` on, `limit` of them at most, of those that `isWanted`. */
export async function pageOf<T>(
  catalog: Catalog,
  project: string,
  kind: KeptKind,
  { offset, limit }: { readonly offset: number; readonly limit: number },
  read: (row: Row) => T,
  isWanted: (row: T) => boolean,
): Promise<KeptPage<T>> {
  const prefix = keptPrefix(kind, project)
  const shown: { id: string; row: T }[] = []
  let total = 0
  let from: string | undefined = prefix
  while (from !== undefined) {
    const page = await catalog.scan({ from, to: endOf(prefix), limit: PAGE_ROWS })
    for (const entry of page.entries) {
      if ('group' in entry) continue
      const row = read(entry)
      if (!isWanted(row)) continue
      if (total >= offset && shown.length < limit)
        shown.push({ id: entry.key.slice(prefix.length), row })
      total++
    }
    const turn = spend(page.entries.length)
    if (turn !== undefined) await turn
    from = page.cursor
  }
  return { shown, total }
}
