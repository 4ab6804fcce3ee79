// The memory of answers on their way to clients, which is bounded for all of them together. An answer takes its part
// before it is made, where its size is known by then, and gives it back when it was sent.
import type { ServerResponse } from 'node:http'
import type { Middleware } from 'koa'
import { CofferError } from '../../lib/errors.ts'
import type { Node } from '../node.ts'
import type { State } from '../state.ts'

/** Bytes that an object's answer holds while its client does not read: a piece at the socket, and the next one. */
const STREAM_BYTES = 2 * 65_536

/** Answers up to this size in bytes are not counted. The limit of connections bounds them. */
const UNCOUNTED_BYTES = 16_384

type Holder = Pick<Node, 'answerMemory' | 'config'>

function giveWhenOver({ answerMemory }: Holder, res: ServerResponse, bytes: number): void {
  if (res.closed) answerMemory.give(bytes)
  else res.once('close', () => answerMemory.give(bytes))
}

/**
 * Takes the memory to send `lengthBytes` piece by piece, and waits for it. Throws AnswersExceeded where none is free
 * within limits.answerWaitMs.
 */
export async function holdStream(
  node: Holder,
  res: ServerResponse,
  lengthBytes: number,
): Promise<void> {
  await holdBody(node, res, Math.min(lengthBytes, STREAM_BYTES))
}

/**
 * Takes the memory for a body that is read whole, until the request is answered, and waits for it. Throws AnswersExceeded
 * as `holdStream` does.
 */
export async function holdBody(node: Holder, res: ServerResponse, bytes: number): Promise<void> {
  if (bytes <= UNCOUNTED_BYTES) return
  const taken = node.answerMemory.take(bytes, node.config.limits.answerWaitMs)
  if (taken !== true && !(await taken)) throw new CofferError('AnswersExceeded')
  giveWhenOver(node, res, bytes)
}

/**
 * Takes the memory of an answer that was made whole, as a listing. It does not wait, because the answer would stay in
 * memory meanwhile (D-ANSWER-MEMORY). Throws AnswersExceeded where none is free.
 */
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
