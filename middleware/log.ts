// Writes one line for each request, when its answer was sent or its connection ended. The line has no header of the
// request, and its URL is redacted.
import type { Middleware } from 'koa'
import { redactUrl } from '../lib/log.ts'
import type { Node } from './node.ts'
import type { State } from './state.ts'

export function log(node: Node): Middleware<State> {
  return async function log(ctx, next) {
    const { state, req, res } = ctx
    state.log = node.log
    res.once('close', () => {
      const { caller, target } = state
      node.log.info(
        {
          requestId: state.requestId,
          dialect: state.dialect,
          operation: state.operation,
          method: req.method,
          url: redactUrl(req.url ?? ''),
          status: res.statusCode,
          account: caller?.account,
          user: caller?.user,
          address: target?.address,
          ms: Math.round((performance.now() - state.startedMs) * 10) / 10,
          ...(state.lateStatus === undefined ? {} : { failure: state.failure }),
          ...(res.writableFinished ? {} : { aborted: true }),
        },
        'request',
      )
    })
    await next()
  }
}
