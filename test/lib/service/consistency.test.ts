// The proof that the kill tests rely on: it is silent where rows agree, and speaks where one is changed or gone.
import t from 'tap'
import type { Commit, Row } from '../../../lib/catalog/catalog.ts'
import { rowKeys } from '../../../lib/catalog/keys.ts'
import { versionRow } from '../../../lib/catalog/rows.ts'
import { randomId } from '../../../lib/names.ts'
import { inconsistencies } from '../../helpers/consistency.ts'
import { admin, startService } from '../../helpers/service.ts'

t.test('rows that were changed behind the service are named', async (t) => {
  const { service, stores, write } = await startService(t)
  await service.createContainer(admin, { account: 'test', container: 'c' }, { indexed: true })
  await write('c/small', 'small')
  await write('c/large', 'large '.repeat(5000))
  const { catalog } = stores
  t.same(await inconsistencies(catalog), [])

  const page = await catalog.scan({ from: 'version/', to: 'version0', limit: 1 })
  const [version] = page.entries as readonly Row[]
  const { body } = versionRow.decodeUnproven(version!.value)
  const usage = rowKeys.containerUsage('test', 'c')
  const add = (key: string, ...deltas: number[]): Partial<Commit> => ({ add: [{ key, deltas }] })
  const damages: [string, Partial<Commit>, Partial<Commit>][] = [
    [usage, add(usage, 1, 0, 0), add(usage, -1, 0, 0)],
    [usage, add(usage, 0, 1, 0), add(usage, 0, -1, 0)],
    ['account-usage/test', add('account-usage/test', 1), add('account-usage/test', -1)],
    [rowKeys.body(body!), add(rowKeys.body(body!), 1), add(rowKeys.body(body!), -1)],
    [
      rowKeys.body('f'.repeat(32)),
      add(rowKeys.body('f'.repeat(32)), 1),
      { del: [rowKeys.body('f'.repeat(32))] },
    ],
  ]
  for (const [key, damage, repair] of damages) {
    await catalog.commit({ id: randomId(), ...damage })
    const found = await inconsistencies(catalog)
    t.equal(found.length, 1, key)
    t.match(found[0], `${key}: counts`)
    await catalog.commit({ id: randomId(), ...repair })
    t.same(await inconsistencies(catalog), [])
  }
  const gone = rowKeys.segment(body!, 1)
  await catalog.commit({ id: randomId(), del: [gone] })
  t.match((await inconsistencies(catalog)).join('\n'), `${version!.key}: segment 1 is missing`)
})
