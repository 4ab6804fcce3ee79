// The workers that give things up later: one row that cannot be worked off is told of, and holds up no other.
import t from 'tap'
import type { Catalog } from '../../../lib/catalog/catalog.ts'
import {
  endOf,
  expiryPrefix,
  queuePrefix,
  rowKeys,
  uploadsPrefix,
} from '../../../lib/catalog/keys.ts'
import { expiryRow, queueRow } from '../../../lib/catalog/rows.ts'
import { randomId } from '../../../lib/names.ts'
import { expire } from '../../../lib/upkeep/expiry.ts'
import { startUploadExpiry } from '../../../lib/upkeep/old-uploads.ts'
import { startSweep } from '../../../lib/upkeep/sweep.ts'
import { until } from '../../helpers/blobs.ts'
import { admin, startService } from '../../helpers/service.ts'

const keysIn = async (catalog: Catalog, prefix: string) => {
  const { entries } = await catalog.scan({ from: prefix, to: endOf(prefix), limit: 1000 })
  return entries.map((entry) => ('group' in entry ? entry.group : entry.key))
}

const put = (catalog: Catalog, rows: readonly (readonly [key: string, value: Buffer])[]) =>
  catalog.commit({ id: randomId(), put: rows.map(([key, value]) => ({ key, value })) })

const malformed = Buffer.from('no row')

t.test(
  'a row of the queue that is rotten stays, is told once, and holds up no other',
  async (t) => {
    const { stores } = await startService(t)
    const { catalog } = stores
    const rotten = rowKeys.queue('0'.repeat(32))
    const body = () => queueRow.encode({ work: { kind: 'body', body: randomId() } })
    await put(catalog, [
      [rotten, malformed],
      [rowKeys.queue('1'.repeat(32)), body()],
    ])
    const failures: unknown[] = []
    const sweep = startSweep(stores, (error) => failures.push(error))
    const isAlone = async () => (await keysIn(catalog, queuePrefix)).join() === rotten
    t.ok(await until(isAlone))
    await put(catalog, [[rowKeys.queue('2'.repeat(32)), body()]])
    sweep.wake()
    t.ok(await until(isAlone), 'nor at the next run')
    await sweep.close()
    t.equal(failures.length, 1)
  },
)

t.test('an object that cannot be expired holds up no other', async (t) => {
  const { stores } = await startService(t)
  const { catalog } = stores
  const rotten = rowKeys.expiry(1000, '0'.repeat(32))
  const due = { account: 'test', container: 'gone', object: 'o' }
  await put(catalog, [
    [rotten, malformed],
    [rowKeys.expiry(1000, '1'.repeat(32)), expiryRow.encode(due)],
  ])
  const failures: unknown[] = []
  await expire(stores, (error) => failures.push(error))
  t.same(await keysIn(catalog, expiryPrefix), [rotten])
  t.equal(failures.length, 1)
})

t.test(
  'an upload whose row is rotten stops neither new ones nor the end of old ones',
  async (t) => {
    const { stores, service, rootCipher } = await startService(t)
    const { catalog } = stores
    const container = { account: 'test', container: 'c' }
    await service.createContainer(admin, container, { indexed: true })
    const rotten = rowKeys.upload('test', 'c', 'a', '0'.repeat(48))
    await put(catalog, [[rotten, malformed]])
    const begin = (object: string) =>
      service.createUpload(
        admin,
        { ...container, object },
        { cipher: rootCipher, headers: {}, metadata: {} },
      )
    for (const object of ['a', 'b']) await begin(object)
    t.equal((await keysIn(catalog, uploadsPrefix())).length, 3)
    const failures: unknown[] = []
    // Begun an hour from now, as it were: all that is there is old.
    const worker = startUploadExpiry(stores, -3600, (error) => failures.push(error))
    t.ok(await until(async () => (await keysIn(catalog, uploadsPrefix())).join() === rotten))
    await worker.close()
    t.equal(failures.length, 1, 'it is told')
  },
)
