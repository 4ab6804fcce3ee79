// `coffer scrub` and `coffer fsck` as an operator runs them: beside a node and without one, what they print, how
// they end, and what they leave behind.
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { RECORDS_NAME } from '../../lib/blobs/file/layout.ts'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { randomId } from '../../lib/names.ts'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { run, scratch, start, writeConfig } from '../helpers/process.ts'
import { redisTest, startRedis } from '../helpers/redis.ts'

t.setTimeout(600_000)

const body = Buffer.alloc(300_000, 'bytes of an object')

async function startNode(
  t: Parameters<typeof startChildNode>[0],
  more: object = {},
): Promise<ChildNode> {
  const storage = { reserveBytes: 0, writeBufferBytes: 1 << 20, ...more }
  const node = await startChildNode(t, { storage })
  await node.request('PUT', '/bkt')
  for (let i = 0; i < 12; i++) await node.request('PUT', `/bkt/o${i}`, { body })
  await node.request('PUT', '/bkt/small', { body: 'small' })
  return node
}

const coffer = (node: ChildNode, ...args: string[]) =>
  run([...args, '--config', join(node.dir, 'coffer.yaml')])

/** The largest table below a directory. */
function tableIn(directory: string): string {
  const tables = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ldb') || basename(name) === RECORDS_NAME)
    .map((name) => join(directory, name))
  return tables.sort((a, b) => statSync(b).size - statSync(a).size)[0]!
}

function flipIn(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at] = bytes[at]! ^ 0xff
  writeFileSync(file, bytes)
}

const openCatalog = (node: ChildNode) =>
  openLevelCatalog({
    engine: classicEngine,
    location: join(node.data, 'catalog'),
    writeBufferBytes: 1 << 20,
    log: pino({ level: 'silent' }),
  })

t.test('scrub reads a running node, names what is rotten, and changes nothing', async (t) => {
  const node = await startNode(t)
  const sound = await coffer(node, 'scrub')
  t.match(sound, { code: 0, stderr: '', stdout: /1 volumes, 60 records, \d+ bytes; 0 findings\n$/ })

  await node.kill('SIGTERM')
  await node.start()
  const table = tableIn(join(node.data, 'volumes'))
  flipIn(table, 100_000)
  const rotten = await coffer(node, 'scrub')
  t.equal(rotten.code, 5)
  t.match(
    rotten.stdout,
    /rotten: volume [0-9a-f]{16} record \d+ \(record \d+ of blob [0-9a-f]{32}\)/,
  )
  t.match(rotten.stdout, /"test\/bkt\/o\d+" version [0-9a-f]{32}/, 'whose record it is')
  const { findings } = JSON.parse((await coffer(node, 'scrub', '--json')).stdout)
  const named = findings.flatMap(({ objects = [] }: { objects?: { object: string }[] }) =>
    objects.map(({ object }) => object),
  )
  t.equal(new Set(named).size, 1, 'one object is rotten')
  t.not((await node.request('GET', `/bkt/${named[0]}`).catch(() => ({ status: 0 }))).status, 200)
  for (let i = 0; i < 12; i++) {
    if (named.includes(`o${i}`)) continue
    t.ok((await node.request('GET', `/bkt/o${i}`)).body.equals(body), `o${i} is served`)
  }
})

t.test('what is lost in a row is one finding of each object, not one of each record', async (t) => {
  const node = await startNode(t)
  await node.kill('SIGTERM')
  const table = tableIn(join(node.data, 'volumes'))
  // The first page of a volume as a file holds its header alone.
  if (basename(table) === RECORDS_NAME) truncateSync(table, 4096)
  else rmSync(table)
  const { findings } = JSON.parse((await coffer(node, 'scrub', '--json')).stdout)
  const lost = findings.filter(({ records }: { records?: number }) => records !== undefined)
  const count = lost.reduce((sum: number, { records }: { records: number }) => sum + records, 0)
  t.ok(count >= 10 && lost.length <= Math.ceil(count / 5) + 1, `${count} in ${lost.length}`)
  const { code, stdout } = await coffer(node, 'scrub')
  t.equal(code, 5)
  t.match(
    stdout,
    /records \d+ to \d+ \(records 0 to 4 of blob [0-9a-f]{32}\) are missing: "test\/bkt\/o\d+" version/,
  )
})

t.test('a scrub that was ended goes on where it stopped', async (t) => {
  const node = await startNode(t)
  await node.kill('SIGTERM')
  const slow = await coffer(node, 'scrub', '--rate', '8M')
  t.equal(slow.code, 0)
  // As a scrub leaves it that was ended half way through the volume.
  const file = join(node.data, 'scrub.json')
  const kept = JSON.parse(readFileSync(file, 'utf8'))
  const [volume] = Object.keys(kept.volumes)
  const half = { ...kept, endedMs: null, records: 30, volumes: { [volume!]: 31 } }
  writeFileSync(file, JSON.stringify(half))
  const rest = JSON.parse((await coffer(node, 'scrub', '--json')).stdout)
  t.match(rest, { finished: true, records: 60 }, 'only the other half was read')
  t.same(rest.findings, [])
  t.ok(rest.bytes < kept.bytes + half.bytes)
  writeFileSync(file, JSON.stringify(half))
  const anew = JSON.parse((await coffer(node, 'scrub', '--restart', '--json')).stdout)
  t.match(anew, { finished: true, records: 60 })
  t.same(anew.findings, [])
})

