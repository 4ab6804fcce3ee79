// The only catch of the pipeline. Each error becomes the dialect's answer here, and an error that is no client's
// doing is logged once. After headers are sent a failure destroys the socket, so that no client takes a short body
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
      // 501 is a request for a feature that is not built. The request's line in the log names it.
      if (ctx.status >= 500 && ctx.status !== 501) report(node, ctx, error)
    }
  }
}

/** Codes of errors that a client brought about, though the answer may be 503. */
const clientsDoing: ReadonlySet<Code> = new Set([
  'BodyTruncated',
  'LoginDelayed',
  'UploadsExceeded',
])

/** Logs an error in a line of its own, unless the client brought it about: then the request's line has it. */
function report(node: Node, ctx: { state: State }, error: unknown): void {
  const { requestId, operation } = ctx.state
  if (error instanceof CofferError && clientsDoing.has(error.code)) return
  node.log.error({ requestId, operation, err: error }, 'request failed')
}
