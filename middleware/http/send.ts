// Streams an object to the socket with back pressure. Every byte of every download passes here, so that there is one
// awaited read for each record and no copy, and each buffer is released as soon as the kernel has its bytes
// (D-BUFFERS).
import type { ServerResponse } from 'node:http'
import { release } from '../../lib/bytes/release.ts'
import { CofferError } from '../../lib/errors.ts'
import type { ObjectReader } from '../../lib/service/types.ts'
import type { Node } from '../node.ts'
import type { Context } from '../state.ts'
import { holdStream } from './answer-memory.ts'

/** Resolves when the socket has room, or is closed: a destroyed socket emits no 'drain'. */
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

/** The bytes in front of each extent of an answer with several, and behind the last. */
export interface Framing {
  readonly heads: readonly Buffer[]
  readonly end: Buffer
}

/**
 * Answers with the reader's bytes. The caller has set status and headers, Content-Length among them. The first piece
 * is read before the headers are sent, so that a failure of that read gets an answer of its own. After a later
 * failure the socket is destroyed, so that no short body looks whole. The reader is closed in any case. Throws
 * AnswersExceeded, and what the reader throws.
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
    // The response is written and ended here, and not by Koa.
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
      // The next piece is read and opened while the kernel takes this one.
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

/**
 * Writes a piece, and releases its buffer in the callback. After an error the kernel may still read it: it is not
 * released.
 */
function write(res: ServerResponse, piece: Buffer): boolean {
  if (piece.length === 0) throw new CofferError('Internal', { what: 'a detached buffer was read' })
  return res.write(piece, (error) => {
    if (error == null) release(piece)
  })
}
