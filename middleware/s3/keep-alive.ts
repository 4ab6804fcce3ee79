// Answers work that may take long (a copy of gigabytes, a Complete of thousands of parts) as AWS does. The head goes
// out after some seconds, then blanks follow so that proxies and clients do not time out, and the document comes
// last. A failure after the head is an Error document under a 200.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
import { codeOf } from '../audit.ts'
import { noteFailure } from '../late-failure.ts'
import { sendXml } from './answer.ts'
import type { Context } from './context.ts'
import { describeError, errorElement } from './errors.ts'
import { DECLARATION, type Fragment } from './xml-writer.ts'

/** Time until the head goes out, and between two blanks. */
export const KEEP_ALIVE_MS = 10_000

/**
 * Answers with the document that `work` returns. Response headers that `work` sets are sent only where it ends before
 * the head goes out. Throws what `work` throws, where it ends before the head goes out.
 */
export async function sendWhenDone(
  ctx: Context,
  work: () => Promise<Fragment>,
  keepAliveMs = KEEP_ALIVE_MS,
): Promise<void> {
  const { res } = ctx
  const timer = setInterval(() => {
    if (!res.headersSent) {
      ctx.respond = false
      ctx.status = 200
      ctx.type = 'application/xml'
      res.write(DECLARATION)
    }
    res.write(' ')
  }, keepAliveMs)
  try {
    const document = await work()
    if (ctx.respond === false) res.end(document)
    else sendXml(ctx, document)
  } catch (error) {
    if (ctx.respond !== false) throw error
    const { requestId, operation, log } = ctx.state
    const { status } = describeError(ctx, error)
    noteFailure(ctx.state, codeOf(error), status)
    if (status >= 500) log.error({ requestId, operation, err: error }, 'request failed')
    res.end(errorElement(ctx, error))
  } finally {
    clearInterval(timer)
  }
}
