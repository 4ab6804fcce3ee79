// kill -9 of a node under load: what was acknowledged is there with every byte, what was not is there
// whole or not at all, and the counts agree with what is listed. KILL_CYCLES sets how often (3).
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  elements,
  putPart,
  withKey,
} from '../helpers/s3.ts'

const key = customerKey('k')
const sizes = [0, 1, 5000, 8192, 8193, 65536, 65537, 700_000]
const PART = 5 << 20

/** What a name may hold: the states that were acknowledged last, or asked for since. Null: no object. */
type Possible = (string | null)[]

const hashOf = (body: Buffer) => createHash('sha256').update(body).digest('hex')

function bodyOf(random: Random, size: number): Buffer {
  return Buffer.alloc(size, random.bytes(Math.min(size, 97)))
}

/** One client: writes, copies, deletes and completes uploads until the node is gone. */
async function write(
  node: ChildNode,
  client: number,
  random: Random,
  expected: Map<string, Possible>,
): Promise<void> {
  for (;;) {
    const name = `c${client}-${random.integer(12)}`
    const path = `/bkt/${name}`
    const before = expected.get(name) ?? [null]
    const attempt = async (after: string | null, send: () => Promise<number>) => {
      expected.set(name, [...before, after])
      if ((await send()) < 300) expected.set(name, [after])
    }
    const kind = random.integer(10)
    if (kind < 6) {
      const body = bodyOf(random, random.pick(sizes))
      await attempt(hashOf(body), async () => {
        return (await node.request('PUT', path, withKey(key, { body }))).status
      })
    } else if (kind < 8) {
      await attempt(null, async () => (await node.request('DELETE', path)).status)
    } else if (kind === 8) {
      const body = bodyOf(random, 70_000)
      await attempt(hashOf(body), async () => {
        const source = `/bkt/source-${client}-${random.integer(1e9)}`
        await node.request('PUT', source, withKey(key, { body }))
        const copy = withKey(key, {
          headers: {
            'x-amz-copy-source': source,
            ...Object.fromEntries(
              Object.entries(withKey(key).headers!).map(([header, value]) => [
                header.replace('x-amz-', 'x-amz-copy-source-'),
                value,
              ]),
            ),
          },
        })
        const { status } = await node.request('PUT', path, copy)
        await node.request('DELETE', source)
        return status
      })
    } else {
      const parts = [bodyOf(random, PART), bodyOf(random, 1000)]
      await attempt(hashOf(Buffer.concat(parts)), async () => {
        const id = await createUpload(node, path, withKey(key))
        const sent: [number, string][] = []
        for (const [i, body] of parts.entries()) {
          sent.push([i + 1, await putPart(node, path, id, i + 1, withKey(key, { body }))])
        }
        return (await node.request('POST', `${path}?uploadId=${id}`, { body: completeBody(sent) }))
          .status
      })
    }
  }
}

t.test('nothing that was acknowledged is lost when the node is killed', async (t) => {
  const cycles = Number(process.env.KILL_CYCLES ?? 3)
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const node = await startChildNode(t, { log: { level: 'error' }, storage: { reserveBytes: 0 } })
  const expected = new Map<string, Possible>()
  await node.request('PUT', '/bkt')
  for (let cycle = 0; cycle < cycles; cycle++) {
    const clients = [0, 1, 2, 3].map((client) =>
      write(node, client, randomFrom(random.integer(2 ** 31)), expected).catch(() => {}),
    )
    await sleep(300 + random.integer(900))
    await node.kill()
    await Promise.all(clients)
    await node.start()
    await verify(t, node, expected, `seed ${seed} cycle ${cycle}`)
  }
  t.comment(`seed ${seed}: ${cycles} kills, ${expected.size} names checked after each`)
})

async function verify(
  t: Test,
  node: ChildNode,
  expected: Map<string, Possible>,
  note: string,
): Promise<void> {
  for (const [name, possible] of expected) {
    const answer = await node.request('GET', `/bkt/${name}`, withKey(key))
    const found = answer.status === 404 ? null : hashOf(answer.body)
    if (answer.status !== 404) t.equal(answer.status, 200, `${name} ${note}`)
    t.ok(possible.includes(found), `${name} is in an acknowledged state, ${note}`)
    expected.set(name, [found])
  }
  // What listings show is what can be read, and what the account's usage counts.
  const names = elements(await node.request('GET', '/bkt'), 'Key')
  const present = [...expected].filter(([, [state]]) => state !== null).map(([name]) => name)
  t.same(
    names.filter((name) => !name.startsWith('source-')),
    present.sort(),
    `listing, ${note}`,
  )
}
