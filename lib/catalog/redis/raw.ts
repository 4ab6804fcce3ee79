// A Redis catalog for copies of whole catalogs (../raw.ts). An unfinished copy is a hash `about` with a mark
// and without an id. To open it as a catalog fails.
import { randomBytes } from 'node:crypto'
import { CofferError } from '../../errors.ts'
import { whyNotRead } from '../../format-version.ts'
import type { Meta } from '../meta.ts'
import { RAW_PAGE_ROWS, type RawCatalog, type RawRow, type RawState } from '../raw.ts'
import type { Link } from './link.ts'
import { rawScripts } from './raw-scripts.ts'
import { LAYOUT, type Script } from './scripts.ts'

export interface RawRedis extends RawCatalog {
  /** Removes the unfinished copy that `begin` made. Does nothing where another copy has taken its place. */
  drop(): Promise<void>
}

/** Uses `link`, whatever lies there, and closes it. Every call rejects with StoreUnavailable where Redis does
 * not answer, or refuses. Those that write reject with StoreCorrupt where another copy has taken the place. */
export function makeRawRedis(link: Link): RawRedis {
  const run = (script: Script, ...args: readonly (string | Buffer)[]) => link.run(script, args)
  const mark = randomBytes(16)
  const change = async (script: Script, ...args: readonly (string | Buffer)[]) => {
    const [word] = await run(script, mark, ...args)
    if (word === 'ok') return
    const message = 'Redis lost the copy, or another took its place'
    throw new CofferError('StoreCorrupt', { message })
  }

  return {
    async state(): Promise<RawState> {
      const [word, id, number, layout] = (await run(rawScripts.state)).map(String)
      if (word === 'empty') return { kind: 'empty' }
      if (word === 'headless') {
        const message = 'Redis holds rows, but nothing says of which catalog'
        throw new CofferError('StoreCorrupt', { message })
      }
      if (layout !== LAYOUT) {
        throw new CofferError('StoreCorrupt', { message: whyNotRead('the catalog', layout) })
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
        // The key is in the sorted set, but its row is missing from the hash.
        if (framed == null) throw new CofferError('StoreCorrupt', { key })
        return { key, framed }
      })
    },

    async begin({ catalogId, commitNumber }: Meta): Promise<void> {
      await change(rawScripts.begin, catalogId, String(commitNumber), LAYOUT)
    },

    async put(rows: readonly RawRow[]): Promise<void> {
      await change(rawScripts.put, ...rows.flatMap(({ key, framed }) => [key, framed]))
    },

    async finish({ catalogId, commitNumber }: Meta): Promise<void> {
      await change(rawScripts.finish, catalogId, String(commitNumber), LAYOUT)
    },

    async drop(): Promise<void> {
      await run(rawScripts.drop, mark)
    },

    async close(): Promise<void> {
      link.close()
    },
  }
}
