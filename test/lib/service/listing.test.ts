// Listings of a container's objects: bounds, directions, common prefixes, children and expiry, against a
// model that looks at all names, as Swift's container server does (swift/container/backend.py).
import t, { type Test } from 'tap'
import { compareKeys, rowKeys } from '../../../lib/catalog/keys.ts'
import { containerRow, objectRow } from '../../../lib/catalog/rows.ts'
import { nowMicros, randomId, versionIdAt } from '../../../lib/names.ts'
import type { ListInput } from '../../../lib/service/types.ts'
import { askerOf, nobody } from '../../helpers/asker.ts'
import { type Random, randomFrom, seedOfRun } from '../../helpers/random.ts'
import { admin, startService, type TestService } from '../../helpers/service.ts'

const PAST = 1
const FUTURE = 9_999_999_999
const ref = { account: 'test', container: 'c' }

/** A service with a container of objects, written as rows. */
async function withObjects(
  t: Test,
  names: Iterable<string>,
  deleteAtSeconds: (name: string) => number | undefined = () => undefined,
): Promise<TestService> {
  const test = await startService(t)
  const { catalog } = test.stores
  const row = { id: randomId(), createdMicros: 1, modifiedMicros: 1 }
  const container = { ...row, acl: { read: '', write: '' }, versioning: null, settings: {} }
  const key = rowKeys.container('test', 'c')
  const put = [{ key, value: containerRow.encode(key, container, test.stores.macs) }]
  for (const name of names) {
    const due = deleteAtSeconds(name)
    const summary = {
      timeMicros: 1_600_000_000_000_000,
      size: name.length,
      etag: 'e'.repeat(32),
      type: 'text/plain',
      checksum: null,
      ...(due === undefined ? {} : { deleteAtSeconds: due }),
    }
    const current = versionIdAt(nowMicros())
    const value = objectRow.encode({ current, nullVersion: current, summary })
    put.push({ key: rowKeys.object('test', 'c', name), value })
  }
  for (let at = 0; at < put.length; at += 100) {
    await catalog.commit({ id: randomId(), put: put.slice(at, at + 100) })
  }
  return test
}

async function list({ service }: TestService, input: Partial<ListInput>) {
  const { entries, truncated, next } = await service.list(admin, ref, { limit: 10_000, ...input })
  const names = entries.map((entry) => (typeof entry === 'string' ? `${entry}…` : entry.object))
  return { names, truncated, next }
}

/** Pages of `limit`, each from where the one before ended; every page but the last is full. */
async function pages(t: Test, test: TestService, input: Partial<ListInput>, limit: number) {
  const names: string[] = []
  let after = input.after
  for (;;) {
    const page = await list(test, { ...input, ...(after === undefined ? {} : { after }), limit })
    names.push(...page.names)
    if (!page.truncated) return names
    if (page.names.length !== limit) t.fail('a page before the last is not full')
    after = page.next!
  }
}

function model(names: Iterable<string>, input: Partial<ListInput>): string[] {
  const { prefix = '', delimiter = '', after = '', until = '', reverse = false } = input
  const [lower, upper] = reverse ? [until, after] : [after, until]
  const sorted = [...names].sort(compareKeys)
  const shown: string[] = []
  for (const name of reverse ? sorted.reverse() : sorted) {
    if (!name.startsWith(prefix)) continue
    if (lower !== '' && compareKeys(name, lower) <= 0) continue
    if (upper !== '' && compareKeys(name, upper) >= 0) continue
    const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
    const group = at === -1 ? name : name.slice(0, at + delimiter.length)
    if (input.childrenOnly) {
      if (name === group && name !== prefix) shown.push(name)
    } else if (at === -1) {
      shown.push(name)
    } else if (group !== lower && shown.at(-1) !== `${group}…`) {
      shown.push(`${group}…`)
    }
  }
  return shown
}

const tree = [
  'a',
  'a/',
  'a/1',
  'a/2',
  'a/2/x',
  'a0',
  'b/1',
  'b/2',
  'c',
  'd//e',
  'é',
  '\u{10ffff}/1',
]

t.test('a listing shows what is kept with the object', async (t) => {
  const test = await withObjects(t, ['a'])
  const { entries } = await test.service.list(admin, ref, { limit: 1 })
  t.same(entries, [
    {
      object: 'a',
      timeMicros: 1_600_000_000_000_000,
      size: 1,
      etag: 'e'.repeat(32),
      type: 'text/plain',
      checksum: null,
    },
  ])
})

