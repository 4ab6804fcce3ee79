// The S3 dialect: detect names the operation, operations.ts has its rules and its handler, errors.ts its
// refusals. Nothing here stores anything: every handler translates to the service and back.
//
// Known gaps: MFA delete, object lock, ACLs other than private, bucket policies, tags, CORS, lifecycle,
// website, logging, notification, replication, browser forms, select, restore. Reading such a
// subresource answers as AWS where it was never set; setting it is 501 NotImplemented; headers that ask
// for one are 501 too (of ACLs 400, as where AWS has them disabled).
// By design: one storage class (STANDARD); no KMS; a bucket's name is the account's own first, then the
// node's; answers name version ids only where the bucket keeps versions or did.
// Client quirks: botocore cannot read an empty Message; it asks for encoding-type=url by itself;
// s3-tests and AWS disagree here and there, and docs/s3.md says who is followed.
import type { Middleware } from 'koa'
import { CofferError, isCode } from '../../lib/errors.ts'
import type { Context, KeyRule, Node, State } from '../state.ts'
import { detect } from './detect.ts'
import { operations } from './operations.ts'
import { screen } from './screens.ts'
import { readDocument } from './xml.ts'

export { s3Errors } from './errors.ts'

/** Names the operation of a request and what it addresses. Throws S3Error. */
export function detectS3(ctx: { state: State; req: Context['req'] }, domains: readonly string[]) {
  const { state, req } = ctx
  const request = detect(req.method ?? '', state.target, req.headers, domains)
  state.s3 = request
  state.operation = request.operation
  state.container = request.bucket
  state.object = request.key
}

/** What the request's operation does with customer keys; for other dialects nothing. */
export function keyRuleOf(state: State): KeyRule {
  return state.dialect === 's3' ? operations[state.s3.operation].ssec : 'none'
}

/** Answers S3 requests; runs behind the whole pipeline. */
export function s3(node: Node): Middleware<State> {
  return async function s3(ctx) {
    const context = ctx as Context
    const operation = operations[ctx.state.s3.operation]
    screen(context, operation.screens)
    const { documentBytesMax = 0 } = operation
    try {
      await operation.handle(context, node, (shape) =>
        readDocument(ctx.state.source, documentBytesMax, shape),
      )
    } catch (error) {
      if (!isCode(error, 'KeyWrong')) throw error
      // For clients that take a 403 for a denied login.
      throw new CofferError('KeyWrong', { status: node.config.ssec.wrongKeyStatus }, error)
    }
  }
}
