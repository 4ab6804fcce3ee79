// Listings of an account's containers: bounds, directions and common prefixes, against a model that looks
// at all names.
import t, { type Test } from 'tap'
import { compareKeys } from '../../../lib/catalog/keys.ts'
import { containerRow } from '../../../lib/catalog/rows.ts'
import { randomId } from '../../../lib/names.ts'
import type { ContainerListInput } from '../../../lib/service/types.ts'
import { askerOf } from '../../helpers/asker.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'
import { admin, startService, type TestService } from '../../helpers/service.ts'

/** Puts containers into the catalog as the service would, many in a commit. */
async function fill({ stores }: TestService, names: readonly string[]): Promise<void> {
  const row = {
    id: randomId(),
    createdMicros: 1,
    modifiedMicros: 1,
    acl: { read: '', write: '' },
    versioning: null,
    settings: {},
  }
  const commits: Promise<void>[] = []
  for (let at = 0; at < names.length; at += 50) {
    const some = names.slice(at, at + 50)
    const put = some.map((name) => {
      const key = `container/test/${name}`
      return { key, value: containerRow.encode(key, row, stores.macs) }
    })
    const add = some.map((name, i) => ({
      key: `container-usage/test/${name}`,
      deltas: [at + i, 2 * (at + i), at + i],
    }))
    commits.push(stores.catalog.commit({ id: randomId(), put, add }))
  }
  await Promise.all(commits)
}

async function listed(test: TestService, input: ContainerListInput) {
  const { entries, truncated } = await test.service.listContainers(admin, 'test', input)
  const names = entries.map((entry) => (typeof entry === 'string' ? `${entry}…` : entry.container))
  return { names, truncated }
}

/** What Swift's account server would list, from all names. */
function model(names: readonly string[], input: ContainerListInput) {
  const { prefix = '', delimiter = '', after = '', until = '', reverse = false, limit } = input
  const [lower, upper] = reverse ? [until, after] : [after, until]
  const sorted = [...names].sort(compareKeys)
  const shown: string[] = []
  for (const name of reverse ? sorted.reverse() : sorted) {
    if (!name.startsWith(prefix)) continue
    if (lower !== '' && compareKeys(name, lower) <= 0) continue
    if (upper !== '' && compareKeys(name, upper) >= 0) continue
    const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
    const group = at === -1 ? undefined : name.slice(0, at + delimiter.length)
    if (group !== undefined && group === lower) continue
    const entry = group === undefined ? name : `${group}…`
    if (shown.at(-1) !== entry) shown.push(entry)
  }
  const truncated = limit > 0 && shown.length > limit
  return { names: shown.slice(0, limit), truncated }
}

t.test('names come in the order of their bytes, with counters', async (t) => {
  const test = await startService(t)
  const names = ['b', 'a', 'é', '𝄞', '\uffee', 'A', 'a-b']
  for (const container of names) {
    await test.service.putContainer(admin, { account: 'test', container }, {})
  }
  await test.service.putContainer(
    askerOf({ account: 'tes', user: 'tester', roles: ['admin'] }),
    { account: 'tes', container: 'not' },
    {},
  )
  await test.write('a/one', 'abc')
  const inOrder = ['A', 'a', 'a-b', 'b', 'é', '\uffee', '𝄞']
  t.strictSame(await listed(test, { limit: 7 }), { names: inOrder, truncated: false })
  const { entries } = await test.service.listContainers(admin, 'test', { limit: 10 })
  for (const entry of entries) {
    if (typeof entry === 'string') {
      t.fail('nothing is folded')
      continue
    }
    const { metadata: _, ...listed } = await test.service.headContainer(admin, entry)
    t.strictSame(entry, listed)
  }
  t.match(entries[1], { container: 'a', objects: 1, bytes: 3, versions: 1 })
})