redisTest(t, 'scrub of a catalog in Redis makes and notes nothing', async (t) => {
  const redis = await startRedis(t)
  await redis.raw.connect()
  const data = join(scratch(t), 'data')
  const more = `data: ${data}\ncatalog: { redis: { url: ${redis.url} } }\n`
  const config = ['--config', writeConfig(scratch(t), more)]
  t.equal((await run(['scrub', ...config])).code, 1, 'there is nothing to scrub')
  t.equal(await redis.raw.dbsize(), 0)
  t.notOk(existsSync(join(data, 'catalog-seen.json')))

  await start(t, config)
  t.match(await run(['scrub', ...config]), { code: 0, stdout: /; 0 findings\n$/ })
})

t.test('fsck wants the data for itself, says what it would repair, and repairs it', async (t) => {
  const node = await startNode(t)
  const refused = await coffer(node, 'fsck')
  t.equal(refused.code, 1)
  t.match(refused.stderr, /fsck wants it for itself, stop that one first/)
  await node.kill('SIGTERM')
  t.match(await coffer(node, 'fsck'), { code: 0, stdout: /60 records; 0 rotten, 0 wrong\n$/ })

  const catalog = await openCatalog(node)
  const add = [{ key: 'container-usage/test/bkt', deltas: [5, 0, 0] }]
  await catalog.commit({ id: randomId(), add })
  await catalog.close()
  const dry = await coffer(node, 'fsck', '--no-records')
  t.equal(dry.code, 5)
  t.match(dry.stdout, 'counts 18,3600005,13, there are 13,3600005,13 (would repair: make it')
  t.equal((await coffer(node, 'fsck', '--no-records')).code, 5, 'a dry run changes nothing')
  const repaired = await coffer(node, 'fsck', '--repair')
  t.match(repaired, { code: 0, stdout: /\(repaired: make it 13,3600005,13\)/ })
  t.equal((await coffer(node, 'fsck')).code, 0)
})

t.test(
  'a catalog with a rotten file is not opened; fsck goes on with the rows it has',
  async (t) => {
    const node = await startNode(t)
    await node.kill('SIGTERM')
    const table = tableIn(join(node.data, 'catalog'))
    flipIn(table, 100)
    const refused = await node.start().catch((error: Error) => error.message)
    t.match(refused, /the catalog in .* is damaged, and its rows cannot be trusted/)
    t.match(refused, /\d+\.ldb at byte \d+: a block does not hold its checksum \(rows behind "/)
    t.equal((await coffer(node, 'fsck', '--repair')).code, 1, 'nor by fsck')

    const accepted = await coffer(node, 'fsck', '--accept-catalog')
    t.match(accepted.stdout, /rows are left, the damaged catalog is kept in .*catalog\.damaged-\d+/)
    t.match(accepted.stdout, /accepted: the catalog stands at commit \d+/)
    t.ok(readdirSync(node.data).some((name) => name.startsWith('catalog.damaged-')))
    await coffer(node, 'fsck', '--repair')
    await node.start()
    const statuses = new Set<number>()
    for (let i = 0; i < 12; i++) {
      const answer = await node.request('GET', `/bkt/o${i}`)
      statuses.add(answer.status)
      if (answer.status === 200) t.ok(answer.body.equals(body))
    }
    t.ok(existsSync(join(node.data, 'catalog')))
    t.same(
      [...statuses].filter((status) => ![200, 404, 500].includes(status)),
      [],
    )
  },
)

t.test('a catalog that is older than its volumes is accepted on request', async (t) => {
  const node = await startNode(t, { volumeSizeBytes: 1 << 20 })
  await node.kill('SIGTERM')
  const [catalog, old] = [join(node.data, 'catalog'), join(node.dir, 'old')]
  cpSync(catalog, old, { recursive: true })
  await node.start()
  // Enough for volumes to be sealed, which notes how far the catalog was.
  for (let i = 0; i < 12; i++) await node.request('PUT', `/bkt/new${i}`, { body })
  await node.kill('SIGTERM')
  rmSync(catalog, { recursive: true })
  cpSync(old, catalog, { recursive: true })

  await node.start()
  t.match(node.output(), 'the catalog is older than a volume')
  await node.kill('SIGTERM')
  const accepted = await coffer(node, 'fsck', '--accept-catalog')
  t.match(accepted, { code: 0, stdout: /accepted: .* at commit \d+ \(raised from \d+\)/ })
  const warned = node.output().split('the catalog is older than a volume').length
  await node.start()
  t.equal(node.output().split('the catalog is older than a volume').length, warned)
  t.ok((await node.request('GET', '/bkt/o1')).body.equals(body))
  t.equal((await node.request('GET', '/bkt/new1')).status, 404, 'what it does not name is gone')
})
