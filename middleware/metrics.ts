// Counts each request when its answer has left or its connection is gone. Every request passes here:
// nothing is hashed or formatted.
import type { Socket } from 'node:net'
import type { Middleware } from 'koa'
import type { KeyRule, Node, State } from './state.ts'

/** Bytes of a connection that were counted with earlier requests on it. */
interface Seen {
  readonly receivedBytes: number
  readonly sentBytes: number
}

/** `ruleOf` names what the request's operation does with customer keys. */
export function metrics(node: Node, ruleOf: (state: State) => KeyRule): Middleware<State> {
  const seen = new WeakMap<Socket, Seen>()

  /** What the connection has carried since its last request ended. */
  function moved(socket: Socket): Seen {
    const { bytesRead: receivedBytes, bytesWritten: sentBytes } = socket
    const before = seen.get(socket)
    seen.set(socket, { receivedBytes, sentBytes })
    if (before === undefined) return { receivedBytes, sentBytes }
    return {
      receivedBytes: receivedBytes - before.receivedBytes,
      sentBytes: sentBytes - before.sentBytes,
    }
  }

  return async function metrics(ctx, next) {
    const { state, req, res } = ctx
    const { socket } = req
    node.metrics.underWay.inc()
    res.once('close', () => {
      node.metrics.underWay.dec()
      node.metrics.ended(
        state,
        {
          dialect: state.dialect,
          operation: state.operation,
          status: state.lateStatus ?? res.statusCode,
          seconds: (performance.now() - state.startedMs) / 1000,
          ...moved(socket),
        },
        { aborted: !res.writableFinished, keyUse: state.keys && ruleOf(state) },
      )
    })
    await next()
  }
}
