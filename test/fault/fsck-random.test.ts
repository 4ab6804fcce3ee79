// fsck after random work through both dialects, on either catalog: versions and null versions, delete markers,
// copies that share bodies, parts sent again, uploads under way, expiries. It finds nothing wrong. Then
// counters and rows are broken at random: fsck repairs them, and every listing and every byte is unchanged.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Catalog, Commit, Row } from '../../lib/catalog/catalog.ts'
import { seamRows } from '../../lib/catalog/check-rows.ts'
import { endOf } from '../../lib/catalog/keys.ts'
import { randomId } from '../../lib/names.ts'
import { Rate } from '../../lib/plain-file.ts'
import { fsck, repairAll } from '../../lib/upkeep/fsck.ts'
import { queueLength } from '../../lib/upkeep/reclaim-status.ts'
import { until } from '../helpers/blobs.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { startNode, type TestNode } from '../helpers/node.ts'
import { run } from '../helpers/process.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { completeBody, createUpload, customerKey, putPart, withKey } from '../helpers/s3.ts'
import { login, type Session } from '../helpers/swift.ts'

t.setTimeout(600_000)

const containers = ['plain', 'kept', 'swift']
const sizes = [0, 5, 8192, 8193, 70_000, 200_000]
const LATER = '4102444800'
const key = customerKey('f')

interface Worker {
  readonly node: TestNode
  readonly swift: Session
  readonly random: Random
}

const nameOf = (random: Random) => `o${random.integer(8)}`
const contentOf = (random: Random) =>
  Buffer.alloc(random.pick(sizes), `${random.integer(2 ** 30)}.`)

/** Requests that a client may send. Refusals are allowed. */
const work: Record<string, (worker: Worker, container: string, name: string) => Promise<unknown>> =
  {
    put: ({ node, random }, c, name) =>
      node.request('PUT', `/${c}/${name}`, { body: contentOf(random) }),
    putSealed: ({ node, random }, c, name) =>
      node.request('PUT', `/${c}/${name}`, withKey(key, { body: contentOf(random) })),
    putExpiring: ({ swift, random }, c, name) =>
      swift.request('PUT', `/${c}/${name}`, {
        headers: { 'X-Delete-At': LATER },
        body: contentOf(random),
      }),
    post: ({ swift, random }, c, name) => {
      const headers: Record<string, string> =
        random.integer(2) === 0 ? { 'X-Delete-At': LATER } : { 'X-Remove-Delete-At': 'x' }
      return swift.request('POST', `/${c}/${name}`, { headers })
    },
    copy: ({ node, random }, c, name) => {
      const headers = { 'x-amz-copy-source': `/${random.pick(containers)}/${nameOf(random)}` }
      return node.request('PUT', `/${c}/${name}`, { headers })
    },
    remove: ({ node }, c, name) => node.request('DELETE', `/${c}/${name}`),
    removeSwift: ({ swift }, c, name) => swift.request('DELETE', `/${c}/${name}`),
    removeVersion: async ({ node, random }, c) => {
      const { text } = await node.request('GET', `/${c}?versions`)
      const found = [...text.matchAll(/<Key>([^<]*)<\/Key><VersionId>([^<]*)</g)]
      if (found.length === 0) return
      const [, name, version] = random.pick(found)
      await node.request('DELETE', `/${c}/${name}?versionId=${version}`)
    },
    describe: ({ swift, random }, c) => {
      const headers = { 'X-Container-Meta-Colour': random.pick(['', 'red', 'blue']) }
      return swift.request('POST', `/${c}`, { headers })
    },
    suspend: ({ node, random }) => {
      const status = random.pick(['Enabled', 'Suspended'])
      const body = `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`
      return node.request('PUT', '/kept?versioning', { body })
    },
    versions: ({ swift, random }) => {
      const headers = { 'X-Versions-Enabled': random.pick(['true', 'false']) }
      return swift.request('POST', '/swift', { headers })
    },
    upload: async ({ node, random }, c, name) => {
      const id = await createUpload(node, `/${c}/${name}`)
      const large = { body: Buffer.alloc(5 << 20, `${random.integer(2 ** 30)}.`) }
      const parts: [number, string][] = []
      if (random.integer(3) === 0)
        parts.push([1, await putPart(node, `/${c}/${name}`, id, 1, large)])
      // One part is sent twice, and one of the two is not listed.
      for (let i = 0; i < 2; i++) {
        const etag = await putPart(node, `/${c}/${name}`, id, 2, { body: contentOf(random) })
        if (i === 1) parts.push([2, etag])
      }
      await putPart(node, `/${c}/${name}`, id, 3, { body: 'x' })
      const end = random.integer(4)
      if (end === 0) await node.request('DELETE', `/${c}/${name}?uploadId=${id}`)
      else if (end > 1) {
        await node.request('POST', `/${c}/${name}?uploadId=${id}`, { body: completeBody(parts) })
      }
    },
  }

async function makeNode(t: Parameters<typeof startNode>[0], random: Random): Promise<TestNode> {
  const node = await startNode(t, { storage: { writeBufferBytes: 1 << 20 } })
  const swift = await login(node)
  for (const container of containers) await node.request('PUT', `/${container}`)
  const worker = { node, swift, random }
  for (let i = 0; i < 150; i++) {
    const step = random.pick(Object.keys(work))
    await work[step]!(worker, random.pick(containers), nameOf(random))
  }
  // Whatever the seed: a delete marker and an upload under way are there in the end.
  const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
  await node.request('PUT', '/kept?versioning', { body })
  await node.request('DELETE', `/kept/${nameOf(random)}`)
  const name = nameOf(random)
  await putPart(node, `/plain/${name}`, await createUpload(node, `/plain/${name}`), 1, {
    body: 'x',
  })
  const { catalog } = node.coffer.stores
  await until(async () => (await queueLength(catalog)) === 0)
  return node
}

