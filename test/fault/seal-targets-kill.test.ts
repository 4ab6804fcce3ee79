// A node that is killed while a manifest brings its segments under a key: each segment is whole under one key or the other,
// and the same request sent again goes on.
import t from 'tap'
import { withSwiftKey } from '../helpers/both.ts'
import { startChildNode } from '../helpers/child-node.ts'
import { customerKey } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'

const key = customerKey('k')
const SEGMENTS = 3
const SIZE = 2 << 20
const SEALED = 'x-object-encryption-customer-algorithm'

t.setTimeout(600_000)

t.test('killed at each segment, and sent again', async (t) => {
  const node = await startChildNode(t)
  for (let kills = 0; kills <= SEGMENTS; kills++) {
    const { request: swift } = await login(node)
    const names = Array.from({ length: SEGMENTS }, (_, i) => `/segs/${kills}-${i}`)
    for (const path of ['/c', '/segs']) await swift('PUT', path)
    const bodies = names.map((_, i) => Buffer.alloc(SIZE, String(i)))
    for (const [i, name] of names.entries()) await swift('PUT', name, { body: bodies[i]! })
    const body = JSON.stringify(names.map((path) => ({ path, size_bytes: SIZE })))
    const put = (ask = swift) =>
      ask('PUT', `/c/${kills}?multipart-manifest=put`, withSwiftKey(key, { body }))
    const sealed = async (ask = swift) => {
      const heads = await Promise.all(names.map((name) => ask('HEAD', name)))
      return heads.filter(({ headers }) => headers[SEALED] !== undefined).length
    }
    // A connection that the kill cuts is no answer.
    let isOver = false
    const first = put().then(
      ({ status }) => status,
      () => undefined,
    )
    void first.then(() => {
      isOver = true
    })
    while (!isOver && (await sealed()) < kills);
    await node.kill()
    t.ok([undefined, 201].includes(await first), 'it ended with a cut, or it was done')
    await node.start()

    const { request: again } = await login(node)
    const done = await sealed(again)
    t.ok(done >= kills || isOver, `${done} sealed of ${SEGMENTS}`)
    for (const [i, name] of names.entries()) {
      const plain = await again('GET', name)
      const got = plain.status === 200 ? plain : await again('GET', name, withSwiftKey(key))
      t.ok(got.body.equals(bodies[i]!), `${name} is whole under one of them`)
    }
    t.equal((await put(again)).status, 201)
    t.equal(await sealed(again), SEGMENTS)
    const read = await again('GET', `/c/${kills}`, withSwiftKey(key))
    t.ok(read.body.equals(Buffer.concat(bodies)))
  }
})
