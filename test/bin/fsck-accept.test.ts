// `coffer fsck --accept-catalog` on a damaged catalog: what it drops is kept, rows and bytes, and the operator is told
// where.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { contentOf, largest, makeNode, runOn } from '../helpers/unreadable.ts'

t.setTimeout(600_000)

t.test('what is dropped of a damaged catalog is kept, with its bytes', async (t) => {
  const node = await makeNode(t, 'none')
  await node.start()
  const body = Buffer.alloc(2000, 'small')
  for (let i = 0; i < 30; i++) await node.request('PUT', `/bkt/small${i}`, { body })
  await node.kill('SIGTERM')
  const coffer = (...args: string[]) => runOn(node, 'none', ...args)
  const catalog = join(node.data, 'catalog')
  const table = largest(catalog, '.ldb')[0]!
  const bytes = readFileSync(table)
  // Far from the row that says whose catalog it is.
  const at = Math.floor(bytes.length * 0.7)
  bytes[at] = bytes[at]! ^ 0xff
  writeFileSync(table, bytes)
  const before = contentOf(catalog)
  const accepted = await coffer('fsck', '--accept-catalog', '--no-records', '--json')
  const { salvaged } = JSON.parse(accepted.stdout).accepted
  t.match(salvaged.damages, [/\.ldb at byte \d+: a block does not hold its checksum/])
  t.equal(contentOf(salvaged.aside), before, 'the damaged catalog is kept as it was')

  const refused = await coffer('reclaim', '--dead-share', '0')
  t.match(refused.stdout + refused.stderr, /reclaim is off until .coffer fsck --accept-catalog/)
  t.match(JSON.parse((await coffer('status', '--json')).stdout), { reclaim: { off: /restored/ } })
  const again = await coffer('fsck', '--accept-catalog', '--no-records')
  t.match(again.stdout, /accepted: .*; what it does not name is dead/)
  t.match(JSON.parse((await coffer('status', '--json')).stdout), { reclaim: { off: null } })
  t.equal(contentOf(salvaged.aside), before, 'and stays')
})
