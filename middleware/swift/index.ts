// The Swift dialect. detect.ts names the operation, operations.ts has its rules and its handler, errors.ts renders its
// refusals. Nothing here stores anything: each handler translates a request to the service and its result back.
//
// Known gaps, each refused by name and absent from /info: extraction of archives, signed
// URLs and form uploads, symbolic links, legacy versioning, quotas, CORS, static web, container sync,
// several storage policies, several reseller prefixes, management of accounts.
// By design: Swift and S3 share one history of versions. Counts are exact at once. Names are limited in bytes.
// Client quirks: swiftclient compares ETags with MD5s unless an answer says X-Static-Large-Object.
import { CofferError } from '../../lib/errors.ts'
import { type HeaderRule, makeHeaderTable } from '../header-table.ts'
import type { MessageFault } from '../http/message-fault.ts'
import type { Node } from '../node.ts'
import type { Speaker } from '../speaker.ts'
import { authenticator, guessed, proofOf } from './authenticate.ts'
import { prepareBody } from './body.ts'
import type { Context, SwiftState } from './context.ts'
import { detect } from './detect.ts'
import { render, statusOf } from './errors.ts'
import { foldNames, titled } from './header-names.ts'
import { headerRules } from './header-rules.ts'
import { bindKeys, takeKeys } from './keys.ts'
import { HEADER_BYTES_MAX } from './limits.ts'
import { allOf } from './methods.ts'
import { operations } from './operations.ts'
import { resellerPrefix } from './resellers.ts'
import { SwiftError, unbuilt } from './swift-error.ts'
import { transactionId } from './transaction-id.ts'
import { renderUnparsed } from './unparsed.ts'

/** The mark of a large object, which only answers bear. */
const RESERVED = 'x-static-large-object'

/** Swift's servers say 400 for headers of any size. */
const refuseMessage = ({ status, text }: MessageFault) =>
  new SwiftError(status === 431 ? 400 : status, text)

function refuseHeader({ when, reason }: HeaderRule, name: string): SwiftError {
  if (name === RESERVED) return new SwiftError(400, `${titled(name)} ${reason}`)
  if (when === 'setting') return unbuilt(reason, `header ${titled(name)}`)
  return new SwiftError(400, `${titled(name)}: ${reason}`)
}

/** Throws SwiftError 400 where a header is longer than Swift's servers read. */
function requireShortHeaders({ rawHeaders }: Context['req']): void {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length + rawHeaders[i + 1]!.length + ': '.length > HEADER_BYTES_MAX) {
      throw new SwiftError(400, 'Header Line Too Long')
    }
  }
}

export function swift(node: Node): Speaker<SwiftState> {
  const prefix = resellerPrefix(node.config)
  return {
    name: 'swift',
    methods: allOf('object'),
    standing: new Set(['x-trans-id', 'x-openstack-request-id']),
    headers: makeHeaderTable(headerRules),
    begin(ctx) {
      const { state, req } = ctx
      foldNames(req)
      state.loginAs = ''
      state.requestId = transactionId(ctx.get('X-Trans-Id-Extra'))
      ctx.set('X-Trans-Id', state.requestId)
      ctx.set('X-Openstack-Request-Id', state.requestId)
    },
    refuseMessage,
    detect({ state, req }) {
      const request = detect(req.method ?? '', state.target, req.headers, prefix)
      state.swift = request
      state.operation = request.operation
      state.container = request.container
      state.object = request.object
      requireShortHeaders(req)
    },
    refuseHeader,
    authenticate: authenticator(node),
    guessed,
    takeKeys,
    keyRule: ({ swift }) => operations[swift.operation].ssec,
    bindKeys,
    prepareBody,
    async handle(ctx) {
      const { operation, account, accountName } = ctx.state.swift
      // An account that this node cannot hold has no owner, so that every request to it but OPTIONS is refused.
      if (accountName !== undefined && account === undefined && operation !== 'Options') {
        throw new CofferError('AccessDenied')
      }
      await operations[operation].handle(ctx, node)
    },
    statusOf,
    render,
    unparsed: renderUnparsed,
    proofOf,
  }
}
