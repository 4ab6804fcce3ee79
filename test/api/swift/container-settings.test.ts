// What a container is set to lies beside its row and bears its id: nothing of it reaches another container of the same
// name, however deletions, creations and changes meet, and nothing of it stays behind.
import t, { type Test } from 'tap'
import { type Catalog, Conflict, type Row } from '../../../lib/catalog/catalog.ts'
import { endOf, rowKeys, settingPrefix } from '../../../lib/catalog/keys.ts'
import { containerRow, settingRow } from '../../../lib/catalog/rows.ts'
import { randomId } from '../../../lib/names.ts'
import { makeService } from '../../../lib/service/service.ts'
import { draftSetting, removeSettings } from '../../../lib/service/settings.ts'
import { Draft, type Stores } from '../../../lib/service/stores.ts'
import type { MetadataChanges } from '../../../lib/service/types.ts'
import { queueLength } from '../../../lib/upkeep/reclaim-status.ts'
import { until } from '../../helpers/blobs.ts'
import { inconsistencies } from '../../helpers/consistency.ts'
import { startNode } from '../../helpers/node.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'
import { admin } from '../../helpers/service.ts'
import { login } from '../../helpers/swift.ts'

const ref = { account: 'test', container: 'box' }
const settingKey = rowKeys.setting('test', 'box', 'metadata')

async function settingRows({ catalog }: Pick<Stores, 'catalog'>): Promise<Row[]> {
  const from = settingPrefix('test', 'box')
  const { entries } = await catalog.scan({ from, to: endOf(from), limit: 1000 })
  return entries.filter((entry): entry is Row => 'key' in entry)
}

const swept = ({ catalog }: Stores) => until(async () => (await queueLength(catalog)) === 0)

