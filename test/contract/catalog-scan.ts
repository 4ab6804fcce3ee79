// The contract of the catalog's pages: byte order, cursors, directions and groups. Each is compared with a
// naive model that sorts all keys with Buffer.compare.
import type { Test } from 'tap'
import type { Catalog, Page, Scan } from '../../lib/catalog/catalog.ts'
import { endOf } from '../../lib/catalog/keys.ts'
import { randomId } from '../../lib/names.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import type { MakeSite } from './catalog.ts'

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const nameOf = (entry: Page['entries'][number]) =>
  'group' in entry ? `group ${entry.group}` : `row ${entry.key}`

/** The result of a scan without a limit. */
function model(
  keys: Iterable<string>,
  { from, to, reverse, group }: Omit<Scan, 'limit'>,
): string[] {
  const names: string[] = []
  for (const key of [...keys].sort(byBytes)) {
    if (byBytes(key, from) < 0 || byBytes(key, to) >= 0) continue
    const at =
      group && key.startsWith(group.prefix) ? key.indexOf(group.delimiter, group.prefix.length) : -1
    const name = at < 0 ? `row ${key}` : `group ${key.slice(0, at + group!.delimiter.length)}`
    if (names.at(-1) !== name) names.push(name)
  }
  return reverse ? names.reverse() : names
}

/** All pages of a scan, end to end. Each must be full but the last, none empty but an only one, and each must
 * hold the first entry of the next. */
async function pages(t: Test, catalog: Catalog, scan: Scan): Promise<string[]> {
  const names: string[] = []
  let range = scan
  let announced: string | undefined
  for (;;) {
    const { entries, cursor, following } = await catalog.scan(range)
    if (announced !== undefined && announced !== nameOf(entries[0]!)) {
      t.fail(`a page begins with ${nameOf(entries[0]!)}, the one before it said ${announced}`)
    }
    announced = following && nameOf(following)
    if ((announced === undefined) !== (cursor === undefined)) t.fail('a cursor tells what follows')
    names.push(...entries.map(nameOf))
    if (cursor === undefined) return names
    if (entries.length !== scan.limit) t.fail('a page before the last is not full')
    range = scan.reverse ? { ...range, to: cursor } : { ...range, from: cursor }
  }
}

async function fill(catalog: Catalog, keys: Iterable<string>): Promise<void> {
  const rows = Array.from(keys, (key) => ({ key, value: Buffer.from(`value of ${key}`) }))
  const commits: Promise<void>[] = []
  for (let at = 0; at < rows.length; at += 100) {
    commits.push(catalog.commit({ id: randomId(), put: rows.slice(at, at + 100) }))
  }
  await Promise.all(commits)
}

const alphabet = [
  'a',
  'b',
  '/',
  '//',
  '-',
  '\u0000',
  '\u007f',
  'é',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '😀',
  '\u{10ffff}',
]

function randomName(random: Random, partsMax: number): string {
  return Array.from({ length: random.integer(partsMax + 1) }, () => random.pick(alphabet)).join('')
}

