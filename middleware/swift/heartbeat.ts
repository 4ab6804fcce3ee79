// Answers work that may take long, where the client asks for it: 202 and a blank at once, more blanks while the work goes on,
// and in the end a document that says how it ended. Swift: swift/common/middleware/slo.py, `heartbeat=on`.
import { codeOf } from '../audit.ts'
import { noteFailure } from '../late-failure.ts'
import { type Chosen, chooseDocument } from './accept.ts'
import { type BulkError, bulkDocument } from './bulk-document.ts'
import type { Context } from './context.ts'
import { textOfError } from './errors.ts'
import { headerOf } from './headers.ts'
import { HEARTBEAT_SECONDS } from './limits.ts'
import { titleOf } from './pages.ts'

/** How the work ended, where it did not throw. */
export interface Outcome {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly errors: readonly BulkError[]
}

const documentOf = ({ format }: Chosen, { status, fields, errors }: Outcome) =>
  bulkDocument(
    format,
    'upload',
    { ...fields, 'Response Status': `${status} ${titleOf(status)}` },
    errors,
  )

/** Runs the work, and writes all of the answer. */
export async function answerWithHeartbeat(
  ctx: Context,
  work: () => Promise<Outcome>,
  heartbeatMs = HEARTBEAT_SECONDS * 1000,
): Promise<void> {
  const { res } = ctx
  const chosen = chooseDocument(headerOf(ctx, 'accept'))
  ctx.status = 202
  ctx.set('Content-Type', chosen.contentType)
  ctx.respond = false
  res.write(' ')
  const timer = setInterval(() => res.write(' '), heartbeatMs)
  try {
    const outcome = await work()
    if (outcome.status >= 400) noteFailure(ctx.state, `Swift${outcome.status}`, outcome.status)
    res.end(`\r\n\r\n${documentOf(chosen, outcome)}`)
  } catch (error) {
    const { status, text } = textOfError(ctx, error)
    noteFailure(ctx.state, codeOf(error), status)
    const { log, operation, requestId } = ctx.state
    if (status >= 500) log.error({ requestId, operation, err: error }, 'request failed')
    const fields = { 'Response Body': text }
    res.end(`\r\n\r\n${documentOf(chosen, { status, fields, errors: [] })}`)
  } finally {
    clearInterval(timer)
  }
}
