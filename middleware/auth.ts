// Who asks: verifies the request's signature or token, or finds none, and says how the body is signed. A
// login that is denied goes to the audit trail.
import type { Next } from 'koa'
import { authenticate } from '../lib/auth/authenticate.ts'
import type { SignedRequest } from '../lib/auth/request.ts'
import type { SigningRules } from '../lib/auth/sigv4.ts'
import { CofferError } from '../lib/errors.ts'
import { auditEntry } from './audit.ts'
import type { Context, Node } from './state.ts'
import { challengeOf, resellerPrefix } from './swift/resellers.ts'
import { SwiftError } from './swift/swift-error.ts'

/**
 * Headers as pairs. Behind a trusted proxy the client signed the host that it saw, which stands in
 * X-Forwarded-Host and, without its port, in `target.host`.
 */
function headerPairs({ req, state }: Context): [string, string][] {
  const forwarded = String(req.headers['x-forwarded-host'] ?? '')
    .split(',', 1)[0]!
    .trim()
  const hostname = (host: string) => host.toLowerCase().replace(/:\d+$/, '')
  const replaced =
    hostname(req.headers.host ?? '') !== state.target.host &&
    hostname(forwarded) === state.target.host
  const pairs: [string, string][] = []
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i]!
    const isHost = replaced && name.toLowerCase() === 'host'
    pairs.push([name, isHost ? forwarded : req.rawHeaders[i + 1]!])
  }
  return pairs
}

/** One audit line for a login that was denied. An unknown access key is nobody's. */
function auditDenial(node: Node, { state }: Context, error: CofferError): void {
  const { accessKey } = error.details
  const identity =
    typeof accessKey === 'string' ? node.users.byAccessKey(accessKey)?.identity : undefined
  const entry = auditEntry(state, error.code)
  node.audit.write({
    ...entry,
    account: identity?.account ?? '',
    user: identity?.user ?? '',
  })
}

/** Operations that everybody may ask for, so that an old token does no harm there. */
const open: ReadonlySet<string> = new Set(['Auth', 'Info', 'Healthcheck', 'Crossdomain', 'Options'])

/** The token of a Swift request; '' where there is none. X-Auth-Token counts, even empty, if it is there. */
function tokenOf({ req }: Context): string {
  return String(req.headers['x-auth-token'] ?? req.headers['x-storage-token'] ?? '')
}

/** Throws what lib/auth/authenticate.ts throws, SwiftError 401 for a token that is not good, and StoreUnavailable where it is
 * not known whether its user has logged out. */
export function auth(node: Node) {
  const tokenStart = `${resellerPrefix(node.config)}_`
  const rules: SigningRules = {
    // Asked anew each time: users can be reloaded.
    users: { byAccessKey: (access) => node.users.byAccessKey(access) },
    region: node.config.region,
    domains: node.config.domains,
    presignedReads: node.config.ssec.presignedReads,
  }

  function verifyS3(ctx: Context): void {
    const { req, state } = ctx
    const request: SignedRequest = {
      method: req.method ?? '',
      rawPath: state.target.path,
      rawQuery: state.target.query,
      host: state.target.host,
      headers: headerPairs(ctx),
      nowMs: Date.now(),
    }
    const found = authenticate(request, rules)
    state.signedBy = found.signedBy
    if (found.verified === null) {
      state.payload = found.payload
      return
    }
    state.caller = found.verified.credential.identity
    state.provenAs = found.verified.credential.access
    state.payload = found.verified.payload
    // A header that was sent wins: it was signed too, or need not be.
    for (const [name, value] of found.verified.lifted) req.headers[name] ??= value
  }

  /** A token of another issuer is ignored, as TempAuth does: what is public is served all the same. */
  async function verifySwift(ctx: Context): Promise<void> {
    const { state } = ctx
    const token = open.has(state.operation) ? '' : tokenOf(ctx)
    state.token = token === '' ? 'none' : 'invalid'
    if (!token.startsWith(tokenStart)) return
    const identity = await node.tokens.open(node.users, token, Date.now())
    if (identity === undefined) {
      node.audit.write(auditEntry(state, 'TokenDenied'))
      throw new SwiftError(401, undefined, challengeOf(state.swift.accountName))
    }
    state.caller = identity
    state.token = 'valid'
  }

  return async function auth(ctx: Context, next: Next): Promise<void> {
    const { state } = ctx
    state.caller = null
    state.payload = { kind: 'unsigned' }
    state.signedBy = 'none'
    if (state.dialect === 's3') {
      try {
        verifyS3(ctx)
      } catch (error) {
        if (error instanceof CofferError) auditDenial(node, ctx, error)
        throw error
      }
    } else {
      await verifySwift(ctx)
    }
    await next()
  }
}
