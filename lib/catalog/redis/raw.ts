// A Redis catalog from below its seam (../raw.ts). An unfinished copy is a place whose `about` has a mark and
// no id, which opening it as a catalog refuses.
import { CofferError } from '../../errors.ts'
import type { Meta } from '../meta.ts'
import { RAW_PAGE_ROWS, type RawCatalog, type RawRow, type RawState } from '../raw.ts'
import type { Link } from './link.ts'
import { rawScripts } from './raw-scripts.ts'
import { LAYOUT, type Script } from './scripts.ts'

/** Uses a link to whatever lies there, and closes it. Every call throws StoreUnavailable where Redis does not
 * answer, or refuses. */
export function makeRawRedis(link: Link): RawCatalog {
  const run = (script: Script, ...args: readonly (string | Buffer)[]) => link.run(script, args)

  return {
    async state(): Promise<RawState> {
      const [word, id, number, layout] = (await run(rawScripts.state)).map(String)
      if (word === 'empty') return { kind: 'empty' }
      if (word === 'headless') {
        const message = 'Redis holds rows, but nothing says of which catalog'
        throw new CofferError('StoreCorrupt', { message })
      }
      if (layout !== LAYOUT) {
        const message = `layout ${layout} of the catalog is newer than this program`
        throw new CofferError('StoreCorrupt', { message })
      }
      const meta = { catalogId: id!, commitNumber: Number(number) }
      return { kind: word === 'catalog' ? 'catalog' : 'unfinished', meta }
    },

    async rowsBehind(after: string): Promise<RawRow[]> {
      const reply = await run(rawScripts.rowsBehind, after, String(RAW_PAGE_ROWS))
      const [, names, rows] = reply as [string, Buffer[], (Buffer | null)[]]
      return names.map((bytes, i) => {
        const key = bytes.toString()
        const framed = rows[i]
        // Its name is in the order of keys, but the row itself is gone.
        if (framed == null) throw new CofferError('StoreCorrupt', { key })
        return { key, framed }
      })
    },

    async begin({ catalogId, commitNumber }: Meta): Promise<void> {
      await run(rawScripts.begin, catalogId, String(commitNumber), LAYOUT)
    },

    async put(rows: readonly RawRow[]): Promise<void> {
      await run(rawScripts.put, ...rows.flatMap(({ key, framed }) => [key, framed]))
    },

    async finish({ catalogId, commitNumber }: Meta): Promise<void> {
      const [word] = await run(rawScripts.finish, catalogId, String(commitNumber), LAYOUT)
      if (word === 'ok') return
      const message = 'Redis lost the copy, or another took its place'
      throw new CofferError('StoreCorrupt', { message })
    },

    async close(): Promise<void> {
      link.close()
    },
  }
}
