// The routes of a service that speaks JSON, as data, and @koa/router over them. The operation of a request is the name of
// its route, which logs, audit and metrics show.
import Router from '@koa/router'
import type { Middleware } from 'koa'
import type { OpenToken } from '../../lib/auth/tokens.ts'
import type { Context as AnyContext, State } from '../state.ts'
import { RestError } from './rest-error.ts'

export interface RestState extends State {
  /** The token of the request, once it was found good. */
  token: OpenToken | undefined
  /** A token was sent, right or wrong. */
  sentToken: boolean
  /** Whom a login names, not yet checked; '' where there is none. */
  loginAs: string
  /** Needs no token. */
  isOpen: boolean
}

export type Context = AnyContext<RestState>
export type RoutedContext = Context & { readonly params: Readonly<Record<string, string>> }

export interface Route<N> {
  /** The operation. */
  readonly name: string
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  /** Answered whoever asks. */
  readonly isOpen?: true
  handle(ctx: RoutedContext, node: N): void | Promise<void>
}

export interface Routes {
  /** Sets `operation` and `isOpen`. Throws RestError 404 for an unknown path, 405 for another method. */
  detect(ctx: Context): void
  handle(ctx: Context): Promise<void>
  readonly methods: readonly string[]
}

/** Longest path that is matched, in characters. */
const PATH_CHARS_MAX = 4096

/** Makes the router. A slash at the end of a path does not count, as in Keystone and Barbican. */
export function makeRoutes<N>(routes: readonly Route<N>[], node: N): Routes {
  const router = new Router({ sensitive: true })
  const byName = new Map(routes.map((route) => [route.name, route]))
  if (byName.size < routes.length) throw new Error('two routes have one name')
  for (const { name, method, path, handle } of routes) {
    router.register(
      path,
      [method],
      [async (ctx) => handle(ctx as unknown as RoutedContext, node)],
      {
        name,
      },
    )
  }
  const run = router.routes() as unknown as Middleware
  return {
    methods: [
      ...new Set(routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : method))),
    ],
    detect({ req, state, method }) {
      const { path, query } = state.target
      const unknown = () => new RestError(404, 'The resource could not be found.')
      if (path.length > PATH_CHARS_MAX) throw unknown()
      const found = router.match(path, method)
      const route = byName.get(String(found.pathAndMethod.at(-1)?.name))
      if (route === undefined) {
        if (found.path.length === 0) throw unknown()
        const allow = found.path.flatMap(({ methods }) => methods).join(', ')
        throw new RestError(405, `The method ${method} is not allowed here.`, { Allow: allow })
      }
      // The router reads the path that was matched here, whatever form the target had.
      req.url = query === '' ? path : `${path}?${query}`
      state.operation = route.name
      state.isOpen = route.isOpen === true
    },
    async handle(ctx) {
      await run(ctx as never, async () => {})
    },
  }
}

/** Answers JSON. */
export function sayJson(ctx: Context, status: number, value: object): void {
  ctx.status = status
  ctx.set('Content-Type', 'application/json')
  ctx.body = JSON.stringify(value)
}

/** The token of a request whose route needs one. */
export function tokenOf({ state }: Context): OpenToken {
  if (state.token === undefined)
    throw new RestError(401, 'The request you have made requires authentication.')
  return state.token
}
