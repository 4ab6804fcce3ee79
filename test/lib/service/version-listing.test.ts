// Listings of a container's versions: order, markers of names and versions, what is latest, common prefixes
// of names alone, against a model that looks at all versions.
import t, { type Test } from 'tap'
import { compareKeys, rowKeys } from '../../../lib/catalog/keys.ts'
import { containerRow, objectRow, type VersionRow, versionRow } from '../../../lib/catalog/rows.ts'
import { randomId, versionIdAt } from '../../../lib/names.ts'
import type { VersionListInput } from '../../../lib/service/types.ts'
import { askerOf, nobody } from '../../helpers/asker.ts'
import { type Random, randomFrom, seedOfRun } from '../../helpers/random.ts'
import { admin, startService, type TestService } from '../../helpers/service.ts'

const ref = { account: 'test', container: 'c' }
const BASE_MICROS = 1_600_000_000_000_000

/** The history of one object: versions from the oldest to the newest, by their ids. */
interface History {
  readonly name: string
  readonly ids: readonly string[]
  /** Positions in `ids`; none where the object has no such version. */
  readonly markers?: readonly number[]
  readonly current?: number
  readonly nullVersion?: number
}

let micros = BASE_MICROS
const draw = (count: number) => Array.from({ length: count }, () => versionIdAt(micros++))

/** A service with a container of versions, written as rows. */
async function withVersions(t: Test, histories: readonly History[]): Promise<TestService> {
  const test = await startService(t)
  const row = { id: randomId(), createdMicros: 1, modifiedMicros: 1 }
  const container = {
    ...row,
    acl: { read: '', write: '' },
    versioning: 'enabled' as const,
    settings: {},
  }
  const { macs } = test.stores
  const key = rowKeys.container('test', 'c')
  const put = [{ key, value: containerRow.encode(key, container, macs) }]
  for (const { name, ids, markers = [], current, nullVersion } of histories) {
    for (const [n, id] of ids.entries()) {
      const key = rowKeys.version('test', 'c', name, id)
      put.push({ key, value: versionRow.encode(key, versionOf(n, markers.includes(n)), macs) })
    }
    const isShown = current !== undefined && !markers.includes(current)
    const value = objectRow.encode({
      current: current === undefined ? null : ids[current]!,
      nullVersion: nullVersion === undefined ? null : ids[nullVersion]!,
      summary: isShown ? summary : null,
    })
    put.push({ key: (isShown ? rowKeys.object : rowKeys.hidden)('test', 'c', name), value })
  }
  for (let at = 0; at < put.length; at += 100) {
    await test.stores.catalog.commit({ id: randomId(), put: put.slice(at, at + 100) })
  }
  return test
}

const summary = { timeMicros: BASE_MICROS, size: 0, etag: '', type: '', checksum: null }

function versionOf(n: number, isMarker: boolean): VersionRow {
  return {
    timeMicros: BASE_MICROS + n,
    size: isMarker ? 0 : n + 1,
    etag: isMarker ? '' : 'e'.repeat(32),
    body: isMarker ? null : randomId(),
    parts: 0,
    envelope: null,
    headers: isMarker ? {} : { type: 'text/plain' },
    metadata: {},
    checksum: isMarker
      ? null
      : { algorithm: 'crc32', type: 'FULL_OBJECT', value: Buffer.alloc(32) },
    rights: { writer: 'test:tester' },
    // A version stays in its history, whenever it is due.
    deleteAtSeconds: isMarker ? null : 1,
  }
}

async function list({ service }: TestService, input: Partial<VersionListInput>) {
  const listing = await service.listVersions(admin, ref, { limit: 10_000, ...input })
  const { entries, truncated, next } = listing
  const names = entries.map((entry) =>
    typeof entry === 'string' ? `${entry}…` : `${entry.object} ${entry.versionId}`,
  )
  return { names, truncated, next }
}

