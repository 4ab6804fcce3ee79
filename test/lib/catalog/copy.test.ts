// Copies of whole catalogs, between every two stores: what arrives is the same bytes, and what was begun and
// not finished is never taken for a catalog.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Catalog } from '../../../lib/catalog/catalog.ts'
import { CopyRefused, copyCatalog } from '../../../lib/catalog/copy.ts'
import { openLevelCatalog } from '../../../lib/catalog/level.ts'
import { RAW_PAGE_ROWS, type RawCatalog } from '../../../lib/catalog/raw.ts'
import { openRawLevel } from '../../../lib/catalog/raw-level.ts'
import { makeRawRedis } from '../../../lib/catalog/redis/raw.ts'
import { openRedisCatalog, openRedisLink } from '../../../lib/catalog/redis.ts'
import { classicEngine } from '../../../lib/leveldb/engine.ts'
import { randomId } from '../../../lib/names.ts'
import { catalogOptions, redisTest, startRedis, type TestRedis } from '../../helpers/redis.ts'

t.setTimeout(600_000)

/** One place for a catalog, empty at first. Never open in both ways at once. */
interface Place {
  open(): Promise<Catalog>
  openRaw(): Promise<RawCatalog>
}

type MakePlace = (t: Test) => Promise<Place>

const levelPlace: MakePlace = async (t) => {
  const location = join(t.testdir(), randomBytes(4).toString('hex'), 'catalog')
  const log = pino({ level: 'silent' })
  return {
    open: () =>
      openLevelCatalog({ engine: classicEngine, location, writeBufferBytes: 1 << 20, log }),
    openRaw: () => openRawLevel(classicEngine, location),
  }
}

/** A catalog of `rows` rows, counters among them, their keys of any characters; then closed. */
async function fill(place: Place, rows: number): Promise<void> {
  const catalog = await place.open()
  const names = ['é', '\u{10ffff}', '\u0000', '\u0000\u0001', '\uffff', 'a/b', '%', ' ']
  const keyOf = (n: number) => `row/${n % 7}/${names[n % names.length]}${n}`
  for (let first = 0; first < rows; first += 100) {
    const some = Array.from({ length: Math.min(100, rows - first) }, (_, i) => first + i)
    const isCounter = (n: number) => n % 10 === 3
    await catalog.commit({
      id: randomId(),
      put: some
        .filter((n) => !isCounter(n))
        .map((n) => ({ key: keyOf(n), value: randomBytes(n % 300) })),
      add: some.filter(isCounter).map((n) => ({ key: keyOf(n), deltas: [n, 2 ** 40, 0] })),
    })
  }
  await catalog.close()
}

async function contentOf(place: Place) {
  const catalog = await place.open()
  const rows: unknown[] = []
  let from: string | undefined = 'row/'
  while (from !== undefined) {
    const page = await catalog.scan({ from, to: 'row0', limit: 1000 })
    rows.push(...page.entries)
    from = page.cursor
  }
  const { id, commitNumber } = catalog
  await catalog.close()
  return { id, commitNumber, rows }
}

async function copyBetween(from: Place, to: Place, change?: (target: RawCatalog) => RawCatalog) {
  const source = await from.openRaw()
  const opened = await to.openRaw()
  const target = change?.(opened) ?? opened
  try {
    return await copyCatalog(source, target)
  } finally {
    await source.close()
    await opened.close()
  }
}

/** The same store, but something happens before its `at`-th put. */
const interrupted = (at: number, event: () => Promise<void>) => (target: RawCatalog) => {
  let puts = 0
  return new Proxy(target, {
    get(whole, name: keyof RawCatalog) {
      if (name !== 'put') return whole[name].bind(whole)
      return async (rows: Parameters<RawCatalog['put']>[0]) => {
        puts++
        if (puts === at) await event()
        await whole.put(rows)
      }
    },
  })
}

const cut = (at: number) =>
  interrupted(at, async () => {
    throw new Error('cut')
  })

/** A prefix of its own on one Redis, which the first asks for. */
let redis: Promise<TestRedis> | undefined
const redisPlace: MakePlace = async () => {
  redis ??= startRedis(t)
  const { url } = await redis
  const options = catalogOptions(url, { prefix: randomBytes(4).toString('hex') })
  return {
    open: () => openRedisCatalog(options),
    openRaw: async () => makeRawRedis(await openRedisLink(options)),
  }
}

const places: Readonly<Record<string, MakePlace>> = { level: levelPlace, redis: redisPlace }

/** A test between two places; where Redis is one of them, redis-server is needed. */
function copyTest(names: readonly string[], sentence: string, body: (t: Test) => Promise<void>) {
  if (names.includes('redis')) redisTest(t, sentence, body)
  else void t.test(sentence, body)
}

