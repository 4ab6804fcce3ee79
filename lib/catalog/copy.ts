// Moves a catalog from one store to another. Every row is copied page by page; then both stores are read again
// and compared row by row; only then the target becomes a catalog. Its id and commit number are those of the
// source, because volumes carry them. A copy that was interrupted leaves a mark, and is begun anew by the next
// run.
import { openRow } from './framing.ts'
import type { Meta } from './meta.ts'
import { RAW_PAGE_ROWS, type RawCatalog, type RawRow } from './raw.ts'

/** The copy cannot be made. The message is a sentence for an operator. Nothing was changed, or the target is
 * marked as unfinished. */
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
  /** True where an earlier copy was interrupted. */
  readonly restarted: boolean
}

/**
 * Copies all rows of `source` into `target`, which must be empty or hold an interrupted copy of the same
 * catalog. `progress` is called with the number of rows copied so far. Rejects with CopyRefused, with
 * StoreCorrupt for a rotten row of the source, and with the errors of the stores.
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

/** True where the target holds an interrupted copy of the same catalog. */
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

/** Reads both stores again. Returns the bytes of all rows. Rejects with CopyRefused where they differ. */
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