/** Pages of `limit`, each from where the one before ended; every page but the last is full. */
async function pages(t: Test, test: TestService, input: Partial<VersionListInput>, limit: number) {
  const names: string[] = []
  let after: Partial<VersionListInput> = {}
  for (;;) {
    const page = await list(test, { ...input, ...after, limit })
    names.push(...page.names)
    if (!page.truncated) return names
    if (page.names.length !== limit) t.fail('a page before the last is not full')
    const { object, versionId } = page.next!
    after = { afterObject: object, ...(versionId === undefined ? {} : { afterVersion: versionId }) }
  }
}

/** All versions by name, newest first, as a client is shown them. */
function model(histories: readonly History[], input: Partial<VersionListInput>): string[] {
  const { prefix = '', delimiter = '', reverse = false } = input
  const all = histories
    .toSorted((a, b) => compareKeys(a.name, b.name))
    .filter(({ name }) => name.startsWith(prefix))
    .flatMap(({ name, ids, nullVersion }) =>
      ids.map((id, n) => ({ name, id: n === nullVersion ? 'null' : id })).reverse(),
    )
  const shown: string[] = []
  for (const { name, id } of reverse ? all.reverse() : all) {
    const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
    const entry = at === -1 ? `${name} ${id}` : `${name.slice(0, at + delimiter.length)}…`
    if (at === -1 || shown.at(-1) !== entry) shown.push(entry)
  }
  return shown
}

t.test('each version tells what it is, and which is the latest', async (t) => {
  const [oldest, marker, newest, gone] = draw(4) as [string, string, string, string]
  const test = await withVersions(t, [
    { name: 'a', ids: [oldest, marker, newest], markers: [1], current: 0, nullVersion: 0 },
    { name: 'b', ids: [gone], markers: [0], current: 0 },
    { name: 'c', ids: draw(1) },
  ])
  const { entries } = await test.service.listVersions(admin, ref, { limit: 10 })
  const crc32 = { algorithm: 'crc32', type: 'FULL_OBJECT' }
  const written = { isMarker: false, etag: 'e'.repeat(32), type: 'text/plain', checksum: crc32 }
  const none = { isMarker: true, size: 0, etag: '', type: '', checksum: null }
  const at = (n: number) => ({ timeMicros: BASE_MICROS + n })
  t.same(entries.slice(0, 4), [
    { object: 'a', versionId: newest, isLatest: false, ...written, size: 3, ...at(2) },
    { object: 'a', versionId: marker, isLatest: false, ...none, ...at(1) },
    { object: 'a', versionId: 'null', isLatest: true, ...written, size: 1, ...at(0) },
    { object: 'b', versionId: gone, isLatest: true, ...none, ...at(0) },
  ])
  t.match(entries[4], { object: 'c', isLatest: false }, 'an object may have no current version')
  t.equal(entries.length, 5)
})

t.test('a listing goes on behind a version, or behind all versions of a name', async (t) => {
  const histories = ['a', 'b', 'c'].map((name) => ({ name, ids: draw(3), nullVersion: 1 }))
  const test = await withVersions(t, histories)
  const all = model(histories, {})
  const back = all.toReversed()
  const [oldest, , newest] = histories[1]!.ids
  const names = async (input: Partial<VersionListInput>) => (await list(test, input)).names
  const b = { afterObject: 'b' }
  const reverse = true
  t.same(await names({ ...b, afterVersion: newest! }), all.slice(4))
  t.same(await names({ ...b, afterVersion: 'null' }), all.slice(5))
  t.same(await names({ ...b, afterVersion: oldest! }), all.slice(6))
  t.same(await names(b), all.slice(6))
  t.same(await names({ afterObject: 'aa' }), all.slice(3), 'a name that is not there')
  t.same(await names({ ...b, afterVersion: oldest!, reverse }), back.slice(4))
  t.same(await names({ ...b, afterVersion: 'null', reverse }), back.slice(5))
  t.same(await names({ ...b, afterVersion: newest!, reverse }), back.slice(6))
  t.same(await names({ ...b, reverse }), back.slice(6))
  t.same(await names({ ...b, prefix: 'c' }), all.slice(6), 'a marker before the prefix')
  t.same(await names({ ...b, prefix: 'a' }), [], 'and behind it')
  t.same(await names({ ...b, prefix: 'a', reverse }), back.slice(6))
})

