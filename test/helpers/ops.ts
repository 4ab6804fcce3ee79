// A node with a listener for ops, and the content of its pages.
import type { Config } from '../../lib/config/config.ts'
import { type Answer, send, startNode, type TestNode } from './node.ts'

export const opsListener = { host: '127.0.0.1', port: 0, serves: ['ops'] }

const objectListeners = [
  { host: '127.0.0.1', port: 0, serves: ['object'] },
  { host: '127.0.0.1', port: 0, serves: ['object'], tls: 'auto' },
]

/** A test node that serves ops on a listener of its own. */
export function startOpsNode(
  t: Parameters<typeof startNode>[0],
  overrides: Parameters<typeof startNode>[1] = {},
): Promise<TestNode> {
  const listen = [...objectListeners, opsListener] as unknown as Config['listen']
  return startNode(t, { listen, ...overrides })
}

/** One request to the ops listener. */
export function askOps(node: TestNode, path: string, method = 'GET'): Promise<Answer> {
  return send(node.ops, method, path, { sign: false }, '')
}

/** The lines of /metrics as numbers, by name and labels as written. */
export async function readMetrics(node: TestNode): Promise<Map<string, number>> {
  const { status, text } = await askOps(node, '/metrics')
  if (status !== 200) throw new Error(`/metrics answered ${status}: ${text}`)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}
