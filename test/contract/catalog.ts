// The contract of the catalog (lib/catalog/catalog.ts), run on every implementation: rows, commits, counters,
// and restarts. Pages of scans have a suite of their own, catalog-scan.ts.
import type { Test } from 'tap'
import {
  type Catalog,
  COMMIT_ROWS_MAX,
  type Commit,
  Conflict,
  countersOf,
} from '../../lib/catalog/catalog.ts'
import { isCode } from '../../lib/errors.ts'
import { randomId } from '../../lib/names.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'

/** A place for one catalog, empty at first. */
export interface Site {
  /** Opens the catalog. Must not be called while it is open. */
  open(): Promise<Catalog>
  /** Flips one bit in the stored form of a row. Must not be called while the catalog is open. */
  damage(key: string, byte: number): Promise<void>
  /** Length of the stored form of a row. */
  storedBytes(key: string): Promise<number>
}

export type MakeSite = (t: Test) => Promise<Site>

const buf = (text: string) => Buffer.from(text)

/** The error of `work`; undefined where it succeeds. */
async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error) => error,
  )
}

export function catalogContract(t: Test, makeSite: MakeSite): void {
  /** Runs a test on a fresh, open catalog. */
  const withCatalog = (
    name: string,
    run: (t: Test, catalog: Catalog, site: Site) => Promise<void>,
  ) =>
    t.test(name, async (t) => {
      const site = await makeSite(t)
      const catalog = await site.open()
      t.teardown(() => catalog.close())
      await run(t, catalog, site)
    })
  const put = (key: string, value: string): Commit => ({
    id: randomId(),
    put: [{ key, value: buf(value) }],
  })

  withCatalog('a row that was put comes back with the id of its commit', async (t, catalog) => {
    const commit = put('a', 'one')
    await catalog.commit(commit)
    t.match(await catalog.get('a'), { key: 'a', value: buf('one'), revision: commit.id })
    const again = put('a', '')
    await catalog.commit(again)
    t.match(await catalog.get('a'), { key: 'a', value: buf(''), revision: again.id })
    await catalog.commit({ id: randomId(), del: ['a'] })
    t.equal(await catalog.get('a'), undefined)
    t.equal(await catalog.get('b'), undefined)
  })

  withCatalog(
    'a row is found however long its key, in characters of any width',
    async (t, catalog) => {
      const keys = ['a', 'é', '字', '😀'].flatMap((char) =>
        [1, 31, 32, 33, 63, 64, 65, 256, 1023, 1024].map((length) => `k/${char.repeat(length)}`),
      )
      for (const key of keys) {
        await catalog.commit(put(key, key))
        t.equal(String((await catalog.get(key))?.value), key, `${Buffer.byteLength(key)} bytes`)
      }
    },
  )

  withCatalog('a value may be written over as soon as commit was called', async (t, catalog) => {
    const value = buf('before')
    const commit = catalog.commit({ id: randomId(), put: [{ key: 'a', value }] })
    value.fill(0xdd)
    await commit
    t.same((await catalog.get('a'))?.value, buf('before'))
  })

  withCatalog(
    'many rows come back in the order asked, missing ones as gaps',
    async (t, catalog) => {
      const key = (n: number) => `row/${String(n).padStart(3, '0')}`
      const rows = Array.from({ length: COMMIT_ROWS_MAX }, (_, n) => ({
        key: key(n),
        value: buf(`${n}`),
      }))
      await catalog.commit({ id: randomId(), put: rows })
      for (const count of [0, 1, 31, 32, 33, COMMIT_ROWS_MAX]) {
        const keys = rows.slice(0, count).map((row) => row.key)
        const asked = [...keys.reverse(), 'none', ...keys]
        const found = await catalog.getMany(asked)
        t.same(
          found.map((row) => row?.key),
          asked.map((each) => (each === 'none' ? undefined : each)),
        )
        t.ok(found.every((row) => row === undefined || key(Number(row.value)) === row.key))
      }
    },
  )

  withCatalog('many rows are of one point in time while they change', async (t, catalog) => {
    const keys = Array.from({ length: 40 }, (_, n) => `row/${n}`)
    let done = false
    const writing = (async () => {
      for (let n = 0; n < 60; n++) {
        const value = buf(`${n}`)
        await catalog.commit({ id: randomId(), put: keys.map((key) => ({ key, value })) })
      }
      done = true
    })()
    let mixed = 0
    while (!done) {
      for (const some of [keys, keys.slice(0, 20)]) {
        const values = (await catalog.getMany(some)).map((row) => row?.value.toString())
        if (new Set(values).size > 1) mixed++
      }
      await new Promise(setImmediate)
    }
    await writing
    t.equal(mixed, 0)
  })

  withCatalog('an expectation that does not hold refuses the whole commit', async (t, catalog) => {
    const first = put('a', 'one')
    await catalog.commit(first)
    const refusals = [
      { key: 'a', revision: null },
      { key: 'a', revision: randomId() },
      { key: 'b', revision: first.id },
    ]
    for (const expectation of refusals) {
      const error = await thrownBy(
        catalog.commit({
          id: randomId(),
          expect: [expectation],
          put: [{ key: 'c', value: buf('x') }],
          del: ['a'],
          add: [{ key: 'n', deltas: [1] }],
        }),
      )
      t.ok(error instanceof Conflict, 'a conflict')
      t.equal((error as Conflict).key, expectation.key)
    }
    t.equal((await catalog.get('a'))?.revision, first.id)
    t.equal(await catalog.get('c'), undefined)
    t.equal(await catalog.getCounters('n'), undefined)
    const holds: Commit = {
      ...put('a', 'two'),
      expect: [
        { key: 'a', revision: first.id },
        { key: 'b', revision: null },
      ],
    }
    await catalog.commit(holds)
    t.equal((await catalog.get('a'))?.revision, holds.id)
  })

  withCatalog('a conflict names the first expectation that failed', async (t, catalog) => {
    const expect = ['b', 'a'].map((key) => ({ key, revision: randomId() }))
    const error = await thrownBy(catalog.commit({ id: randomId(), expect }))
    t.equal((error as Conflict).key, 'b')
  })

  withCatalog('of two creates of one name exactly one wins, 200 times', async (t, catalog) => {
    let wins = 0
    for (let n = 0; n < 200; n++) {
      const create = async (turns: number) => {
        for (let i = 0; i < turns; i++) await null
        const commit: Commit = {
          ...put(`name/${n}`, 'x'),
          expect: [{ key: `name/${n}`, revision: null }],
        }
        const error = await thrownBy(catalog.commit(commit))
        if (error !== undefined && !(error instanceof Conflict)) throw error
        return error === undefined ? commit.id : null
      }
      const winners = (await Promise.all([create(0), create(n % 7)])).filter((id) => id !== null)
      const row = await catalog.get(`name/${n}`)
      if (winners.length === 1 && row?.revision === winners[0]) wins++
    }
    t.equal(wins, 200)
  })

  withCatalog(
    'commits that arrive together see one another, in their order',
    async (t, catalog) => {
      const first = put('a', 'one')
      const second: Commit = { ...put('a', 'two'), expect: [{ key: 'a', revision: first.id }] }
      const stale: Commit = { ...put('a', 'three'), expect: [{ key: 'a', revision: first.id }] }
      const remove: Commit = {
        id: randomId(),
        expect: [{ key: 'a', revision: second.id }],
        del: ['a'],
      }
      const create: Commit = { ...put('a', 'four'), expect: [{ key: 'a', revision: null }] }
      const outcomes = await Promise.allSettled(
        [first, second, stale, remove, create].map((commit) => catalog.commit(commit)),
      )
      t.same(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      )
      t.same((await catalog.get('a'))?.value, buf('four'))
    },
  )

  withCatalog('a bad commit spoils none that arrives with it', async (t, catalog) => {
    await catalog.commit({ ...put('plain', 'x'), add: [{ key: 'n', deltas: [5, 0] }] })
    const bad: Commit[] = [
      {
        id: randomId(),
        put: [{ key: 'lost', value: buf('x') }],
        add: [{ key: 'n', deltas: [-6] }],
      },
      {
        id: randomId(),
        put: [{ key: 'lost', value: buf('x') }],
        add: [{ key: 'plain', deltas: [1] }],
      },
      { id: randomId(), put: ['lost', 'n'].map((key) => ({ key, value: buf('x') })) },
      { id: randomId(), add: [{ key: 'n', deltas: [Number.MAX_SAFE_INTEGER] }] },
      { id: randomId(), add: [{ key: 'n', deltas: [0.5] }] },
      { id: randomId(), add: [{ key: 'n', deltas: [] }] },
      { id: 'no id', put: [{ key: 'lost', value: buf('x') }] },
      { id: randomId(), expect: [{ key: 'a', revision: 'no id' }], del: ['b'] },
      { id: randomId(), put: [{ key: '', value: buf('x') }] },
      { id: randomId(), put: [{ key: 'lone \ud800', value: buf('x') }] },
      { id: randomId(), put: [{ key: 'lost', value: buf('x') }], del: ['lost'] },
    ]
    const good = bad.map((_, n) => put(`good/${n}`, 'x'))
    const waiting = bad.flatMap((each, n) => [
      thrownBy(catalog.commit(each)),
      thrownBy(catalog.commit(good[n]!)),
    ])
    const errors = await Promise.all(waiting)
    for (const [n, error] of errors.entries()) {
      if (n % 2 === 0) t.ok(isCode(error, 'Internal'), `bad commit ${n / 2} is refused as such`)
      else t.equal(error, undefined, `good commit ${(n - 1) / 2} is done`)
    }
    t.equal(await catalog.get('lost'), undefined)
    t.same((await catalog.getCounters('n'))?.values, [5, 0])
    t.same((await catalog.get('plain'))?.value, buf('x'))
  })

  withCatalog('a commit touches at most 100 rows, all lists together', async (t, catalog) => {
    const commit = (rows: number): Commit => ({
      id: randomId(),
      expect: [{ key: 'e', revision: null }],
      del: ['d'],
      add: [{ key: 'n', deltas: [1] }],
      put: Array.from({ length: rows - 3 }, (_, n) => ({ key: `p/${n}`, value: buf('x') })),
    })
    await t.rejects(catalog.commit(commit(COMMIT_ROWS_MAX + 1)), { code: 'Internal' })
    t.equal(await catalog.getCounters('n'), undefined)
    await catalog.commit(commit(COMMIT_ROWS_MAX))
    t.same((await catalog.getCounters('n'))?.values, [1])
  })

  withCatalog('counters add up whoever adds at the same time', async (t, catalog) => {
    const adders = Array.from({ length: 16 }, async (_, adder) => {
      for (let n = 1; n <= 25; n++) {
        await catalog.commit({
          id: randomId(),
          add: [{ key: 'n', deltas: adder % 2 === 0 ? [1, n * 1e12] : [1] }],
        })
      }
    })
    await Promise.all(adders)
    t.same((await catalog.getCounters('n'))?.values, [400, 8 * 325 * 1e12])
    const last = { id: randomId(), add: [{ key: 'n', deltas: [-400, -8 * 325 * 1e12] }] }
    await catalog.commit(last)
    t.match(await catalog.getCounters('n'), { values: [0, 0], revision: last.id })
    await t.rejects(catalog.commit({ id: randomId(), add: [{ key: 'n', deltas: [0, -1] }] }), {
      code: 'Internal',
    })
    await t.rejects(catalog.commit({ id: randomId(), add: [{ key: 'm', deltas: [-1] }] }), {
      code: 'Internal',
    })
    t.equal(await catalog.getCounters('m'), undefined)
  })

  withCatalog(
    'an expectation on a counter row sees what is added meanwhile',
    async (t, catalog) => {
      await catalog.commit({ id: randomId(), add: [{ key: 'n', deltas: [1] }] })
      const { revision } = (await catalog.getCounters('n'))!
      const [added, expected] = await Promise.allSettled([
        catalog.commit({ id: randomId(), add: [{ key: 'n', deltas: [0] }] }),
        catalog.commit({ id: randomId(), expect: [{ key: 'n', revision }], del: ['n'] }),
      ])
      t.equal(added.status, 'fulfilled')
      t.ok(expected.status === 'rejected' && expected.reason instanceof Conflict)
      t.same((await catalog.getCounters('n'))?.values, [1])
    },
  )

  withCatalog(
    'a counter row is read as a row too, a plain row never as counters',
    async (t, catalog) => {
      await catalog.commit({ ...put('a', 'x'), add: [{ key: 'n', deltas: [1, 2 ** 40] }] })
      t.same(countersOf((await catalog.get('n'))!.value), [1, 2 ** 40])
      await t.rejects(catalog.getCounters('a'), { code: 'Internal' })
    },
  )

  withCatalog(
    'a commit is there whole or not at all, with every key a client may choose',
    async (t, catalog) => {
      const seed = seedOfRun()
      const random = randomFrom(seed)
      const alphabet = [
        'a',
        '/',
        '\u0000',
        '\u0001',
        'é',
        '\uffff',
        '\u{10000}',
        '\u{10ffff}',
        '%',
        ' ',
      ]
      const model = new Map<string, Buffer>()
      for (let n = 0; n < 50; n++) {
        const keys = new Set(
          Array.from({ length: 1 + random.integer(20) }, () =>
            Array.from({ length: 1 + random.integer(6) }, () => random.pick(alphabet)).join(''),
          ),
        )
        const rows = Array.from(keys, (key) => ({ key, value: random.bytes(random.integer(50)) }))
        const failing = random.integer(3) === 0
        const expect = failing ? [{ key: 'never', revision: randomId() }] : []
        const error = await thrownBy(catalog.commit({ id: randomId(), expect, put: rows }))
        t.equal(error instanceof Conflict, failing)
        if (!failing) for (const { key, value } of rows) model.set(key, value)
      }
      const found = await catalog.getMany([...model.keys()])
      t.same(
        found.map((row) => row?.value),
        [...model.values()],
        `seed ${seed}`,
      )
    },
  )

  t.test('id, commit number and rows survive a restart', async (t) => {
    const site = await makeSite(t)
    const first = await site.open()
    const { id } = first
    t.match(id, /^[0-9a-f]{32}$/)
    t.equal(first.impaired, null)
    const before = first.commitNumber
    const commit = put('a', 'one')
    await first.commit(commit)
    t.ok(first.commitNumber > before, 'it grows')
    const numberThen = first.commitNumber
    await thrownBy(
      first.commit({ id: randomId(), expect: [{ key: 'a', revision: null }], del: ['a'] }),
    )
    t.equal(first.commitNumber, numberThen, 'not for a conflict')
    await first.close()
    await first.close()
    const second = await site.open()
    t.teardown(() => second.close())
    t.equal(second.id, id)
    t.equal(second.commitNumber, numberThen)
    t.equal((await second.get('a'))?.revision, commit.id)
    const other = await (await makeSite(t)).open()
    t.teardown(() => other.close())
    t.not(other.id, id)
  })

  t.test('a closed catalog answers nobody, after it finished what it had taken', async (t) => {
    const site = await makeSite(t)
    const catalog = await site.open()
    const taken = Array.from({ length: 20 }, (_, n) => catalog.commit(put(`row/${n}`, 'x')))
    const closing = catalog.close()
    const late = thrownBy(catalog.commit(put('late', 'x')))
    await Promise.all(taken)
    await closing
    t.ok(isCode(await late, 'StoreUnavailable'))
    await t.rejects(catalog.get('row/1'), { code: 'StoreUnavailable' })
    await t.rejects(catalog.getMany(['row/1']), { code: 'StoreUnavailable' })
    await t.rejects(catalog.scan({ from: 'a', to: 'z', limit: 1 }), { code: 'StoreUnavailable' })
    t.type(catalog.impaired, 'string')
    const again = await site.open()
    t.teardown(() => again.close())
    t.equal((await again.scan({ from: 'row/', to: 'row0', limit: 100 })).entries.length, 20)
    t.equal(await again.get('late'), undefined)
  })

  t.test('one flipped bit in any byte of a stored row is found on every read', async (t) => {
    const site = await makeSite(t)
    const first = await site.open()
    await first.commit({ ...put('row', 'value'), add: [{ key: 'counters', deltas: [1] }] })
    await first.close()
    for (const key of ['row', 'counters']) {
      const bytes = await site.storedBytes(key)
      for (let byte = 0; byte < bytes; byte++) {
        await site.damage(key, byte)
        const catalog = await site.open()
        const corrupt = (error: unknown) =>
          isCode(error, 'StoreCorrupt') && error.details.key === key
        const reads = [
          () => catalog.get(key),
          () => catalog.getMany([key]),
          () => catalog.getCounters(key),
          () => catalog.scan({ from: 'a', to: 'z', limit: 10 }),
          () => catalog.commit({ id: randomId(), expect: [{ key, revision: null }] }),
        ]
        for (const read of reads) {
          const error = await thrownBy(read())
          if (!corrupt(error)) t.fail(`byte ${byte} of ${key} passed ${read}`, { error })
        }
        await catalog.close()
        await site.damage(key, byte)
      }
    }
    const catalog = await site.open()
    t.teardown(() => catalog.close())
    t.same((await catalog.get('row'))?.value, buf('value'), 'it was the damage')
    t.same((await catalog.getCounters('counters'))?.values, [1])
  })
}
