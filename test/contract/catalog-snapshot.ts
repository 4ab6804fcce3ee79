// The contract of snapshots (Catalog.snapshot), run on every implementation: the rows are those at one commit
// number, whatever is committed while they are read. A model replays the history up to that number.
import type { Test } from 'tap'
import {
  type Catalog,
  type Commit,
  Conflict,
  type RawRow,
  type Snapshot,
} from '../../lib/catalog/catalog.ts'
import { frameCounters, frameRow } from '../../lib/catalog/framing.ts'
import { compareKeys } from '../../lib/catalog/keys.ts'
import { randomId } from '../../lib/names.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import type { MakeSite } from './catalog.ts'

/** Stored rows, by key. */
type Model = Map<string, Buffer>

const counts = new WeakMap<Model, Map<string, number>>()

/** Applies a commit to the model. */
function apply(model: Model, { id, put = [], del = [], add = [] }: Commit): void {
  for (const { key, value } of put) model.set(key, frameRow(key, id, value))
  for (const key of del) model.delete(key)
  const sums = counts.get(model) ?? new Map<string, number>()
  counts.set(model, sums)
  for (const { key, deltas } of add) {
    const sum = (sums.get(key) ?? 0) + deltas[0]!
    sums.set(key, sum)
    model.set(key, frameCounters(key, id, [sum]))
  }
}

const kinds = ['account', 'blob', 'object', 'version', 'é', '\u{10000}']
const keyOf = (random: Random, below: number) => {
  const n = random.integer(below)
  return `${kinds[n % kinds.length]}/${n % 3 === 0 ? '\u0000\u0001' : ''}${n}`
}

/** A commit of up to `rows` rows that are put, removed and counted. Some of the rows exist and some do not. */
function draw(random: Random, below: number, rows = 8): Commit {
  const keys = new Set(Array.from({ length: 1 + random.integer(rows) }, () => keyOf(random, below)))
  const put: { key: string; value: Buffer }[] = []
  const del: string[] = []
  for (const key of keys) {
    if (random.integer(3) === 0) del.push(key)
    else put.push({ key, value: random.bytes(random.integer(40)) })
  }
  const add = [{ key: `usage/${random.integer(4)}`, deltas: [1 + random.integer(5)] }]
  return { id: randomId(), put, del, add }
}

/** Reads the rest of a snapshot. `between` runs before each page. */
export async function readAll(
  snapshot: Snapshot,
  between: () => Promise<void> = async () => {},
): Promise<RawRow[]> {
  const rows: RawRow[] = []
  for (;;) {
    await between()
    const page = await snapshot.rowsBehind(rows.at(-1)?.key ?? '')
    if (page.length === 0) return rows
    rows.push(...page)
  }
}

/** Rows of the model in the order of keys. */
function rowsOf(model: Model): RawRow[] {
  const keys = [...model.keys()].sort(compareKeys)
  return keys.map((key) => ({ key, framed: model.get(key)! }))
}

/** The first place at which two lists of rows differ; null where they are equal. */
function differs(found: readonly RawRow[], wanted: readonly RawRow[]): string | null {
  for (let i = 0; i < Math.max(found.length, wanted.length); i++) {
    const [a, b] = [found[i], wanted[i]]
    const same = a !== undefined && b !== undefined && a.key === b.key && a.framed.equals(b.framed)
    if (!same) return `row ${i}: ${JSON.stringify(a?.key)} for ${JSON.stringify(b?.key)}`
  }
  return null
}

