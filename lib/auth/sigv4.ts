// SigV4: the canonical request exactly as S3 computes it (encoded once, nothing normalised), the signature over
// it, and the rules by which S3 refuses one. The functions are pure.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
import { CofferError } from '../errors.ts'
import { ChunkSignatures } from './chunk-signatures.ts'
import { type CredentialScope, malformed, readCredential } from './credential-scope.ts'
import { checkSkew, readBasicDate, readHttpDate, writeBasicDate } from './dates.ts'
import { HmacKey, sameSignature, sha256 } from './hmac.ts'
import { type PayloadMode, readPayloadMode } from './payload.ts'
import {
  canonicalPath,
  canonicalQuery,
  isSecretName,
  MASK,
  type Parameter,
  type SignedRequest,
} from './request.ts'
import type { Credential, Users } from './users.ts'

export type { PayloadMode } from './payload.ts'

/** The node's rules for signatures. */
export interface SigningRules {
  readonly users: Pick<Users, 'byAccessKey'>
  /** The one region that SigV4 scopes may name. */
  readonly region: string
  /** Domains under which the first label of the host is a bucket. */
  readonly domains: readonly string[]
  /** Whether the SSE-C headers of presigned GET and HEAD may come unsigned. */
  readonly presignedReads: 'unsigned' | 'signed'
}

/** A request whose signature was verified. */
export interface Verified {
  readonly credential: Credential
  readonly payload: PayloadMode
  /** Headers of a presigned request that are signed query parameters (names in lower case). */
  readonly lifted: readonly Parameter[]
}

/** A request with its parsed headers and query. */
export interface Opened {
  readonly request: SignedRequest
  readonly fields: ReadonlyMap<string, string>
  readonly parameters: readonly Parameter[]
}

/** A SigV4 signature as claimed in the header or in the query. */
export interface Claim {
  readonly scope: CredentialScope
  /** yyyyMMdd'T'HHmmss'Z' */
  readonly timestamp: string
  /** As sent: lower-case names joined by `;`. */
  readonly signedHeaders: string
  readonly signature: string
  /** Last line of the canonical request. */
  readonly payloadHash: string
}

const SIGNING_KEYS_MAX = 1000
const signingKeys = new Map<string, HmacKey>()

/** The signing key of one secret, day and region. It takes four HMACs, so that the last thousand keys are
 * kept. */
function signingKey(secret: string, { date, region }: CredentialScope): HmacKey {
  const name = `${date}/${region}/${secret}`
  let key = signingKeys.get(name)
  if (key === undefined) {
    key = new HmacKey('sha256', `AWS4${secret}`)
      .derive(date)
      .derive(region)
      .derive('s3')
      .derive('aws4_request')
    const oldest = signingKeys.keys().next()
    if (signingKeys.size >= SIGNING_KEYS_MAX && !oldest.done) signingKeys.delete(oldest.value)
    signingKeys.set(name, key)
  }
  return key
}

function canonicalRequest(
  { request, fields, parameters }: Opened,
  claim: Claim,
  shown: (name: string, value: string) => string,
): string {
  const query = parameters
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]): Parameter => [name, shown(name, value)])
  let headers = ''
  for (const name of claim.signedHeaders.split(';')) {
    headers += `${name}:${shown(name, fields.get(name) ?? '')}\n`
  }
  return `${request.method}\n${canonicalPath(request.rawPath)}\n${canonicalQuery(query)}\n${headers}\n${claim.signedHeaders}\n${claim.payloadHash}`
}

// Headers that SDKs and proxies add without signing them, and that have no meaning here; and the payload's
// hash, which is a line of the canonical request itself.
const needNoSignature = new Set(['x-amz-user-agent', 'x-amz-content-sha256'])

/** Throws HeadersUnsigned unless `host` and every `x-amz-*` header are signed, except those that
 * `mayBeUnsigned`. */