t.test(
  'a listing begins behind its marker and ends before its end, in its direction',
  async (t) => {
    const test = await withObjects(t, ['a', 'b', 'c', 'd'])
    const names = async (input: Partial<ListInput>) => (await list(test, input)).names
    t.same(await names({ after: 'a', until: 'd' }), ['b', 'c'])
    t.same(await names({ after: 'd', until: 'a', reverse: true }), ['c', 'b'])
    t.same(await names({ after: 'aa' }), ['b', 'c', 'd'])
    t.same(await names({ after: '', until: '' }), ['a', 'b', 'c', 'd'], 'nothing is no bound')
    t.same(await names({ after: 'c', until: 'b' }), [], 'an end before the beginning')
    t.same(await names({ after: 'd' }), [])
    t.same(await names({ after: 'a', reverse: true }), [])
  },
)

t.test('a common prefix as the marker skips all of it, and only it', async (t) => {
  const test = await withObjects(t, tree)
  const names = async (input: Partial<ListInput>) =>
    (await list(test, { delimiter: '/', ...input })).names
  t.same(await names({ until: 'b/1' }), ['a', 'a/…', 'a0'])
  t.same(await names({ after: 'a/', until: 'c' }), ['a0', 'b/…'])
  t.same(await names({ after: 'a/1', until: 'b' }), ['a/…', 'a0'], 'within it, it shows again')
  t.same(await names({ after: 'a/2/', until: 'b' }), ['a/…', 'a0'], 'a deeper one is within it')
  t.same(await names({ prefix: 'a/', after: 'a/2/' }), [])
  t.same(await names({ prefix: 'a/' }), ['a/', 'a/1', 'a/2', 'a/2/…'])
  t.same(await names({ reverse: true, after: 'b/' }), ['a0', 'a/…', 'a'])
  t.same(await names({ reverse: true, after: 'b', until: 'a/' }), ['a0'], 'it was the end')
})

t.test(
  'the root has children, and so has a directory, with or without an object of its own',
  async (t) => {
    const test = await withObjects(t, ['p', 'p/', 'p/a', 'p/d/', 'p/d/x', 'p/e/x', 'p/z', 'q/r/s'])
    const names = async (input: Partial<ListInput>) =>
      (await list(test, { delimiter: '/', childrenOnly: true, ...input })).names
    t.same(await names({}), ['p', 'p/'])
    t.same(await names({ prefix: 'p/' }), ['p/a', 'p/d/', 'p/z'])
    t.same(await names({ prefix: 'p/', reverse: true }), ['p/z', 'p/d/', 'p/a'])
    t.same(await names({ prefix: 'p/', after: 'p/d/' }), ['p/z'])
    t.same(await names({ prefix: 'p/', after: 'p/d' }), ['p/d/', 'p/z'])
    t.same(await names({ prefix: 'p/', after: 'p/d/', reverse: true }), ['p/a'])
    t.same(await names({ prefix: 'p/', until: 'p/d/' }), ['p/a'])
    t.same(await names({ prefix: 'p/d/' }), ['p/d/x'])
    t.same(await names({ prefix: 'q/' }), [])
  },
)

t.test('pages of children are full although much lies between them', async (t) => {
  const names = Array.from({ length: 60 }, (_, n) => n).flatMap((n) =>
    n % 20 === 0 ? [`p/${String(n).padStart(2, '0')}`] : [`p/${n}/x`, `p/${n}/y/z`],
  )
  const test = await withObjects(t, names)
  const input = { prefix: 'p/', delimiter: '/', childrenOnly: true }
  const children = ['p/00', 'p/20', 'p/40']
  for (const limit of [1, 2, 3, 4]) t.same(await pages(t, test, input, limit), children)
  t.equal((await list(test, { ...input, limit: 3 })).truncated, false, 'what follows is not shown')
  t.equal((await list(test, { ...input, limit: 2 })).truncated, true)
})

t.test('objects that are due are not listed, and what follows fills the page', async (t) => {
  const names = Array.from({ length: 2500 }, (_, n) => `n${String(n).padStart(4, '0')}`)
  const stays = (name: string) => name.endsWith('7') || name === 'n0000'
  const test = await withObjects(t, names, (name) => (stays(name) ? FUTURE : PAST))
  const left = names.filter(stays)
  for (const limit of [1, 30, left.length - 1, left.length, left.length + 1]) {
    const page = await list(test, { limit })
    t.same(page.names, left.slice(0, limit))
    t.equal(page.truncated, limit < left.length, `limit ${limit}`)
  }
  t.same(await pages(t, test, { reverse: true }, 100), left.toReversed())
})