const check = (node: TestNode, catalog: Catalog) =>
  fsck({
    rows: seamRows(catalog),
    macs: node.coffer.stores.macs,
    devices: node.config.devices,
    rate: new Rate(Number.POSITIVE_INFINITY),
    records: true,
  })

/** All that clients see: listings of both dialects, and every body. */
async function look(node: TestNode): Promise<string[]> {
  const swift = await login(node)
  const seen = [(await swift.request('GET', '?format=json')).text]
  for (const c of containers) {
    seen.push((await swift.request('GET', `/${c}?format=json`)).text)
    const { text } = await node.request('GET', `/${c}?versions`)
    seen.push(text, (await node.request('GET', `/${c}?uploads`)).text)
    for (const [, name, version] of text.matchAll(/<Key>([^<]*)<\/Key><VersionId>([^<]*)</g)) {
      const path = `/${c}/${name}?versionId=${version}`
      const open = await node.request('GET', path)
      const { status, body } =
        open.status === 400 ? await node.request('GET', path, withKey(key)) : open
      seen.push(`${path} ${status} ${body.toString('latin1')}`)
    }
  }
  return seen.map((text) => text.replace(/<(RequestId|HostId)>[^<]*/g, ''))
}

async function rowsOf(catalog: Catalog, prefix: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of seamRows(catalog).scan(prefix, endOf(prefix))) rows.push(row)
  return rows
}

/** Rows that follow from others, and the ways to break them. */
const breakable: Record<string, (row: Row, random: Random) => Omit<Commit, 'id'>> = {
  'container-usage/': ({ key }, random) => ({ add: [{ key, deltas: [1, random.integer(9), -1] }] }),
  'account-usage/': ({ key }, random) => ({ add: [{ key, deltas: [0, -2, random.integer(99)] }] }),
  'volume-usage/': ({ key }, random) => ({ add: [{ key, deltas: [random.integer(99), 1] }] }),
  'body/': ({ key }, random) =>
    random.integer(2) === 0 ? { del: [key] } : { add: [{ key, deltas: [1] }] },
  'volume/': ({ key }) => ({ del: [key] }),
  'expiry/': ({ key }) => ({ del: [key] }),
  'object/': ({ key, value }) => ({
    del: [key],
    put: [{ key: key.replace('object/', 'hidden/'), value: Buffer.from(value) }],
  }),
  'hidden/': ({ key, value }) => ({
    del: [key],
    put: [{ key: key.replace('hidden/', 'object/'), value: Buffer.from(value) }],
  }),
}

t.test('fsck finds nothing after random work, and mends what is broken then', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const node = await makeNode(t, random)
  const { catalog } = node.coffer.stores
  const { problems, rotten, records } = await check(node, catalog)
  t.same([problems, rotten], [[], []], `nothing is wrong, seed ${seed}`)
  t.ok(records > 0, 'and records were read')
  const before = await look(node)
  t.ok(
    before.some((text) => text.includes('<DeleteMarker>')),
    `markers, seed ${seed}`,
  )
  t.ok(
    before.some((text) => text.includes('<UploadId>')),
    `uploads under way, seed ${seed}`,
  )
  for (let round = 0; round < 8; round++) {
    const kinds: string[] = []
    for (const [prefix, breaks] of Object.entries(breakable)) {
      const rows = await rowsOf(catalog, prefix)
      if (rows.length === 0 || random.integer(2) === 0) continue
      kinds.push(prefix)
      await catalog.commit({ id: randomId(), ...breaks(random.pick(rows), random) })
    }
    const note = `seed ${seed} round ${round}: ${kinds}`
    const { problems } = await check(node, catalog)
    t.equal(problems.length > 0, kinds.length > 0, `told, ${note}`)
    t.same(await repairAll(catalog, problems), [], `all of it can be mended, ${note}`)
    t.same((await check(node, catalog)).problems, [], `nothing is left, ${note}`)
    t.same(await inconsistencies(catalog), [], `another judge agrees, ${note}`)
  }
  t.same(await look(node), before, `clients see what they saw, seed ${seed}`)
})

t.test(
  'an upload in the place of another, with a part left out, leaves neither behind',
  async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/plain')
    const upload = async () => {
      const id = await createUpload(node, '/plain/o')
      const etag = await putPart(node, '/plain/o', id, 1, { body: 'listed' })
      await putPart(node, '/plain/o', id, 2, { body: 'not listed' })
      await node.request('POST', `/plain/o?uploadId=${id}`, { body: completeBody([[1, etag]]) })
    }
    await upload()
    await upload()
    const { catalog } = node.coffer.stores
    t.ok(await until(async () => (await queueLength(catalog)) === 0))
    t.equal((await rowsOf(catalog, 'segment/')).length, 1, 'only the part that is an object')
    t.same((await check(node, catalog)).problems, [])
  },
)

t.test('fsck makes no catalog where there is none', async (t) => {
  const data = t.testdir()
  for (const more of [[], ['--repair'], ['--accept-catalog']]) {
    const { code, stderr } = await run(['fsck', ...more, '--data', data])
    t.match({ code, stderr }, { code: 1, stderr: /there is no catalog here/ })
    t.notOk(existsSync(join(data, 'catalog')))
  }
})