function checkSigned(
  { fields }: Opened,
  claim: Claim,
  mayBeUnsigned: (name: string, value: string) => boolean,
): void {
  const signed = new Set(claim.signedHeaders.split(';'))
  const unsigned = signed.has('host') ? [] : ['host']
  for (const [name, value] of fields) {
    if (!name.startsWith('x-amz-') || signed.has(name) || needNoSignature.has(name)) continue
    if (!mayBeUnsigned(name, value)) unsigned.push(name)
  }
  if (unsigned.length === 0) return
  throw new CofferError('HeadersUnsigned', { headers: unsigned.join(', ') })
}

/**
 * Verifies a claimed signature. Throws CredentialUnknown, HeadersUnsigned, SignatureMismatch (whose details
 * hold no customer key), and the errors of `readPayloadMode`.
 */
export function verifyClaim(
  opened: Opened,
  claim: Claim,
  rules: SigningRules,
  payloadValue: string,
  mayBeUnsigned: (name: string, value: string) => boolean,
): { credential: Credential; payload: PayloadMode } {
  const credential = rules.users.byAccessKey(claim.scope.access)
  if (credential === undefined) {
    throw new CofferError('CredentialUnknown', { accessKey: claim.scope.access })
  }
  checkSigned(opened, claim, mayBeUnsigned)
  const key = signingKey(credential.secret, claim.scope)
  const canonical = canonicalRequest(opened, claim, (_, value) => value)
  const stringToSign = `AWS4-HMAC-SHA256\n${claim.timestamp}\n${claim.scope.scope}\n${sha256(Buffer.from(canonical, 'latin1'))}`
  if (!sameSignature(claim.signature, key.sign(stringToSign, 'hex'))) {
    throw new CofferError('SignatureMismatch', {
      accessKey: claim.scope.access,
      signature: claim.signature,
      stringToSign,
      canonicalRequest: canonicalRequest(opened, claim, (name, value) =>
        isSecretName(name) ? MASK : value,
      ),
    })
  }
  const payload = readPayloadMode(
    payloadValue,
    () => new ChunkSignatures(key, claim.timestamp, claim.scope.scope, claim.signature),
  )
  return { credential, payload }
}

/** The date of a request that is signed by header: x-amz-date, else Date. Throws DateMissing. */
export function signedDate(fields: ReadonlyMap<string, string>): { ms: number; text: string } {
  const text = fields.get('x-amz-date') ?? fields.get('date')
  const ms = text === undefined ? undefined : (readBasicDate(text) ?? readHttpDate(text))
  if (text === undefined || ms === undefined) throw new CofferError('DateMissing')
  return { ms, text }
}

/** The components of an Authorization header, `Credential=…, SignedHeaders=…, Signature=…` in any order.
 * Throws SignatureMalformed for one that comes twice. */
function components(authorization: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const piece of authorization.slice('AWS4-HMAC-SHA256'.length).split(',')) {
    const at = piece.indexOf('=')
    if (at <= 0) continue
    const name = piece.slice(0, at).trim()
    if (found.has(name)) throw malformed('header', 'a component must not come twice.')
    found.set(name, piece.slice(at + 1).trim())
  }
  return found
}

/**
 * Verifies `Authorization: AWS4-HMAC-SHA256 …`. Throws SignatureMalformed, DateMissing, ClockSkewed,
 * PayloadHashInvalid (also where x-amz-content-sha256 is missing), and the errors of `verifyClaim`.
 */
export function verifySigV4Header(
  opened: Opened,
  authorization: string,
  rules: SigningRules,
): Verified {
  const found = components(authorization)
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map(
    (name) => found.get(name),
  )
  if (!credential || !signedHeaders || !signature) {
    throw malformed(
      'header',
      'the authorization header requires three components: Credential, SignedHeaders, and Signature.',
    )
  }
  const date = signedDate(opened.fields)
  const timestamp = writeBasicDate(date.ms)
  const scope = readCredential('header', credential, timestamp, rules.region)
  checkSkew(date.ms, opened.request.nowMs, date.text)
  const payloadHash = opened.fields.get('x-amz-content-sha256')
  if (payloadHash === undefined) {
    throw new CofferError('PayloadHashInvalid', {
      message: 'Missing required header for this request: x-amz-content-sha256',
    })
  }
  const claim = { scope, timestamp, signedHeaders, signature, payloadHash }
  return { ...verifyClaim(opened, claim, rules, payloadHash, () => false), lifted: [] }
}
