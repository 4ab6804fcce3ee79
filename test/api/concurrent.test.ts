// Many clients at once, over HTTP and TLS, some of which hang up: every byte that comes back is the one that
// was sent, although every buffer is overwritten as soon as the node gives it back.
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import t from 'tap'
import { startNode, type TestNode } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { customerKey, withKey } from '../helpers/s3.ts'

const CLIENTS = 8
const ROUNDS = 12
const sizes = [0, 1, 8192, 8193, 65535, 65536, 65537, 131072, 300_000, 2_000_000]
const key = customerKey('k')
const hashOf = (body: Buffer) => createHash('sha256').update(body).digest('hex')

/** Bytes that differ from one place to the next, so that a shifted or repeated piece shows. */
function bodyOf(random: Random, size: number): Buffer {
  const seed = random.integer(2 ** 30)
  const body = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) body.writeUInt32LE((seed + at * 2654435761) >>> 0, at)
  return body
}

/** Begins a PUT or a GET and leaves in the middle. */
async function hangUp(node: TestNode, random: Random, name: string): Promise<void> {
  const { hostname, port } = new URL(node.http)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  if (random.integer(2) === 0) {
    const path = presignV2('PUT', `/bkt/${name}`)
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n`)
    socket.write(Buffer.alloc(1 + random.integer(500_000), 'x'))
  } else {
    socket.write(`GET ${presignV2('GET', `/bkt/${name}`)} HTTP/1.1\r\nHost: h\r\n\r\n`)
  }
  await new Promise((resolve) => setTimeout(resolve, random.integer(20)))
  socket.destroy()
}

/** One client's names are its own, so that it knows what each holds. Gives what was wrong. */
async function drive(node: TestNode, client: number, random: Random): Promise<string[]> {
  const wrong: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const name = `c${client}-${random.integer(3)}`
    const body = bodyOf(random, random.pick(sizes))
    const sealed = random.integer(2) === 0
    const tls = sealed || random.integer(2) === 0
    const put = sealed ? withKey(key, { body }) : { body, tls }
    const get = sealed ? withKey(key) : { tls }
    const stored = await node.request('PUT', `/bkt/${name}`, put)
    if (stored.status !== 200) wrong.push(`PUT ${name}: ${stored.status}`)
    if (random.integer(3) === 0) await hangUp(node, random, name)
    const [whole, again] = await Promise.all([
      node.request('GET', `/bkt/${name}`, get),
      node.request('GET', `/bkt/${name}`, get),
    ])
    for (const answer of [whole, again]) {
      if (answer.status !== 200 || hashOf(answer.body) !== hashOf(body)) {
        wrong.push(`GET ${name}: ${answer.status}, ${answer.body.length} of ${body.length} bytes`)
      }
    }
  }
  return wrong
}

t.test('clients that work and leave at the same time never see a wrong byte', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const clients = Array.from({ length: CLIENTS }, (_, i) =>
    drive(node, i, randomFrom(random.integer(2 ** 31))),
  )
  const wrong = (await Promise.all(clients)).flat()
  t.same(wrong, [], `seed ${seed}`)
  t.notMatch(node.logged(), '"level":"error"')
})
