// The Swift dialect: detect names the operation, operations.ts has its rules and its handler, errors.ts its
// refusals. Nothing here stores anything: every handler translates to the service and back.
//
// Known gaps, each refused by name and absent from /info: large objects (SLO, DLO), bulk operations, signed
// URLs and form uploads, symbolic links, legacy versioning, quotas, CORS, static web, container sync,
// several storage policies, several reseller prefixes, management of accounts.
// By design: one history of versions, S3's too; counts are exact at once; names are limited in bytes.
// Client quirks: swiftclient compares ETags with MD5s unless an answer says X-Static-Large-Object.
import type { Middleware } from 'koa'
import type { Config } from '../../lib/config/config.ts'
import { CofferError, isCode } from '../../lib/errors.ts'
import type { Context, KeyRule, Node, State } from '../state.ts'
import { detect } from './detect.ts'
import { HEADER_BYTES_MAX } from './limits.ts'
import { operations } from './operations.ts'
import { resellerPrefix } from './resellers.ts'
import { SwiftError } from './swift-error.ts'

export { swiftErrors } from './errors.ts'

/** Throws SwiftError 400 where a header is longer than Swift's servers read. */
function requireShortHeaders({ rawHeaders }: Context['req']): void {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length + rawHeaders[i + 1]!.length + ': '.length > HEADER_BYTES_MAX) {
      throw new SwiftError(400, 'Header Line Too Long')
    }
  }
}

/** Names the operation of a request and what it addresses. Throws SwiftError. */
export function detectSwift(ctx: { state: State; req: Context['req'] }, config: Config): void {
  const { state, req } = ctx
  const request = detect(req.method ?? '', state.target, req.headers, resellerPrefix(config))
  state.swift = request
  state.operation = request.operation
  state.container = request.container
  state.object = request.object
  requireShortHeaders(req)
}

/** What the request's operation does with customer keys; for other dialects nothing. */
export function swiftKeyRuleOf(state: State): KeyRule {
  return state.dialect === 'swift' ? operations[state.swift.operation].ssec : 'none'
}

/** Answers Swift requests; runs behind the whole pipeline. */
export function swift(node: Node): Middleware<State> {
  return async function swift(ctx) {
    const { operation, account, accountName } = ctx.state.swift
    // An account that this node cannot hold is nobody's; what it may do with OPTIONS, all may.
    if (accountName !== undefined && account === undefined && operation !== 'Options') {
      throw new CofferError('AccessDenied')
    }
    try {
      await operations[operation].handle(ctx as Context, node)
    } catch (error) {
      if (!isCode(error, 'KeyWrong')) throw error
      // For clients that take a 403 for a denied login.
      throw new CofferError('KeyWrong', { status: node.config.ssec.wrongKeyStatus }, error)
    }
  }
}
