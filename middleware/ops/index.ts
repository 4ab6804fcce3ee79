// The requests of an operator's tools: /metrics, /live, /ready and /recon. They have a listener of their own, or
// share one with objects. There a request that is signed, has a token or names a bucket by its host is S3's or
// Swift's.
import type { IncomingMessage, RequestListener } from 'node:http'
import Router from '@koa/router'
import Koa, { type Context, type Middleware } from 'koa'
import { claimedDialect, type DialectRules } from '../dialect.ts'
import { messageFault } from '../http/message-fault.ts'
import { originForm, readTarget } from '../http/target.ts'
import type { Node } from '../node.ts'
import { reconChecks } from './recon.ts'

const isPath = (path: string) => /^\/(?:metrics|live|ready|recon\/[a-z0-9/]+)$/.test(path)

const pathOf = ({ url = '/' }: IncomingMessage) => originForm(url).split('?', 1)[0]!

/**
 * True for a request that ops answers on a listener that serves objects too: one of its paths, which neither a
 * signature or token nor the host claims for a dialect. So a bucket named `live` can be reached as one named
 * `info` can.
 */
export function isOps(
  req: IncomingMessage,
  rules: DialectRules,
  trusted: (address: string) => boolean,
): boolean {
  if (!isPath(pathOf(req))) return false
  return claimedDialect(readTarget(req, trusted), req.headers, rules) === undefined
}

/** Koa would add a charset to a type that is set with the body. */
function say(ctx: Context, status: number, type: string, body: string): void {
  ctx.status = status
  ctx.set('Content-Type', type)
  ctx.body = body
}

const sayText = (ctx: Context, status: number, text: string) => say(ctx, status, 'text/plain', text)
const sayJson = (ctx: Context, status: number, value: unknown) =>
  say(ctx, status, 'application/json', JSON.stringify(value))

/** Every page, by its exact path: no route has a parameter, so that none is decoded and no pattern runs long. */
function routesOf(node: Node, draining: () => boolean): Middleware {
  const router = new Router({ sensitive: true, strict: true })
  router.get('/live', async (ctx) => sayText(ctx, 200, 'live'))
  router.get('/ready', async (ctx) => {
    const reason = draining() ? 'draining' : node.impaired()
    if (reason === null) sayJson(ctx, 200, { ready: true })
    else sayJson(ctx, 503, { ready: false, reason })
  })
  router.get('/metrics', async (ctx) => {
    say(ctx, 200, node.metrics.contentType, await node.metrics.page())
  })
  for (const [name, check] of Object.entries(reconChecks)) {
    router.get(`/recon/${name}`, async (ctx) => sayJson(ctx, 200, await check(node)))
  }
  return router.routes() as Middleware
}

/** Refuses what HTTP forbids and what is no path of ops, before the router sees it; says what went wrong behind it. */
function guard(node: Node): Middleware {
  return async function guard(ctx, next) {
    const { req } = ctx
    const path = pathOf(req)
    const fault = messageFault(req)
    ctx.set('Cache-Control', 'no-store')
    if (fault !== undefined) {
      ctx.set('Connection', 'close')
      sayText(ctx, fault.status, fault.text)
    } else if (!isPath(path)) {
      sayText(ctx, 404, `Invalid path: ${path.slice(0, 200)}`)
    } else {
      // The router sees the path that was judged here, whatever form the target had and whatever query.
      req.url = path
      try {
        await next()
      } catch (error) {
        node.log.error({ err: error, path }, 'ops request failed')
        sayText(ctx, 500, 'Internal error')
      }
    }
    node.log.debug({ method: ctx.method, path, status: ctx.status }, 'ops request')
  }
}

/** Makes the listener that answers ops' requests. `draining` is true once the node is about to end. */
export function ops(node: Node, draining: () => boolean): RequestListener {
  const app = new Koa()
  app.use(guard(node))
  app.use(routesOf(node, draining))
  app.use(async function unrouted(ctx) {
    if (ctx.method === 'GET' || ctx.method === 'HEAD') {
      sayText(ctx, 404, `Invalid path: ${ctx.path}`)
    } else {
      ctx.set('Allow', 'GET, HEAD')
      sayText(ctx, 405, 'Method not allowed')
    }
  })
  app.on('error', (error) => node.log.debug({ err: error }, 'ops response failed'))
  return app.callback()
}
