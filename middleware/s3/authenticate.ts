// Who asks, of an S3 request: verifies its signature, or finds none, and says how the body is signed. A login that is
// denied goes to the audit trail.
import { authenticate } from '../../lib/auth/authenticate.ts'
import type { SignedRequest } from '../../lib/auth/request.ts'
import type { SigningRules } from '../../lib/auth/sigv4.ts'
import { CofferError } from '../../lib/errors.ts'
import { auditEntry } from '../audit.ts'
import type { Node } from '../node.ts'
import type { Proof } from '../speaker.ts'
import type { Context, S3State } from './context.ts'

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

/** Writes the audit line of a login that was denied. An unknown access key has no account. */
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

/** Verifies the signature of a request. It throws what lib/auth/authenticate.ts throws. */
export function authenticator(node: Node): (ctx: Context) => void {
  const rules: SigningRules = {
    // The users are looked up at each request, because users.yaml can be reloaded.
    users: { byAccessKey: (access) => node.users.byAccessKey(access) },
    region: node.config.region,
    domains: node.config.domains,
    presignedReads: node.config.ssec.presignedReads,
  }

  function verify(ctx: Context): void {
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
    // A header of the request counts before the parameter: it was signed too, or needs no signature.
    for (const [name, value] of found.verified.lifted) req.headers[name] ??= value
  }

  return function authenticate(ctx) {
    ctx.state.payload = { kind: 'unsigned' }
    ctx.state.signedBy = 'none'
    try {
      verify(ctx)
    } catch (error) {
      if (error instanceof CofferError) auditDenial(node, ctx, error)
      throw error
    }
  }
}

/** Codes with which a guess at credentials is denied. A wrong clock has another code. */
const guesses: ReadonlySet<string> = new Set(['CredentialUnknown', 'SignatureMismatch'])

/** The access key of a denied signature, undefined for an error that is no denied guess. */
export function guessed(_state: S3State, error: unknown): string | undefined {
  if (!(error instanceof CofferError) || !guesses.has(error.code)) return undefined
  return String(error.details.accessKey)
}

/** What is counted of signatures that do not hold, by code of lib/errors.ts. */
const refusals: ReadonlyMap<string, Proof> = new Map(
  [
    'CredentialUnknown',
    'SignatureMismatch',
    'SignatureMalformed',
    'SignatureQueryMalformed',
    'SignatureExpired',
    'SignatureUnsupported',
    'HeadersUnsigned',
    'DateMissing',
    'ClockSkewed',
  ].map((outcome) => [outcome, { by: 'signature', outcome }]),
)

const good: Proof = { by: 'signature', outcome: 'good' }

/** What metrics count of the request's signature; undefined where it had none. */
export function proofOf({ failure, signedBy }: S3State): Proof | undefined {
  const refusal = failure === undefined ? undefined : refusals.get(failure)
  if (refusal !== undefined) return refusal
  return signedBy === 'header' || signedBy === 'query' ? good : undefined
}
