// Memory for answers: each takes its part of what all may have on their way to clients, before it is made where its
// size is known by then, and gives it back when it has left.
import type { ServerResponse } from 'node:http'
import type { Middleware } from 'koa'
import { CofferError } from '../../lib/errors.ts'
import type { Node } from '../node.ts'
import type { State } from '../state.ts'

/** What an object's answer holds when its client does not read: a piece that the socket has, and the next. */
const STREAM_BYTES = 2 * 65_536

/** Answers up to this size are not counted: the bound on connections bounds them, and they go on when larger ones
 * wait. */
const UNCOUNTED_BYTES = 16_384

type Holder = Pick<Node, 'answerMemory' | 'config'>

function giveWhenOver({ answerMemory }: Holder, res: ServerResponse, bytes: number): void {
  if (res.closed) answerMemory.give(bytes)
  else res.once('close', () => answerMemory.give(bytes))
}

/** Takes the memory for sending so many bytes piece by piece, and waits for it. Throws AnswersExceeded where there is
 * none within limits.answerWaitMs. */
export async function holdStream(
  node: Holder,
  res: ServerResponse,
  lengthBytes: number,
): Promise<void> {
  if (lengthBytes <= UNCOUNTED_BYTES) return
  const bytes = Math.min(lengthBytes, STREAM_BYTES)
  const taken = node.answerMemory.take(bytes, node.config.limits.answerWaitMs)
  if (taken !== true && !(await taken)) throw new CofferError('AnswersExceeded')
  giveWhenOver(node, res, bytes)
}

/** Takes the memory for an answer that was made whole, a listing say. Throws AnswersExceeded where there is none now: to
 * wait would hold it all the while. */
export function answers(node: Node): Middleware<State> {
  return async function answers(ctx, next) {
    await next()
    const { body } = ctx
    if (ctx.respond === false || !(typeof body === 'string' || Buffer.isBuffer(body))) return
    if (body.length <= UNCOUNTED_BYTES) return
    const bytes = Buffer.byteLength(body)
    if (!node.answerMemory.tryTake(bytes)) {
      ctx.body = null
      throw new CofferError('AnswersExceeded')
    }
    giveWhenOver(node, ctx.res, bytes)
  }
}
