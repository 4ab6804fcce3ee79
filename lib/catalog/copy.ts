// Moves a catalog from one store to another: every row as it lies, page by page, then both read again and
// compared row by row, and only then is the target a catalog. Its id and commit number go with it, because
// volumes carry them. A copy that was cut short leaves a mark, and begins anew when it is run again.
import { openRow } from './framing.ts'
import type { Meta } from './meta.ts'
import { RAW_PAGE_ROWS, type RawCatalog, type RawRow } from './raw.ts'

/** The copy cannot be made, and what to do about it; nothing was changed, or the target is marked. */
export class CopyRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CopyRefused'
  }
}

export interface CopyReport extends Meta {
  readonly rows: number
  /** Bytes of keys and framed rows. */
  readonly bytes: number
  /** True where an earlier copy had been cut short. */
  readonly restarted: boolean
}

/**
 * Copies all rows of `source` into `target`, which must hold nothing, or a copy of the same catalog that was
 * cut short. `progress` hears how many rows were copied so far. Throws CopyRefused; StoreCorrupt for a rotten
 * row of the source; what the stores throw.
 */
export async function copyCatalog(
  source: RawCatalog,
  target: RawCatalog,
  progress: (rows: number) => void = () => {},
): Promise<CopyReport> {
  const meta = await requireSource(source)
  const restarted = await requireRoom(target, meta)
  await target.begin(meta)
  let rows = 0
  for await (const page of pagesOf(source)) {
    for (const { key, framed } of page) openRow(key, framed)
    await target.put(page)
    rows += page.length
    progress(rows)
  }
  const bytes = await compare(source, target)
  const after = await requireSource(source)
  if (after.commitNumber !== meta.commitNumber) throw changed()
  await target.finish(meta)
  return { ...meta, rows, bytes, restarted }
}

async function requireSource(source: RawCatalog): Promise<Meta> {
  const state = await source.state()
  if (state.kind === 'catalog') return state.meta
  throw new CopyRefused(
    state.kind === 'empty'
      ? 'there is no catalog to copy'
      : 'the catalog to copy is itself a copy that was not finished',
  )
}

/** True where the target holds an earlier, unfinished copy of the same catalog. */
async function requireRoom(target: RawCatalog, { catalogId }: Meta): Promise<boolean> {
  const state = await target.state()
  if (state.kind === 'empty') return false
  if (state.kind === 'unfinished' && state.meta.catalogId === catalogId) return true
  throw new CopyRefused(
    state.kind === 'catalog'
      ? `the target is not empty: it holds the catalog ${state.meta.catalogId}`
      : `the target is not empty: it holds an unfinished copy of the catalog ${state.meta.catalogId}`,
  )
}

const changed = () =>
  new CopyRefused('the source was written to while it was copied: stop every node that uses it')

async function* pagesOf(catalog: RawCatalog): AsyncGenerator<RawRow[]> {
  let after = ''
  for (;;) {
    const page = await catalog.rowsBehind(after)
    if (page.length > 0) yield page
    if (page.length < RAW_PAGE_ROWS) return
    after = page.at(-1)!.key
  }
}

/** Reads both again, and gives the bytes of all rows. Throws CopyRefused where they differ. */
async function compare(source: RawCatalog, target: RawCatalog): Promise<number> {
  let bytes = 0
  const others = pagesOf(target)
  for await (const page of pagesOf(source)) {
    const { value: other = [] } = await others.next()
    for (const [i, { key, framed }] of page.entries()) {
      const twin = other[i] as RawRow | undefined
      if (twin?.key !== key || !twin.framed.equals(framed)) {
        throw new CopyRefused(
          `the copy differs from the source at the row ${key}: stop every node that uses either`,
        )
      }
      bytes += Buffer.byteLength(key) + framed.length
    }
    if (other.length > page.length) throw changed()
  }
  if (!(await others.next()).done) throw changed()
  return bytes
}
