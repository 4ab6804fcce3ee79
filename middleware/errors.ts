// The only catch of the pipeline: every error becomes the dialect's answer here, and is logged once where
// it is ours. After headers are sent a failure destroys the socket, so that no client takes a short body
// for a success.
import type { Middleware } from 'koa'
import { type Code, CofferError } from '../lib/errors.ts'
import { codeOf } from './audit.ts'
import { noteFailure } from './late-failure.ts'
import type { Context, Dialect, Node, State } from './state.ts'

/** How a dialect says what is wrong. */
export interface Renderer {
  /** The status that the error has. */
  readonly statusOf: (ctx: Context, error: unknown) => number
  /** Makes the error the answer. Only before headers are sent. */
  readonly render: (ctx: Context, error: unknown) => void
}

export function errors(node: Node, renderers: Record<Dialect, Renderer>): Middleware<State> {
  return async function errors(ctx, next) {
    try {
      await next()
    } catch (error) {
      ctx.state.failure = codeOf(error)
      const { statusOf, render } = renderers[ctx.state.dialect]
      if (ctx.res.headersSent) {
        noteFailure(ctx.state, codeOf(error), statusOf(ctx as Context, error))
        report(node, ctx, error)
        ctx.respond = false
        ctx.res.destroy()
        return
      }
      ctx.state.lateStatus = undefined
      render(ctx as Context, error)
      // 501 is a client that asks for what is not built: its line in the log says so.
      if (ctx.status >= 500 && ctx.status !== 501) report(node, ctx, error)
    }
  }
}

/** What a client brought about, also where its answer is 503. */
const clientsDoing: ReadonlySet<Code> = new Set([
  'BodyTruncated',
  'LoginDelayed',
  'UploadsExceeded',
])

/** The client's own doing (a hang-up, a refusal) is in the request's line; what is ours gets one of its own. */
function report(node: Node, ctx: { state: State }, error: unknown): void {
  const { requestId, operation } = ctx.state
  if (error instanceof CofferError && clientsDoing.has(error.code)) return
  node.log.error({ requestId, operation, err: error }, 'request failed')
}