t.test('an object is listed until its second has come', async (t) => {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const test = await withObjects(t, ['due', 'later'], (name) =>
    name === 'due' ? nowSeconds : nowSeconds + 3600,
  )
  t.same((await list(test, {})).names, ['later'])
})

t.test('a limit is kept to the entry, up to 10,000', async (t) => {
  const names = Array.from({ length: 10_001 }, (_, n) => `n${String(n).padStart(5, '0')}`)
  const test = await withObjects(t, names)
  t.same(await list(test, { limit: 0 }), { names: [], truncated: false, next: undefined })
  for (const limit of [1, 999, 1000, 1001, 2000, 10_000]) {
    const page = await list(test, { limit })
    t.equal(page.names.length, limit)
    t.equal(page.truncated, true, `limit ${limit}`)
    t.equal(page.next, names[limit - 1])
    const rest = await list(test, { limit, after: names[10_000 - limit]! })
    t.equal(rest.names.length, limit)
    t.equal(rest.truncated, false, 'an exactly full page can be the last')
    t.equal(rest.next, undefined)
  }
  const back = await list(test, { limit: 10_000, reverse: true })
  t.same(back.names, names.slice(1).reverse())
  t.equal(back.next, 'n00001')
})

t.test(
  'objects that a plain GET does not show, and those of other containers, are not listed',
  async (t) => {
    const test = await withObjects(t, ['a'])
    const value = objectRow.encode({ current: null, nullVersion: null, summary: null })
    const keys = [
      rowKeys.hidden('test', 'c', 'b'),
      rowKeys.object('test', 'c-', 'x'),
      rowKeys.object('t', 'c', 'x'),
    ]
    await test.stores.catalog.commit({ id: randomId(), put: keys.map((key) => ({ key, value })) })
    t.same((await list(test, {})).names, ['a'])
  },
)

t.test('who may not read a container does not learn whether it exists', async (t) => {
  const test = await withObjects(t, ['a'])
  const other = askerOf({ account: 'other', user: 'other', roles: ['admin'] })
  const missing = { account: 'test', container: 'none' }
  for (const input of [{ limit: 0 }, { limit: 1 }]) {
    await t.rejects(test.service.list(other, ref, input), { code: 'AccessDenied' })
    await t.rejects(test.service.list(other, missing, input), { code: 'AccessDenied' })
    await t.rejects(test.service.list(nobody, ref, input), { code: 'AccessDenied' })
    await t.rejects(test.service.list(admin, missing, input), { code: 'ContainerMissing' })
  }
})

const alphabet = ['a', 'b', '/', '//', '0', '\u0000', 'é', '\uffff', '😀', '\u{10ffff}']

function randomName(random: Random, partsMax: number): string {
  return Array.from({ length: random.integer(partsMax + 1) }, () => random.pick(alphabet)).join('')
}

t.test(
  'random names, bounds, delimiters and directions give what a look at all names gives',
  async (t) => {
    const seed = seedOfRun()
    const random = randomFrom(seed)
    const names = new Set(
      Array.from({ length: 400 }, () => `a${randomName(random, 5)}`.slice(random.integer(2))),
    )
    names.delete('')
    const due = new Set([...names].filter((name) => !name.includes('/') && random.integer(3) === 0))
    const test = await withObjects(t, names, (name) => (due.has(name) ? PAST : undefined))
    const live = [...names].filter((name) => !due.has(name))
    for (let round = 0; round < 250; round++) {
      const known = () => random.pick([...names]) + random.pick(['', '/', 'a'])
      const input: Partial<ListInput> = {
        reverse: random.integer(2) === 0,
        ...(random.integer(2) === 0 ? { prefix: randomName(random, 2) } : {}),
        ...(random.integer(3) === 0
          ? {}
          : { delimiter: random.pick(['/', '//', '/a', '/\u{10ffff}']) }),
        ...(random.integer(3) === 0 ? { after: known() } : {}),
        ...(random.integer(3) === 0 ? { until: known() } : {}),
        ...(random.integer(4) === 0 ? { childrenOnly: true } : {}),
      }
      const limit = random.pick([1, 2, 3, 50, 400])
      const note = `seed ${seed} round ${round}: ${JSON.stringify(input)} limit ${limit}`
      if (!t.same(await pages(t, test, input, limit), model(live, input), note)) return
    }
  },
)
