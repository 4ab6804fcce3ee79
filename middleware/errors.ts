// The only catch of the pipeline: every error becomes the dialect's answer here, and is logged once where
// it is ours. After headers are sent a failure destroys the socket, so that no client takes a short body
// for a success.
import type { Middleware } from 'koa'
import { type Code, CofferError } from '../lib/errors.ts'
import { codeOf } from './audit.ts'
import { noteFailure } from './late-failure.ts'
import type { Node } from './node.ts'
import type { Speaker, SpokenState } from './speaker.ts'
import type { Context, State } from './state.ts'

/** Makes the error the answer. Headers of an answer that was begun go, but those that stand on every one. */
export function refuse<S extends State>(
  speaker: Speaker<S>,
  ctx: Context<S>,
  error: unknown,
): void {
  for (const name of Object.keys(ctx.response.headers)) {
    if (name !== 'connection' && !speaker.standing.has(name)) ctx.remove(name)
  }
  speaker.render(ctx, error)
}

export function errors(node: Node): Middleware<SpokenState> {
  return async function errors(ctx, next) {
    try {
      await next()
    } catch (error) {
      const { state } = ctx
      const { speaker } = state
      state.failure = codeOf(error)
      if (ctx.res.headersSent) {
        noteFailure(state, codeOf(error), speaker.statusOf(ctx, error))
        report(node, ctx, error)
        ctx.respond = false
        ctx.res.destroy()
        return
      }
      state.lateStatus = undefined
      refuse(speaker, ctx, error)
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