for (const [fromName, makeFrom] of Object.entries(places)) {
  for (const [toName, makeTo] of Object.entries(places)) {
    const pair = `from ${fromName} to ${toName}`

    copyTest(
      [fromName, toName],
      `${pair}: rows, revisions, counters, id and commit number stay`,
      async (t) => {
        for (const rows of [0, 1, RAW_PAGE_ROWS - 1, RAW_PAGE_ROWS, RAW_PAGE_ROWS + 1, 2500]) {
          const [from, to] = [await makeFrom(t), await makeTo(t)]
          await fill(from, rows)
          const report = await copyBetween(from, to)
          const content = await contentOf(from)
          t.equal(content.rows.length, rows)
          t.same(await contentOf(to), content, `${rows} rows`)
          t.match(report, { rows, restarted: false, catalogId: content.id })
        }
      },
    )

    copyTest([fromName, toName], `${pair}: the copy is a catalog that goes on`, async (t) => {
      const [from, to] = [await makeFrom(t), await makeTo(t)]
      await fill(from, 20)
      await copyBetween(from, to)
      const catalog = await to.open()
      t.teardown(() => catalog.close())
      const before = catalog.commitNumber
      const key = 'row/3/\u0000\u00013'
      const sums = (await catalog.getCounters(key))?.values ?? []
      t.same(sums, [3, 2 ** 40, 0])
      await catalog.commit({ id: randomId(), add: [{ key, deltas: [1] }] })
      t.same((await catalog.getCounters(key))?.values, [4, 2 ** 40, 0])
      t.ok(catalog.commitNumber > before)
    })

    copyTest(
      [fromName, toName],
      `${pair}: a copy that was cut short is no catalog, and begins anew`,
      async (t) => {
        for (const at of [1, 2]) {
          const [from, to] = [await makeFrom(t), await makeTo(t)]
          await fill(from, 1500)
          await t.rejects(copyBetween(from, to, cut(at)), /cut/)
          await t.rejects(to.open(), { code: 'StoreCorrupt', details: { message: /not finished/ } })
          // A row that is gone from the source by now must be gone from the copy.
          const source = await from.open()
          await source.commit({ id: randomId(), del: ['row/0/é0'] })
          await source.close()
          t.match(await copyBetween(from, to), { rows: 1499, restarted: true })
          t.same(await contentOf(to), await contentOf(from))
        }
      },
    )

    copyTest(
      [fromName, toName],
      `${pair}: a target that is not empty is refused and stays as it is`,
      async (t) => {
        const [from, to, other] = [await makeFrom(t), await makeTo(t), await makeFrom(t)]
        await fill(from, 10)
        await fill(other, 1500)
        await t.rejects(copyBetween(other, to, cut(2)), /cut/)
        await t.rejects(copyBetween(from, to), CopyRefused, 'begun with another catalog')
        await copyBetween(other, to)
        const before = await contentOf(to)
        await t.rejects(copyBetween(from, to), { message: /not empty: it holds the catalog/ })
        await t.rejects(copyBetween(other, to), CopyRefused, 'also a copy of the same')
        t.same(await contentOf(to), before)
      },
    )

    copyTest(
      [fromName, toName],
      `${pair}: a source that is none, or half of one, is refused`,
      async (t) => {
        const [from, to, other] = [await makeFrom(t), await makeTo(t), await makeFrom(t)]
        await t.rejects(copyBetween(from, to), { message: /no catalog to copy/ })
        await fill(other, 10)
        await t.rejects(copyBetween(other, from, cut(1)), /cut/)
        await t.rejects(copyBetween(from, to), { message: /not finished/ })
        const target = await to.openRaw()
        t.same(await target.state(), { kind: 'empty' })
        await target.close()
      },
    )
  }
}

t.test('a rotten row is not copied: the copy names it and ends', async (t) => {
  const [from, to] = [await levelPlace(t), await levelPlace(t)]
  await fill(from, 10)
  const source = await from.openRaw()
  const rotten = new Proxy(source, {
    get(whole, name: keyof RawCatalog) {
      if (name !== 'rowsBehind') return whole[name].bind(whole)
      return async (after: string) => {
        const rows = await whole.rowsBehind(after)
        if (rows[3] !== undefined) rows[3].framed[20]! ^= 1
        return rows
      }
    },
  })
  const target = await to.openRaw()
  const [, , , row] = await source.rowsBehind('')
  const details = { key: row!.key }
  await t.rejects(copyCatalog(rotten, target), { code: 'StoreCorrupt', details })
  t.match(await target.state(), { kind: 'unfinished' })
  await source.close()
  await target.close()
})

for (const [name, make] of Object.entries(places)) {
  copyTest(
    [name],
    `${name}: what changes in the target meanwhile is found by the comparison`,
    async (t) => {
      const [from, to] = [await levelPlace(t), await make(t)]
      await fill(from, 1500)
      const damages = {
        'a row more': { key: 'zzz', framed: randomBytes(30) },
        'another value': { key: 'row/0/é0', framed: randomBytes(30) },
      }
      for (const [what, row] of Object.entries(damages)) {
        const source = await from.openRaw()
        const target = await to.openRaw()
        const finish = interrupted(2, () => target.put([row]))
        const changed = finish(target)
        await t.rejects(copyCatalog(source, changed), CopyRefused, what)
        t.match(await target.state(), { kind: 'unfinished' })
        await source.close()
        await target.close()
      }
    },
  )
}
