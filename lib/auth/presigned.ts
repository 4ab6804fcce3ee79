// SigV4 in the query: a URL that anybody may use until it expires.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
import { CofferError } from '../errors.ts'
import { malformed, readCredential } from './credential-scope.ts'
import { CLOCK_SKEW_MAX_MS, isoSeconds, readBasicDate } from './dates.ts'
import { UNSIGNED_PAYLOAD } from './payload.ts'
import { type Parameter, parameterOf, percentDecode, ssecHeaders } from './request.ts'
import { type Opened, type SigningRules, type Verified, verifyClaim } from './sigv4.ts'

/** Longest life of a presigned URL. */
export const EXPIRES_MAX_SECONDS = 604_800

const ownParameters = new Set(
  'algorithm credential date expires signedheaders signature security-token content-sha256'
    .split(' ')
    .map((name) => `x-amz-${name}`),
)

// AWS ignores checksums in a URL. The JavaScript SDK relies on that: it signs the CRC32 of an empty body into
// each presigned PUT (aws-sdk#480, localstack#12169).
const ignored = /^x-amz-(checksum-(crc|sha)|sdk-checksum-algorithm)/

// The characters of a header value: a tab, but no other control character, which could end a signed or sent
// line.
const PLAIN = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Refuses a decoded value with a line break or another control character. No header can hold it. SigV2 signs
 * decoded values on lines of their own, so that such a value could be read as lines of another request. Throws
 * SignatureQueryMalformed.
 */
export function requirePlainText(name: string, value: string): void {
  if (PLAIN.test(value)) return
  throw malformed('query', `The parameter ${name} must not hold control characters.`)
}

/**
 * Headers that a signed query holds in their place (`x-amz-*`, which SDKs move there). Names are in lower case,
 * values decoded to byte strings. Throws SignatureQueryMalformed for a name that comes twice, because signer
 * and reader could each use another one, and for a value that no header can hold.
 */
export function liftedHeaders(parameters: readonly Parameter[]): Parameter[] {
  const lifted = new Map<string, string>()
  for (const [rawName, encodedValue] of parameters) {
    const name = rawName.toLowerCase()
    if (!name.startsWith('x-amz-') || ownParameters.has(name) || ignored.test(name)) continue
    if (lifted.has(name)) throw malformed('query', `The parameter ${name} must not come twice.`)
    const value = percentDecode(encodedValue)
    requirePlainText(name, value)
    lifted.set(name, value)
  }
  return [...lifted]
}

/** True where the SSE-C header `name` may be unsigned, because `aws s3 presign` cannot sign it. Never on
 * writes. */
export function mayComeUnsigned(name: string, method: string, rules: SigningRules): boolean {
  const read = method === 'GET' || method === 'HEAD'
  return read && rules.presignedReads === 'unsigned' && ssecHeaders.has(name)
}

/** Reads X-Amz-Expires, in seconds. Throws SignatureQueryMalformed. */
function readExpires(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw malformed('query', 'X-Amz-Expires should be a number')
  const seconds = Number(text)
  if (seconds < 0) throw malformed('query', 'X-Amz-Expires must be non-negative')
  if (seconds > EXPIRES_MAX_SECONDS) {
    throw malformed(
      'query',
      `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ${EXPIRES_MAX_SECONDS} seconds`,
    )
  }
  return seconds
}

/** Throws SignatureExpired, and AccessDenied for a URL whose life begins more than 15 minutes from now. */
function checkLife(startMs: number, expiresSeconds: number, nowMs: number): void {
  if (startMs - nowMs > CLOCK_SKEW_MAX_MS) {
    throw new CofferError('AccessDenied', { message: 'Request is not valid yet' })
  }
  const endMs = startMs + expiresSeconds * 1000
  if (nowMs < endMs) return
  throw new CofferError('SignatureExpired', {
    expires: isoSeconds(endMs),
    serverTime: isoSeconds(nowMs),
  })
}

/**
 * Verifies a URL presigned with SigV4. Throws SignatureQueryMalformed, SignatureExpired, AccessDenied, and the
 * errors of `verifyClaim`.
 */
export function verifySigV4Query(opened: Opened, rules: SigningRules): Verified {
  const { request, fields, parameters } = opened
  const [algorithm, credential, signature, timestamp, signedHeaders, expires] = [
    'Algorithm',
    'Credential',
    'Signature',
    'Date',
    'SignedHeaders',
    'Expires',
  ].map((name) => parameterOf(parameters, `X-Amz-${name}`))
  if (!algorithm || !credential || !signature || !timestamp || !signedHeaders || !expires) {
    throw malformed(
      'query',
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    )
  }
  if (algorithm !== 'AWS4-HMAC-SHA256') {
    throw malformed('query', 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  }
  const startMs = readBasicDate(timestamp)
  if (startMs === undefined) {
    throw malformed('query', `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
  }
  const scope = readCredential('query', credential, timestamp, rules.region)
  checkLife(startMs, readExpires(expires), request.nowMs)
  // The payload is UNSIGNED-PAYLOAD unless a signed header or parameter says otherwise. An unsigned hash that
  // comes with a presigned URL is still a claim about the body, and is verified.
  const sent = fields.get('x-amz-content-sha256')
  const signed = signedHeaders.split(';').includes('x-amz-content-sha256') ? sent : undefined
  const payloadHash = parameterOf(parameters, 'X-Amz-Content-Sha256') ?? signed ?? UNSIGNED_PAYLOAD
  const lifted = liftedHeaders(parameters)
  const inQuery = new Map(lifted)
  const claim = { scope, timestamp, signedHeaders, signature, payloadHash }
  const payloadValue = payloadHash === UNSIGNED_PAYLOAD ? (sent ?? payloadHash) : payloadHash
  const verified = verifyClaim(
    opened,
    claim,
    rules,
    payloadValue,
    (name, value) => inQuery.get(name) === value || mayComeUnsigned(name, request.method, rules),
  )
  return { ...verified, lifted }
}