t.test('a version that is gone is still a place to go on from', async (t) => {
  const histories = ['a', 'b'].map((name) => ({ name, ids: draw(3) }))
  const test = await withVersions(t, histories)
  const all = model(histories, {})
  const { catalog } = test.stores
  const middle = histories[0]!.ids[1]!
  await catalog.commit({ id: randomId(), del: [rowKeys.version('test', 'c', 'a', middle)] })
  const after = { afterObject: 'a', afterVersion: middle }
  t.same((await list(test, after)).names, all.slice(2))
  t.same((await list(test, { ...after, reverse: true })).names, all.slice(0, 1))
  // Nobody knows where the null version was: better twice than never.
  const none = { afterObject: 'b', afterVersion: 'null' }
  t.same((await list(test, none)).names, all.slice(3))
  t.same((await list(test, { ...none, reverse: true })).names, [
    ...all.slice(3).reverse(),
    all[2]!,
    all[0]!,
  ])
})

t.test('what has not the form of a version id is refused', async (t) => {
  const test = await withVersions(t, [{ name: 'a', ids: draw(1) }])
  for (const afterVersion of ['', 'x', 'NULL', 'f'.repeat(31), 'F'.repeat(32), 'g'.repeat(32)]) {
    const input = { afterObject: 'a', afterVersion }
    await t.rejects(list(test, input), { code: 'VersionInvalid' }, afterVersion)
  }
})

t.test('a delimiter is looked for in names, never in the ids behind them', async (t) => {
  const names = ['0', '0/0', 'a', 'b', 'b/a', 'f\u0000f', '\u0000/x', '\u0001', '\u0002']
  const histories = names.map((name) => ({ name, ids: draw(3) }))
  const test = await withVersions(t, histories)
  const delimiters = ['/', '0', 'f', 'ff', 'a', '/a', '\u0000', '\u0001', '\u0002', '\u0000/']
  for (const delimiter of delimiters) {
    for (const reverse of [false, true]) {
      for (const limit of [1, 2, 100]) {
        const input = { delimiter, reverse }
        const note = `${JSON.stringify(input)} limit ${limit}`
        t.same(await pages(t, test, input, limit), model(histories, input), note)
      }
    }
  }
})

t.test('a common prefix as the marker skips all of it, and a longer one does not', async (t) => {
  const histories = ['a', 'a/1', 'a/2/x', 'b'].map((name) => ({ name, ids: draw(2) }))
  const test = await withVersions(t, histories)
  const names = async (afterObject: string, reverse = false) =>
    (await list(test, { delimiter: '/', afterObject, reverse })).names
  const all = model(histories, { delimiter: '/' })
  t.same(await names('a/'), all.slice(3))
  t.same(await names('a/1'), all.slice(2))
  t.same(await names('a/2/'), all.slice(2), 'more of the group follows')
  t.same(await names('a/2/x'), all.slice(3), 'nothing of the group is left')
  t.same(await names('a/', true), [all[1], all[0]])
  t.same(await names('b', true), [all[2], all[1], all[0]])
})

t.test('long histories and long groups are paged to the entry', async (t) => {
  const histories = [
    { name: 'a', ids: draw(1203) },
    ...Array.from({ length: 300 }, (_, n) => ({ name: `b/${n}`, ids: draw(3) })),
    ...Array.from({ length: 150 }, (_, n) => ({ name: `c0${n}`, ids: draw(2) })),
    { name: 'd', ids: draw(1) },
  ]
  const test = await withVersions(t, histories)
  for (const input of [{}, { delimiter: '/' }, { delimiter: '0' }]) {
    for (const reverse of [false, true]) {
      const all = model(histories, { ...input, reverse })
      for (const limit of [0, 1, 999, 1000, 1001, all.length - 1, all.length, 10_000]) {
        const page = await list(test, { ...input, reverse, limit })
        const note = `${JSON.stringify(input)} reverse ${reverse} limit ${limit}`
        t.same(page.names, all.slice(0, limit), note)
        t.equal(page.truncated, limit > 0 && limit < all.length, note)
        t.equal(page.next === undefined, !page.truncated, note)
      }
    }
  }
})

