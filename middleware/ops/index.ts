// What an operator's tools ask of a node: /metrics, /live, /ready and /recon. On a listener of their own, or
// beside objects, where requests that are signed or name a bucket by their host stay S3's and Swift's.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type DialectRules, dialectOf } from '../dialect.ts'
import { originForm, readTarget } from '../http/target.ts'
import { messageFault } from '../message.ts'
import type { Node } from '../state.ts'
import { reconCheck } from './recon.ts'

interface OpsAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

const text = (status: number, body: string): OpsAnswer => ({ status, type: 'text/plain', body })
const json = (status: number, value: unknown): OpsAnswer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(value),
})

const isPath = (path: string) => /^\/(?:metrics|live|ready|recon\/[a-z0-9/]+)$/.test(path)

const pathOf = ({ url = '/' }: IncomingMessage) => originForm(url).split('?', 1)[0]!

/**
 * True for a request that ops answers on a listener that serves objects too: one of its paths, which neither a
 * signature or token nor the host claims for a dialect. So a bucket named `live` can be reached as one named
 * `info` can (D-OPS-PATHS).
 */
export function isOps(
  req: IncomingMessage,
  rules: DialectRules,
  trusted: (address: string) => boolean,
): boolean {
  if (!isPath(pathOf(req))) return false
  const target = readTarget(req, trusted)
  // Where nothing but the path tells, a path of Swift's own is Swift's, and this one S3's.
  const dialectAt = (path: string) => dialectOf({ ...target, path }, req.headers, rules)
  return dialectAt('/v1') === 'swift' && dialectAt(target.path) === 's3'
}

/** Answers for ops. `draining` tells when the node is about to end. */
export function ops(node: Node, draining: () => boolean): RequestListener {
  const reason = () => (draining() ? 'draining' : node.impaired())

  async function answer(req: IncomingMessage): Promise<OpsAnswer> {
    const fault = messageFault(req)
    if (fault !== undefined) {
      return { ...text(fault.status, fault.text), headers: { Connection: 'close' } }
    }
    const path = pathOf(req)
    if (!isPath(path)) return text(404, `Invalid path: ${path.slice(0, 200)}`)
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      return { ...text(405, 'Method not allowed'), headers: { Allow: 'GET, HEAD' } }
    }
    if (path === '/live') return text(200, 'live')
    if (path === '/ready') {
      const why = reason()
      return why === null ? json(200, { ready: true }) : json(503, { ready: false, reason: why })
    }
    if (path === '/metrics') {
      return { status: 200, type: node.metrics.contentType, body: await node.metrics.page() }
    }
    const check = reconCheck(path.slice('/recon/'.length))
    if (check === undefined) return text(404, `Invalid path: ${path}`)
    return json(200, await check(node))
  }

  async function respond(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let said: OpsAnswer
    try {
      said = await answer(req)
    } catch (error) {
      node.log.error({ err: error, path: pathOf(req) }, 'ops request failed')
      said = text(500, 'Internal error')
    }
    const { status, type, body, headers } = said
    res.writeHead(status, {
      'Content-Type': type,
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      ...headers,
    })
    res.end(req.method === 'HEAD' ? undefined : body)
    node.log.debug({ method: req.method, path: pathOf(req), status }, 'ops request')
  }

  return (req, res) => void respond(req, res)
}