t.test('a page ends at its limit and says whether more follows', async (t) => {
  const test = await startService(t)
  await fill(test, ['a', 'b', 'c-1', 'c-2', 'd'])
  const delimiter = '-'
  t.strictSame(await listed(test, { limit: 0 }), { names: [], truncated: false })
  t.strictSame(await listed(test, { limit: 1 }), { names: ['a'], truncated: true })
  t.strictSame(await listed(test, { delimiter, limit: 3 }), {
    names: ['a', 'b', 'c-…'],
    truncated: true,
  })
  t.strictSame(await listed(test, { delimiter, limit: 4, reverse: true }), {
    names: ['d', 'c-…', 'b', 'a'],
    truncated: false,
  })
  t.strictSame(await listed(test, { delimiter, after: 'c-', limit: 4 }), {
    names: ['d'],
    truncated: false,
  })
  t.strictSame(await listed(test, { after: 'c-', limit: 1 }), { names: ['c-1'], truncated: true })
  t.strictSame(await listed(test, { prefix: 'x', limit: 4 }), { names: [], truncated: false })
  t.strictSame(await listed(test, { after: 'b', until: 'b', limit: 4 }), {
    names: [],
    truncated: false,
  })
})

t.test(
  'a page may be longer than those of the catalog, with each container’s own counters',
  async (t) => {
    const test = await startService(t)
    const names = Array.from({ length: 2100 }, (_, i) => `c${String(i).padStart(5, '0')}`)
    await fill(test, names)
    for (const limit of [999, 1000, 1001, 2000, 2099, 2100, 2101, 10_000]) {
      for (const reverse of [false, true]) {
        const got = await listed(test, { limit, reverse })
        t.strictSame(got, model(names, { limit, reverse }), `${limit} ${reverse}`)
      }
    }
    const { entries } = await test.service.listContainers(admin, 'test', { limit: 10_000 })
    const counters = entries.map(
      (entry) => typeof entry !== 'string' && [entry.objects, entry.bytes],
    )
    t.strictSame(
      counters,
      names.map((_, i) => [i, 2 * i]),
    )
  },
)

t.test('every page is the model’s', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const test = await startService(t)
  const letters = ['a', 'b', '-', '--', 'é', '𝄞', '\u{10ffff}', '.']
  const word = (longest: number) =>
    Array.from({ length: random.integer(longest + 1) }, () => random.pick(letters)).join('')
  const names = [...new Set(Array.from({ length: 120 }, () => `${random.pick(letters)}${word(5)}`))]
  await fill(test, names)
  const bound = () => random.pick([undefined, '', word(3), random.pick(names), `${word(2)}-`])
  for (let round = 0; round < 400; round++) {
    const input = {
      prefix: random.pick([undefined, '', word(2)]),
      delimiter: random.pick([undefined, '', '-', '--', 'a', '-a']),
      after: bound(),
      until: bound(),
      reverse: random.integer(2) === 1,
      limit: random.pick([0, 1, 2, 5, 1000]),
    }
    const told = `seed ${seed}: ${JSON.stringify(input)}`
    if (!t.strictSame(await listed(test, input), model(names, input), told)) return
  }
})

t.test('pages put together are the whole listing', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const test = await startService(t)
  const names = [
    ...new Set(Array.from({ length: 80 }, () => `${random.integer(9)}-${random.integer(40)}`)),
  ]
  await fill(test, names)
  for (const reverse of [false, true]) {
    for (const delimiter of ['', '-']) {
      for (const limit of [1, 3, 7]) {
        await walk(t, test, names, { reverse, delimiter, limit })
      }
    }
  }
})

async function walk(
  t: Test,
  test: TestService,
  names: readonly string[],
  input: ContainerListInput,
): Promise<void> {
  const all: string[] = []
  let after = ''
  for (;;) {
    const page = await listed(test, { ...input, after })
    all.push(...page.names)
    if (!page.truncated) break
    after = page.names.at(-1)!.replace('…', '')
  }
  t.strictSame(all, model(names, { ...input, limit: 10_000 }).names, JSON.stringify(input))
}