/** The catalog, where something else is done between the reads of the first commit and the commit itself. */
function interrupted(catalog: Catalog, act: () => Promise<void>): Catalog {
  let pending: (() => Promise<void>) | undefined = act
  const commit: Catalog['commit'] = async (draft) => {
    const first = pending
    pending = undefined
    await first?.()
    await catalog.commit(draft)
  }
  return new Proxy(catalog, {
    get(target, name) {
      if (name === 'commit') return commit
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A service whose deletions leave their work in the queue, and one that is interrupted once. */
async function start(t: Test) {
  const { coffer } = await startNode(t)
  const stores: Stores = { ...coffer.stores, queued: () => {} }
  const service = makeService(stores)
  const metadata = async () => (await service.headContainer(admin, ref)).metadata
  const interruptedBy = (act: () => Promise<void>) =>
    makeService({ ...stores, catalog: interrupted(stores.catalog, act) })
  return { stores, service, metadata, interruptedBy, wakeSweep: coffer.stores.queued }
}

t.test('a container’s row grows by a digest with metadata, whatever their size', async (t) => {
  const { stores, service } = await start(t)
  await service.putContainer(admin, ref, {})
  const key = rowKeys.container('test', 'box')
  const before = (await stores.catalog.get(key))!
  await service.updateContainer(admin, ref, { metadata: { long: 'x'.repeat(4000) } })
  const after = (await stores.catalog.get(key))!
  t.ok(after.value.length - before.value.length < 50)
  t.not(after.revision, before.revision, 'though it changes with it')
  t.ok((await stores.catalog.get(settingKey))!.value.length > 4000)
  await service.updateContainer(admin, ref, { metadata: { long: null } })
  t.same(await settingRows(stores), [], 'metadata without an item is no row')
})

t.test('a change that meets a deletion and a new container is the new one’s', async (t) => {
  const madeWith: MetadataChanges[] = [{}, { fresh: '1' }]
  const changedBy: MetadataChanges[] = [{ late: '2' }, { old: null }, { old: '3', fresh: null }]
  for (const fresh of madeWith) {
    for (const changes of changedBy) {
      const { service, metadata, interruptedBy, stores, wakeSweep } = await start(t)
      await service.putContainer(admin, ref, { metadata: { old: '0' } })
      const late = interruptedBy(async () => {
        await service.deleteContainer(admin, ref)
        await service.putContainer(admin, ref, { metadata: fresh })
      })
      await late.updateContainer(admin, ref, { metadata: changes })
      const expected = Object.fromEntries(
        Object.entries({ ...fresh, ...changes }).filter(([, value]) => value !== null),
      )
      t.strictSame(await metadata(), expected, JSON.stringify([fresh, changes]))
      wakeSweep()
      t.ok(await swept(stores))
      t.strictSame(await metadata(), expected, 'also once the old one’s rows are gone')
      t.equal((await settingRows(stores)).length, Object.keys(expected).length === 0 ? 0 : 1)
      t.same(await inconsistencies(stores.catalog), [])
    }
  }
})

t.test('a change that meets a deletion leaves nothing', async (t) => {
  const { stores, service, interruptedBy, wakeSweep } = await start(t)
  await service.putContainer(admin, ref, { metadata: { old: '0' } })
  const late = interruptedBy(() => service.deleteContainer(admin, ref))
  const change = { metadata: { late: '1' } }
  await t.rejects(late.updateContainer(admin, ref, change), { code: 'ContainerMissing' })
  const [left, ...more] = await settingRows(stores)
  t.match(settingRow.decode(left!.value), { value: { old: '0' } }, 'the sweep has not been here')
  t.same(more, [])
  wakeSweep()
  t.ok(await swept(stores))
  t.same(await settingRows(stores), [])
})

t.test('what an earlier container was set to does not exist for the next', async (t) => {
  const { stores, service, metadata, interruptedBy } = await start(t)
  await service.putContainer(admin, ref, { metadata: { old: '0' } })
  await service.deleteContainer(admin, ref)
  await service.putContainer(admin, ref, {})
  t.equal((await settingRows(stores)).length, 1, 'the row is still there')
  t.strictSame(await metadata(), {})
  await service.deleteContainer(admin, ref)
  const items = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`n${i}`, '']))
  await service.putContainer(admin, ref, { metadata: items })
  t.strictSame(await metadata(), items, 'and counts for no limit')

  await service.deleteContainer(admin, ref)
  const old = containerIdOf(await settingRows(stores))
  const late = interruptedBy(() => removeSettings(stores, ref, old))
  await late.putContainer(admin, ref, { metadata: { fresh: '1' } })
  t.strictSame(await metadata(), { fresh: '1' }, 'also where the sweep comes in between')
})

t.test('the sweep takes a deleted container’s settings, and no other’s', async (t) => {
  const { stores, service, metadata } = await start(t)
  const forged = { containerId: randomId(), value: { forged: '1' } }
  const others = ['boy', 'box!', 'box-2']
  for (const container of others) {
    await service.putContainer(admin, { ...ref, container }, { metadata: { is: container } })
  }
  await service.putContainer(admin, ref, { metadata: { old: '0' } })
  const old = containerIdOf(await settingRows(stores))
  // More kinds than one commit takes, of two containers; the real one is in the first.
  const put = Array.from({ length: 90 }, (_, i) => ({
    key: rowKeys.setting('test', 'box', `z-kind-${i}`),
    value: settingRow.encode(i % 2 === 0 ? { ...forged, containerId: old } : forged),
  }))
  await stores.catalog.commit({ id: randomId(), put })
  await service.deleteContainer(admin, ref)
  const catalog = interrupted(stores.catalog, () =>
    service.putContainer(admin, ref, { metadata: { fresh: '1' } }).then(() => {}),
  )
  await removeSettings({ ...stores, catalog }, ref, old)
  const left = await settingRows(stores)
  t.equal(left.length, 46)
  t.notOk(left.some(({ value }) => settingRow.decode(value).containerId === old))
  t.strictSame(await metadata(), { fresh: '1' })
  for (const container of others) {
    t.match(await service.headContainer(admin, { ...ref, container }), {
      metadata: { is: container },
    })
  }
})

t.test('of two changes of a setting that were computed from the same one is made', async (t) => {
  const { stores, service, metadata } = await start(t)
  await service.putContainer(admin, ref, { metadata: { old: '0' } })
  const stored = await stores.catalog.get(settingKey)
  const own = await stores.catalog.get(rowKeys.container('test', 'box'))
  const container = containerRow.decodeUnproven(own!.value)
  const drafts = ['one', 'two'].map((value) => {
    const draft = new Draft()
    const settings = draftSetting(draft, ref, { kind: 'metadata', container, stored }, { value })
    const row = containerRow.encode(own!.key, { ...container, settings }, stores.macs)
    return draft.expect(own!.key, own).put(own!.key, row)
  })
  const outcomes = await Promise.allSettled(drafts.map((draft) => draft.commit(stores.catalog)))
  t.same(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const lost = outcomes.find((outcome) => outcome.status === 'rejected')
  t.ok(lost?.reason instanceof Conflict)
  const made = outcomes[0]!.status === 'fulfilled' ? 'one' : 'two'
  t.strictSame(await metadata(), { value: made })
})

t.test('whatever clients do to a container at once, nothing is left of what is gone', async (t) => {
  const random = randomFrom(seedOfRun())
  const node = await startNode(t)
  const { stores } = node.coffer
  const swift = await login(node)
  const seen = new Set<number>()
  const once = async () => {
    const method = random.pick(['PUT', 'POST', 'DELETE'])
    const headers = { [`X-Container-Meta-M${random.integer(5)}`]: random.pick(['', 'a', 'b']) }
    const answer = await swift.request(method, '/box', method === 'DELETE' ? {} : { headers })
    seen.add(answer.status)
    t.ok([201, 202, 204, 404, 409, 503].includes(answer.status), `${method} ${answer.status}`)
  }
  for (let round = 0; round < 30; round++) {
    await Promise.all(Array.from({ length: 8 }, once))
  }
  t.ok(seen.has(201) && seen.has(204), `seed ${random.seed}`)
  t.ok(await swept(stores))
  t.same(await inconsistencies(stores.catalog), [], `seed ${random.seed}`)
  const own = await stores.catalog.get(rowKeys.container('test', 'box'))
  for (const row of await settingRows(stores)) {
    t.equal(settingRow.decode(row.value).containerId, containerRow.decodeUnproven(own!.value).id)
  }
})

function containerIdOf([row]: readonly Row[]): string {
  return settingRow.decode(row!.value).containerId
}