export function snapshotContract(t: Test, makeSite: MakeSite): void {
  const open = async (t: Test): Promise<Catalog> => {
    const catalog = await (await makeSite(t)).open()
    t.teardown(() => catalog.close())
    return catalog
  }

  t.test('a snapshot is the catalog at its commit number, whatever comes after it', async (t) => {
    const random = randomFrom(seedOfRun())
    const about = `seed ${random.seed}`
    const catalog = await open(t)
    const history: Commit[] = []
    const commit = async (below: number, rows?: number) => {
      const next = draw(random, below, rows)
      await catalog.commit(next)
      history.push(next)
    }
    const first = catalog.commitNumber
    // More rows than in a page, then as many commits behind, at and before the place that is read.
    for (let n = 0; n < 70; n++) await commit(3000, 90)
    for (let round = 0; round < 2; round++) {
      const at = catalog.commitNumber
      const snapshot = await catalog.snapshot()
      t.equal(snapshot.commitNumber, at, about)
      let pages = 0
      const found = await readAll(snapshot, async () => {
        pages++
        for (let n = random.integer(30); n > 0; n--) await commit(4000, 12)
      })
      await snapshot.close()
      const model: Model = new Map()
      for (const each of history.slice(0, at - first)) apply(model, each)
      t.equal(differs(found, rowsOf(model)), null, about)
      t.ok(pages > 2, `${pages} pages`)
      t.ok(history.length > at - first, 'there were commits')
    }
  })

  t.test('writers at work are in a snapshot up to one commit of their order', async (t) => {
    const catalog = await open(t)
    const random = randomFrom(seedOfRun())
    const order: Commit[] = []
    let stopped = false
    // The row `head` orders all commits: each expects the one before it.
    const write = async (random: Random) => {
      while (!stopped) {
        const head = await catalog.get('head')
        const place = head === undefined ? 0 : Number(head.value) + 1
        const { put = [], ...drawn } = draw(random, 2000, place < 30 ? 90 : 8)
        const next: Commit = {
          ...drawn,
          expect: [{ key: 'head', revision: head?.revision ?? null }],
          put: [...put, { key: 'head', value: Buffer.from(String(place)) }],
        }
        try {
          await catalog.commit(next)
          order[place] = next
        } catch (error) {
          if (!(error instanceof Conflict)) throw error
        }
        // Without a pause, writers to memory would let nothing else run.
        await new Promise(setImmediate)
      }
    }
    const writers = Array.from({ length: 4 }, () => write(randomFrom(random.integer(2 ** 31))))
    while (order.length < 60) await new Promise(setImmediate)
    const snapshot = await catalog.snapshot()
    const found = await readAll(snapshot, async () => {
      const now = order.length
      while (order.length < now + 25) await new Promise(setImmediate)
    })
    await snapshot.close()
    stopped = true
    await Promise.all(writers)
    const head = found.find(({ key }) => key === 'head')!
    const place = Number(head.framed.subarray(17, -4))
    const model: Model = new Map()
    for (const each of order.slice(0, place + 1)) apply(model, each)
    t.equal(differs(found, rowsOf(model)), null, `seed ${random.seed}`)
    t.ok(order.length > place + 1, 'there were commits')
  })

  t.test('an empty catalog has an empty snapshot, whatever is put meanwhile', async (t) => {
    const catalog = await open(t)
    const snapshot = await catalog.snapshot()
    for (let n = 0; n < 20; n++) {
      const put = Array.from({ length: 90 }, (_, i) => `row/${n}/${i}`).map((key) => ({
        key,
        value: Buffer.from(key),
      }))
      await catalog.commit({ id: randomId(), put })
    }
    t.same(await readAll(snapshot), [])
    await snapshot.close()
    const after = await catalog.snapshot()
    t.equal((await readAll(after)).length, 1800)
    await after.close()
  })

  t.test('a raised commit number lasts, is no change of a row, and never falls', async (t) => {
    const site = await makeSite(t)
    const catalog = await site.open()
    await catalog.commit({ id: randomId(), put: [{ key: 'a', value: Buffer.from('x') }] })
    await catalog.advance(1_000_000)
    t.equal(catalog.commitNumber, 1_000_000)
    await catalog.advance(5)
    t.equal(catalog.commitNumber, 1_000_000)
    await catalog.commit({ id: randomId(), del: ['b'] })
    const { commitNumber } = catalog
    t.equal(commitNumber, 1_000_001)
    await catalog.close()
    const again = await site.open()
    t.teardown(() => again.close())
    t.equal(again.commitNumber, commitNumber)
    t.equal(String((await again.get('a'))?.value), 'x')
  })
}
