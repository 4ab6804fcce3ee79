// What reclaim believes of the catalog: nothing while a write to it has failed, whose outcome a restart may change.
import t from 'tap'
import { LiveRecords } from '../../../lib/blobs/reclaim-live.ts'
import type { Catalog } from '../../../lib/catalog/catalog.ts'
import { liveCollector } from '../../../lib/upkeep/reclaim.ts'
import { admin, startService } from '../../helpers/service.ts'

t.test('nothing is taken for dead while the catalog takes no writes', async (t) => {
  const service = await startService(t)
  await service.service.createContainer(
    admin,
    { account: 'test', container: 'c' },
    { indexed: true },
  )
  await service.write('c/o', 'x'.repeat(300_000))
  const { catalog, blobs } = service.stores
  const { volume, records } = (await blobs.usage())[0]!
  const state = { impaired: 'a write to the catalog failed' as string | null }
  const failing = new Proxy(catalog, {
    get(target, name) {
      if (name === 'impaired') return state.impaired
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as Catalog
  const collect = liveCollector(failing, volume, new AbortController().signal)
  const live = () => new LiveRecords(volume, records)
  await t.rejects(collect(live()), { name: 'ReclaimRefused', message: state.impaired! })
  state.impaired = null
  const kept = live()
  t.ok((await collect(kept)) > 300_000)
  t.equal(kept.blobs, 1)
})
