// The S3 dialect. detect.ts names the operation, operations.ts has its rules and its handler, errors.ts renders its
// refusals. Nothing here stores anything: each handler translates a request to the service and its result back.
//
// Known gaps: MFA delete, object lock, ACLs other than private, bucket policies, tags, CORS, lifecycle,
// website, logging, notification, replication, browser forms, select, restore. A read of such a subresource is
// answered as AWS answers where it was never set. Setting one is 501 NotImplemented, and so is a header for one;
// headers of ACLs are 400, as AWS answers where ACLs are disabled.
// By design: there is one storage class (STANDARD) and no KMS. A bucket's name is looked for in the caller's account,
// then in the node's index. Answers name version ids only where the bucket keeps versions or did.
// Client quirks: botocore fails on an empty Message, and sends encoding-type=url unasked. Where s3-tests and AWS
// disagree, docs/s3.md says which is followed.
import { type HeaderRule, makeHeaderTable } from '../header-table.ts'
import type { MessageFault } from '../http/message-fault.ts'
import type { Node } from '../node.ts'
import type { Speaker } from '../speaker.ts'
import { authenticator, guessed, proofOf } from './authenticate.ts'
import { prepareBody } from './body.ts'
import type { S3State } from './context.ts'
import { detect } from './detect.ts'
import { render, statusOf } from './errors.ts'
import { headerRules } from './header-rules.ts'
import { bindKeys, takeKeys } from './keys.ts'
import { operations } from './operations.ts'
import { invalidArgument, S3Error } from './s3-error.ts'
import { screen } from './screens.ts'
import { renderUnparsed } from './unparsed.ts'
import { readDocument } from './xml.ts'

const faultCodes = {
  400: 'BadRequest',
  431: 'RequestHeaderSectionTooLarge',
  505: 'HTTPVersionNotSupported',
} as const

const refuseMessage = ({ status, text }: MessageFault) =>
  new S3Error(status, faultCodes[status], text)

const refuseHeader = ({ reason }: HeaderRule, name: string) =>
  invalidArgument(`${name}: ${reason}`, name)

export function s3(node: Node): Speaker<S3State> {
  const { domains } = node.config
  return {
    name: 's3',
    methods: ['HEAD', 'GET', 'PUT', 'POST', 'DELETE', 'OPTIONS'],
    standing: new Set(['x-amz-request-id', 'x-amz-id-2']),
    headers: makeHeaderTable(headerRules),
    begin(ctx) {
      const { requestId } = ctx.state
      ctx.set('x-amz-request-id', requestId)
      ctx.set('x-amz-id-2', Buffer.from(requestId).toString('base64'))
    },
    refuseMessage,
    detect({ state, req }) {
      const request = detect(req.method ?? '', state.target, req.headers, domains)
      state.s3 = request
      state.operation = request.operation
      state.container = request.bucket
      state.object = request.key
    },
    refuseHeader,
    authenticate: authenticator(node),
    guessed,
    takeKeys,
    keyRule: ({ s3 }) => operations[s3.operation].ssec,
    bindKeys,
    prepareBody,
    async handle(ctx) {
      const { s3, source } = ctx.state
      const { screens, documentBytesMax = 0, handle } = operations[s3.operation]
      screen(ctx, screens)
      await handle(ctx, node, (shape) => readDocument(source, documentBytesMax, shape))
    },
    statusOf,
    render,
    unparsed: renderUnparsed,
    proofOf,
  }
}
