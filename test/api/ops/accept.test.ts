// A connection that the system could not hand over: libuv has a way round a process without descriptors, and none
// round a kernel without memory.
import type { Server } from 'node:http'
import t from 'tap'
import { startNode, type TestNode } from '../../helpers/node.ts'

/** The server behind an address of a node in this process. */
function serverAt(url: string): Server {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
  const port = Number(new URL(url).port)
  const isIt = (handle: unknown) => {
    const address = (handle as Server).address?.()
    return (
      typeof address === 'object' && address?.port === port && 'listening' in (handle as object)
    )
  }
  return handles.find(isIt) as Server
}

const addresses: Record<string, (node: TestNode) => string> = {
  HTTP: ({ http }) => http,
  HTTPS: ({ https }) => https,
}

for (const [scheme, addressOf] of Object.entries(addresses)) {
  t.test(`a node outlives a connection over ${scheme} that it could not accept`, async (t) => {
    const node = await startNode(t)
    const server = serverAt(addressOf(node))
    const error = Object.assign(new Error('accept ENOBUFS'), { code: 'ENOBUFS', syscall: 'accept' })
    for (let times = 0; times < 100; times++) t.doesNotThrow(() => server.emit('error', error))
    const { status } = await node.request('PUT', '/box', { tls: scheme === 'HTTPS' })
    t.equal(status, 200)
    const lines = node
      .logged()
      .match(/"level":"error".*accept ENOBUFS.*"a connection could not be accepted"/g)
    t.ok(lines !== null && lines.length < 20, `${lines?.length} lines in the log`)
  })
}
