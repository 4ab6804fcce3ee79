// A download goes on to its last byte although the object is replaced or deleted meanwhile.
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Coffer } from '../../../lib/coffer.ts'
import { askerOf } from '../../helpers/asker.ts'
import { startNode, type TestNode } from '../../helpers/node.ts'
import { presignV2 } from '../../helpers/presign.ts'
import { completeBody, createUpload, putPart } from '../../helpers/s3.ts'

const MiB = 1 << 20
const owner = askerOf({ account: 'test', user: 'tester', roles: ['admin'] })

/** Begins a GET and reads nothing of it yet. */
async function beginGet(node: TestNode): Promise<IncomingMessage> {
  const { hostname, port } = new URL(node.http)
  const req = request({ hostname, port, path: presignV2('GET', '/bkt/o'), agent: false })
  req.end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return res
}

async function readAll(res: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of res) parts.push(part)
  return Buffer.concat(parts)
}

async function segments({ stores }: Coffer): Promise<number> {
  const page = await stores.catalog.scan({ from: 'segment/', to: 'segment0', limit: 10 })
  return page.entries.length
}

const changes: [string, (node: TestNode) => Promise<unknown>][] = [
  ['replaced', (node) => node.request('PUT', '/bkt/o', { body: 'new' })],
  ['deleted', (node) => node.request('DELETE', '/bkt/o')],
]

for (const [what, change] of changes) {
  t.test(`a plain object that is ${what} during its download arrives whole`, async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    const body = Buffer.alloc(30 * MiB, 'x')
    await node.request('PUT', '/bkt/o', { body })
    const res = await beginGet(node)
    await change(node)
    await sleep(100)
    t.ok((await readAll(res)).equals(body))
    t.notMatch(node.logged(), '"level":"error"')
  })

  t.test(`a multipart object that is ${what} during its download arrives whole`, async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    const id = await createUpload(node, '/bkt/o')
    const bodies = ['a', 'b', 'c', 'd'].map((letter) => Buffer.alloc(5 * MiB, letter))
    const parts: [number, string][] = []
    for (const [i, body] of bodies.entries()) {
      parts.push([i + 1, await putPart(node, '/bkt/o', id, i + 1, { body })])
    }
    await node.request('POST', `/bkt/o?uploadId=${id}`, { body: completeBody(parts) })
    const res = await beginGet(node)
    await change(node)
    await sleep(100)
    t.ok((await readAll(res)).equals(Buffer.concat(bodies)))
    t.notMatch(node.logged(), '"level":"error"')
    // What nobody reads any more is freed at last; what never is ends in the test's timeout.
    const { coffer } = node
    const left = what === 'deleted' ? 0 : 1
    while ((await segments(coffer)) > left) await sleep(20)
    t.equal(await segments(coffer), left, 'only the new body has a segment')
    const usage = await coffer.service.headContainer(owner, { account: 'test', container: 'bkt' })
    t.equal(usage.bytes, what === 'deleted' ? 0 : 3)
  })
}
