// Streams an object to the socket with back pressure. Every byte of every download passes here: one
// awaited read a record, no copies, and each buffer given back as soon as the kernel has it.
import type { ServerResponse } from 'node:http'
import { release } from '../../lib/bytes/release.ts'
import { CofferError } from '../../lib/errors.ts'
import type { ObjectReader } from '../../lib/service/types.ts'
import type { Node } from '../node.ts'
import type { Context } from '../state.ts'
import { holdStream } from './answer-memory.ts'

/** Resolves when the socket takes more, or never will: a destroyed one gives no 'drain'. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done)
      res.off('close', done)
      resolve()
    }
    res.on('drain', done)
    res.on('close', done)
    if (res.destroyed) done()
  })
}

/** What stands around the extents of a read of several: something before each, and an end. */
export interface Framing {
  readonly heads: readonly Buffer[]
  readonly end: Buffer
}

/**
 * Answers with the reader's bytes; status and headers, Content-Length among them, are set before. The
 * first piece is read before headers leave, so that a failure there still gets an answer of its own. A
 * later one, or a client that hangs up, ends with a destroyed socket, never with a short body that looks
 * whole. Closes the reader in any case. Throws AnswersExceeded, and what the reader throws.
 */
export async function sendReader(
  ctx: Context,
  node: Pick<Node, 'answerMemory' | 'config'>,
  reader: ObjectReader,
  framing?: Framing,
): Promise<void> {
  const { res } = ctx
  const { extents } = reader
  try {
    if (ctx.method === 'HEAD') return
    await holdStream(
      node,
      res,
      extents.reduce((sum, { length }) => sum + length, 0),
    )
    let index = 0
    let left = extents[0]!.length
    let piece = await reader.read()
    // From here on the response is ours: Koa must not end it.
    ctx.respond = false
    if (framing !== undefined) res.write(framing.heads[0]!)
    while (piece !== undefined && !res.destroyed) {
      left -= piece.length
      const full = !write(res, piece)
      if (left <= 0 && ++index === extents.length) break
      if (left === 0) {
        left = extents[index]!.length
        if (framing !== undefined) res.write(framing.heads[index]!)
      }
      // The next piece is opened while the kernel takes this one.
      const next = reader.read()
      piece = full ? (await Promise.all([next, drained(res)]))[0] : await next
    }
    if (res.destroyed) return
    if (left !== 0) throw new CofferError('StoreCorrupt', { what: 'object shorter than its row' })
    res.end(framing?.end)
  } catch (error) {
    if (ctx.respond === false) res.destroy()
    throw error
  } finally {
    reader.close()
  }
}

/** The buffer is the kernel's until the callback; where an error comes, nobody knows, and it is left. */
function write(res: ServerResponse, piece: Buffer): boolean {
  if (piece.length === 0) throw new CofferError('Internal', { what: 'a detached buffer was read' })
  return res.write(piece, (error) => {
    if (error == null) release(piece)
  })
}
