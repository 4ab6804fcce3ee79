// Finds the signature of a request, and verifies it.
import { CofferError } from '../errors.ts'
import { malformed } from './credential-scope.ts'
import { type PayloadMode, readPayloadMode } from './payload.ts'
import { verifySigV4Query } from './presigned.ts'
import {
  headerFields,
  type Parameter,
  parameterOf,
  queryParameters,
  type SignedRequest,
} from './request.ts'
import { verifySigV2Header, verifySigV2Query } from './sigv2.ts'
import { type Opened, type SigningRules, type Verified, verifySigV4Header } from './sigv4.ts'

/** A verified signature; or an anonymous request (`verified` is null), and what it says of its body. */
export type Authenticated =
  | { readonly signedBy: 'header' | 'query'; readonly verified: Verified }
  | { readonly signedBy: 'none'; readonly verified: null; readonly payload: PayloadMode }

const v4Parameters = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature']
const v2Parameters = ['AWSAccessKeyId', 'Signature']
const signing: ReadonlySet<string> = new Set([
  ...v4Parameters,
  ...v2Parameters,
  ...['X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Content-Sha256', 'Expires'],
])

/** True where a query holds a signature. Authentication and dispatch share this rule. */
export const isSignedQuery = (has: (name: string) => boolean): boolean =>
  v4Parameters.some(has) || v2Parameters.some(has)

/** Throws SignatureQueryMalformed for a parameter of the signature that comes twice. Two readers could
 * otherwise choose different ones. */
function requireOnce(parameters: readonly Parameter[]): void {
  const seen = new Set<string>()
  for (const [name] of parameters) {
    if (!signing.has(name)) continue
    if (seen.has(name)) throw malformed('query', `The parameter ${name} must not come twice.`)
    seen.add(name)
  }
}

const manySignatures = () =>
  new CofferError('SignatureUnsupported', {
    message:
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
  })

/** Throws SignatureUnsupported for an unknown scheme, AccessDenied for an empty header. */
function verifyHeader(opened: Opened, authorization: string, rules: SigningRules): Verified {
  if (authorization === '') throw new CofferError('AccessDenied')
  if (authorization.startsWith('AWS4-HMAC-SHA256')) {
    return verifySigV4Header(opened, authorization, rules)
  }
  if (authorization.startsWith('AWS ')) return verifySigV2Header(opened, authorization, rules)
  throw new CofferError('SignatureUnsupported', { message: 'Unsupported Authorization Type' })
}

/**
 * Finds and verifies the request's signature. Throws the errors of the verifiers, SignatureUnsupported for a
 * request that is signed in two ways, and SignatureQueryMalformed where a parameter of the signature comes
 * twice.
 */
export function authenticate(request: SignedRequest, rules: SigningRules): Authenticated {
  const fields = headerFields(request.headers)
  const parameters = queryParameters(request.rawQuery)
  const opened = { request, fields, parameters }
  const authorization = fields.get('authorization')
  const has = (name: string) => parameterOf(parameters, name) !== undefined
  const v4 = v4Parameters.some(has)
  const v2 = v2Parameters.some(has)
  if (v4 && v2) throw manySignatures()
  if (v4 || v2) requireOnce(parameters)
  if (authorization !== undefined) {
    if (v4 || v2) throw manySignatures()
    return { signedBy: 'header', verified: verifyHeader(opened, authorization, rules) }
  }
  if (v4) return { signedBy: 'query', verified: verifySigV4Query(opened, rules) }
  if (v2) return { signedBy: 'query', verified: verifySigV2Query(opened, rules) }
  const payload = readPayloadMode(fields.get('x-amz-content-sha256'))
  return { signedBy: 'none', verified: null, payload }
}