export function scanContract(t: Test, makeSite: MakeSite): void {
  const withRows = (
    name: string,
    keys: Iterable<string>,
    run: (t: Test, catalog: Catalog) => Promise<void>,
  ) =>
    t.test(name, async (t) => {
      const catalog = await (await makeSite(t)).open()
      t.teardown(() => catalog.close())
      await fill(catalog, keys)
      await run(t, catalog)
    })

  withRows('a page gives rows with value and revision', ['k/a'], async (t, catalog) => {
    const { entries, cursor } = await catalog.scan({ from: 'k/', to: 'k0', limit: 10 })
    t.match(entries, [
      { key: 'k/a', value: Buffer.from('value of k/a'), revision: /^[0-9a-f]{32}$/ },
    ])
    t.equal(cursor, undefined)
  })

  withRows(
    'the range takes its first key and not its end',
    ['k/a', 'k/b', 'k/c'],
    async (t, catalog) => {
      const scan = { from: 'k/a', to: 'k/c', limit: 10 }
      t.same(await pages(t, catalog, scan), ['row k/a', 'row k/b'])
      t.same(await pages(t, catalog, { ...scan, reverse: true }), ['row k/b', 'row k/a'])
      t.same(await pages(t, catalog, { ...scan, to: 'k/a' }), [], 'an empty range')
      t.same(await pages(t, catalog, { ...scan, from: 'k/z' }), [], 'an end before the beginning')
    },
  )

  const thousand = Array.from({ length: 1001 }, (_, n) => `k/${String(n).padStart(4, '0')}`)
  withRows('a limit is kept to the row, up to 1,000', thousand, async (t, catalog) => {
    for (const limit of [1, 2, 31, 32, 33, 127, 128, 129, 999, 1000]) {
      for (const group of [undefined, { prefix: 'k/', delimiter: '~' }]) {
        const page = await catalog.scan({ from: 'k/', to: 'k0', limit, ...(group && { group }) })
        t.same(
          page.entries.map(nameOf),
          thousand.slice(0, limit).map((key) => `row ${key}`),
        )
        t.ok(page.cursor !== undefined && byBytes(page.cursor, thousand[limit - 1]!) > 0)
        const rest = await catalog.scan({ from: page.cursor!, to: 'k0', limit: 1 })
        t.equal(nameOf(rest.entries[0]!), `row ${thousand[limit]}`)
      }
      for (const group of [undefined, { prefix: 'k/', delimiter: '~' }]) {
        const back = await catalog.scan({
          from: 'k/',
          to: 'k0',
          limit,
          reverse: true,
          ...(group && { group }),
        })
        t.equal(back.entries.length, limit)
        t.equal(nameOf(back.entries[limit - 1]!), `row ${thousand[1001 - limit]}`)
        t.equal(back.cursor, thousand[1001 - limit], 'backwards the cursor is the last row')
      }
    }
    const exact = await catalog.scan({ from: 'k/', to: thousand[1000]!, limit: 1000 })
    t.equal(exact.entries.length, 1000)
    t.equal(exact.cursor, undefined, 'no cursor where nothing follows')
  })

  withRows(
    'a range or group that the seam does not allow is refused',
    ['k/a'],
    async (t, catalog) => {
      const good: Scan = { from: 'k/', to: 'k0', limit: 1 }
      const bad: Scan[] = [
        { ...good, limit: 0 },
        { ...good, limit: 1001 },
        { ...good, limit: 1.5 },
        { ...good, from: '\udfff' },
        { ...good, to: '\ud800' },
        { ...good, group: { prefix: 'k/', delimiter: '' } },
        { ...good, group: { prefix: 'k/', delimiter: '\ud800' } },
        { ...good, reverse: true, group: { prefix: 'k/', delimiter: '' } },
      ]
      for (const scan of bad) {
        await t.rejects(catalog.scan(scan), { code: 'Internal' })
      }
    },
  )

  const beyond = [
    '\uffff',
    '\u{10000}',
    '\ud7ff',
    '\ue000',
    '\u{10ffff}',
    'z',
    '\u{10ffff}\u{10ffff}',
  ]
  withRows(
    'order is that of UTF-8 bytes beyond the BMP',
    beyond.map((c) => `k/${c}`),
    async (t, catalog) => {
      const scan = { from: 'k/', to: endOf('k/'), limit: 2 }
      const sorted = [...beyond].sort(byBytes).map((c) => `row k/${c}`)
      t.same(await pages(t, catalog, scan), sorted)
      t.same(await pages(t, catalog, { ...scan, reverse: true }), sorted.reverse())
    },
  )

  const tree = [
    'k/',
    'k//',
    'k/a',
    'k/a/',
    'k/a/1',
    'k/a/2',
    'k/a0',
    'k/b/1',
    'k/c',
    'j/x/y',
    'l/x/y',
  ]
  withRows(
    'a name equal to the prefix is a row, the delimiter counts behind it',
    tree,
    async (t, catalog) => {
      const scan = { from: 'k/', to: 'k0', limit: 1, group: { prefix: 'k/', delimiter: '/' } }
      const all = [
        'row k/',
        'group k//',
        'row k/a',
        'group k/a/',
        'row k/a0',
        'group k/b/',
        'row k/c',
      ]
      for (const limit of [1, 2, 3, 6, 7, 8]) {
        t.same(await pages(t, catalog, { ...scan, limit }), all, `limit ${limit}`)
        t.same(
          await pages(t, catalog, { ...scan, limit, reverse: true }),
          all.toReversed(),
          `limit ${limit}, backwards`,
        )
      }
      t.same(
        await pages(t, catalog, { ...scan, from: 'k/a/2' }),
        all.slice(3),
        'from within a group',
      )
      const back = { ...scan, reverse: true }
      t.same(
        await pages(t, catalog, { ...back, to: 'k/a/2' }),
        all.slice(0, 4).reverse(),
        'backwards from within a group',
      )
      t.same(await pages(t, catalog, { ...back, from: 'k/a/1', to: 'k/b' }), [
        'row k/a0',
        'group k/a/',
      ])
      t.same(await pages(t, catalog, { ...back, from: 'k/a/3', to: 'k/b' }), ['row k/a0'])
      t.same(
        (await catalog.scan({ ...back, limit: 2 })).cursor,
        'k/b/',
        'the cursor behind a group is the group',
      )
      const deeper = {
        from: 'k/a/',
        to: endOf('k/a/'),
        limit: 5,
        group: { prefix: 'k/a/', delimiter: '/' },
      }
      t.same(await pages(t, catalog, deeper), ['row k/a/', 'row k/a/1', 'row k/a/2'])
      const wide = { ...scan, from: 'j', to: 'm', limit: 3 }
      t.same(
        await pages(t, catalog, wide),
        ['row j/x/y', ...all, 'row l/x/y'],
        'other keys are rows',
      )
    },
  )

  const edges = [
    '\u{10ffff}',
    '\u{10ffff}x',
    '\u{10ffff}\u{10ffff}',
    'x\u{10ffff}',
    'x\u{10ffff}y',
    'é',
  ]
  withRows(
    'a group may end with the last character there is',
    edges.map((c) => `k/${c}`),
    async (t, catalog) => {
      for (const delimiter of ['\u{10ffff}', '\u{10ffff}\u{10ffff}', 'x\u{10ffff}', '\u00e9']) {
        for (const limit of [1, 2, 10]) {
          for (const reverse of [false, true]) {
            const group = { prefix: 'k/', delimiter }
            const scan = { from: 'k/', to: 'k0', limit, reverse, group }
            const keys = edges.map((c) => `k/${c}`)
            t.same(await pages(t, catalog, scan), model(keys, scan))
          }
        }
      }
    },
  )

  withRows(
    'a group of nothing but the last character ends the page',
    ['\u{10ffff}', '\u{10ffff}a'],
    async (t, catalog) => {
      const scan = {
        from: '\u{10ffff}',
        to: '\u{10ffff}\u{10ffff}',
        limit: 1,
        group: { prefix: '', delimiter: '\u{10ffff}' },
      }
      t.same(await pages(t, catalog, scan), ['group \u{10ffff}'])
      t.same(await pages(t, catalog, { ...scan, reverse: true }), ['group \u{10ffff}'])
    },
  )

  // Long and short groups in every mixture, so that both reading through and jumping happen.
  const sizes = [
    1,
    500,
    1,
    1,
    33,
    32,
    31,
    2,
    900,
    3,
    3,
    3,
    1,
    100,
    ...Array(40).fill(50),
    ...Array(70).fill(2),
  ]
  const mixed = sizes.flatMap((size, group) =>
    Array.from({ length: size }, (_, n) =>
      size === 1
        ? `k/${String(group).padStart(3, '0')}`
        : // The first key of a long group is the group itself, as with the marker of a directory.
          `k/${String(group).padStart(3, '0')}/${n === 0 && group % 2 === 0 ? '' : n}`,
    ),
  )
  withRows(
    'long groups and short ones give the same page as one big sort',
    mixed,
    async (t, catalog) => {
      for (const limit of [1, 5, 31, 32, 33, 60, 1000]) {
        for (const reverse of [false, true]) {
          const group = { prefix: 'k/', delimiter: '/' }
          const scan = { from: 'k/', to: 'k0', limit, reverse, group }
          t.same(await pages(t, catalog, scan), model(mixed, scan), `limit ${limit} ${reverse}`)
        }
      }
    },
  )

  t.test('random keys, ranges and groups give what one big sort gives', async (t) => {
    const seed = seedOfRun()
    const random = randomFrom(seed)
    for (let round = 0; round < 4; round++) {
      const catalog = await (await makeSite(t)).open()
      const keys = new Set(Array.from({ length: 600 }, () => `k/${randomName(random, 5)}`))
      await fill(catalog, keys)
      for (let n = 0; n < 45; n++) {
        const prefix = `k/${randomName(random, 2)}`
        const whole = random.integer(2) === 0
        const range = {
          from: whole ? 'k/' : `k/${randomName(random, 2)}`,
          to: whole ? 'k0' : random.pick(['k0', endOf(prefix), `k/${randomName(random, 2)}`]),
          limit: 1 + random.integer(random.pick([3, 40, 999])),
        }
        const delimiter =
          random.pick(alphabet) + (random.integer(3) === 0 ? random.pick(alphabet) : '')
        const scan: Scan = random.pick([
          range,
          { ...range, reverse: true },
          { ...range, group: { prefix, delimiter } },
          { ...range, group: { prefix: 'k/', delimiter } },
          { ...range, group: { prefix, delimiter }, reverse: true },
          { ...range, group: { prefix: 'k/', delimiter }, reverse: true },
        ])
        t.same(
          await pages(t, catalog, scan),
          model(keys, scan),
          `seed ${seed}: ${JSON.stringify(scan)}`,
        )
      }
      await catalog.close()
    }
  })

  t.test('a page is of one point in time while rows come and go', async (t) => {
    const catalog = await (await makeSite(t)).open()
    t.teardown(() => catalog.close())
    const sets = ['a', 'b'].map((side) => Array.from({ length: 49 }, (_, n) => `k/${n}/${side}`))
    await fill(catalog, sets[0]!)
    let done = false
    const writing = (async () => {
      for (let n = 0; n < 40; n++) {
        const [gone, come] = n % 2 === 0 ? [sets[0]!, sets[1]!] : [sets[1]!, sets[0]!]
        const put = come.map((key) => ({ key, value: Buffer.from('x') }))
        await catalog.commit({ id: randomId(), put, del: gone })
      }
      done = true
    })()
    let wrong = 0
    while (!done) {
      const [rows, groups] = await Promise.all([
        catalog.scan({ from: 'k/', to: 'k0', limit: 1000 }),
        catalog.scan({
          from: 'k/',
          to: 'k0',
          limit: 1000,
          group: { prefix: 'k/', delimiter: '/' },
        }),
      ])
      const sides = new Set(rows.entries.map((entry) => nameOf(entry).at(-1)))
      if (rows.entries.length !== 49 || sides.size !== 1 || groups.entries.length !== 49) wrong++
    }
    await writing
    t.equal(wrong, 0)
  })
}