t.test('who may not read a container does not learn whether it exists', async (t) => {
  const test = await withVersions(t, [])
  const { service } = test
  const other = askerOf({ account: 'other', user: 'other', roles: ['admin'] })
  const missing = { account: 'test', container: 'none' }
  for (const input of [{ limit: 0 }, { limit: 1 }]) {
    await t.rejects(service.listVersions(other, ref, input), { code: 'AccessDenied' })
    await t.rejects(service.listVersions(other, missing, input), { code: 'AccessDenied' })
    await t.rejects(service.listVersions(nobody, ref, input), { code: 'AccessDenied' })
    await t.rejects(service.listVersions(admin, missing, input), { code: 'ContainerMissing' })
    t.same(await service.listVersions(admin, ref, input), { entries: [], truncated: false })
  }
})

t.test('what the verbs write is listed as it stands', async (t) => {
  const test = await startService(t)
  const { service } = test
  const object = { ...ref, object: 'a' }
  await service.putContainer(admin, ref, {})
  await test.write('c/a', 'one')
  t.same((await list(test, {})).names, ['a null'], 'without versioning')
  await service.putContainer(admin, ref, { versioning: 'enabled' })
  const two = await test.write('c/a', 'two')
  const marker = await service.delete(admin, object, { promote: true })
  const latest = async () => {
    const { entries } = await service.listVersions(admin, ref, { limit: 10 })
    return entries.map((entry) => typeof entry !== 'string' && entry.isLatest)
  }
  const names = [`a ${marker.versionId}`, `a ${two.versionId}`, 'a null']
  t.same((await list(test, {})).names, names)
  t.same((await list(test, { reverse: true })).names, names.toReversed())
  t.same(await latest(), [true, false, false])
  t.same((await service.list(admin, ref, { limit: 10 })).entries, [], 'a plain listing has none')

  await service.makeCurrent(admin, object, 'null')
  t.same(await latest(), [false, false, true], 'the latest need not be the newest')
  await service.putContainer(admin, ref, { versioning: 'suspended' })
  await test.write('c/a', 'three')
  t.same((await list(test, {})).names, ['a null', ...names.slice(0, 2)], 'a new null version')
  await service.delete(admin, object, { versionId: 'null', promote: false })
  t.same((await list(test, {})).names, names.slice(0, 2))
  t.same(await latest(), [false, false], 'Swift leaves none current')
})

const alphabet = ['a', '0', '/', '\u0000', '\u0001', '\u0002', 'é', '😀', '\u{10ffff}']
const randomName = (random: Random, partsMax: number) =>
  Array.from({ length: random.integer(partsMax + 1) }, () => random.pick(alphabet)).join('')

t.test('random histories, delimiters and directions give what a look at all gives', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const names = new Set(Array.from({ length: 150 }, () => `a${randomName(random, 4)}`))
  const histories = Array.from(names, (name) => {
    const ids = draw(1 + random.integer(4))
    return random.integer(2) === 0 ? { name, ids } : { name, ids, nullVersion: 0, current: 0 }
  })
  const test = await withVersions(t, histories)
  for (let round = 0; round < 80; round++) {
    const input: Partial<VersionListInput> = {
      reverse: random.integer(2) === 0,
      ...(random.integer(2) === 0 ? { prefix: `a${randomName(random, 1)}` } : {}),
      ...(random.integer(4) === 0
        ? {}
        : { delimiter: `${random.pick(alphabet)}${random.pick(['', ...alphabet])}` }),
    }
    const limit = random.pick([2, 7, 50, 400])
    const note = `seed ${seed} round ${round}: ${JSON.stringify(input)} limit ${limit}`
    if (!t.same(await pages(t, test, input, limit), model(histories, input), note)) return
  }
})
