// Counts each request when its answer was sent or its connection ended. This runs for every request, so that it
// hashes and formats nothing.
import type { Socket } from 'node:net'
import type { Middleware } from 'koa'
import type { Node } from './node.ts'
import type { SpokenState } from './speaker.ts'

/** Bytes of a connection that were counted with earlier requests on it. */
interface Seen {
  readonly receivedBytes: number
  readonly sentBytes: number
}

export function metrics(node: Node): Middleware<SpokenState> {
  const seen = new WeakMap<Socket, Seen>()

  /** Bytes on the connection since its last request ended. */
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
      const { speaker } = state
      const status = state.lateStatus ?? res.statusCode
      node.metrics.ended(
        state,
        {
          dialect: state.dialect,
          operation: state.operation,
          status,
          seconds: (performance.now() - state.startedMs) / 1000,
          ...moved(socket),
        },
        {
          aborted: !res.writableFinished,
          keyUse: state.keys && speaker.keyRule(state),
          proof: speaker?.proofOf(state, status),
        },
      )
    })
    await next()
  }
}
