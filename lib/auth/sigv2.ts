// SigV2, by header and in the query (what `aws s3 presign` and s3cmd make): HMAC-SHA1 over method, a few
// headers, every x-amz- header and the resource. Pure: a request in, a verdict out.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
import { CofferError } from '../errors.ts'
import { checkSkew, isoSeconds } from './dates.ts'
import { HmacKey, sameSignature } from './hmac.ts'
import { readPayloadMode } from './payload.ts'
import { liftedHeaders, mayComeUnsigned } from './presigned.ts'
import { isSecretName, MASK, parameterOf, percentDecode, ssecHeaders } from './request.ts'
import { type Opened, type SigningRules, signedDate, type Verified } from './sigv4.ts'
import type { Credential } from './users.ts'

/** Query parameters that are part of the resource; the others are not signed. */
const subresources = new Set(
  `accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory
  legal-hold lifecycle location logging metrics notification object-lock ownershipControls partNumber
  policy policyStatus publicAccessBlock replication requestPayment response-cache-control
  response-content-disposition response-content-encoding response-content-language
  response-content-type response-expires restore retention select select-type storageClass tagging
  torrent uploadId uploads versionId versioning versions website`.split(/\s+/),
)

/** `?acl&versionId=1`: the subresources, sorted, values decoded. */
function signedQuery(rawQuery: string): string {
  const found = rawQuery
    .split('&')
    .map((piece) => {
      const at = piece.indexOf('=')
      return at < 0
        ? { name: piece, text: piece }
        : {
            name: piece.slice(0, at),
            text: `${piece.slice(0, at)}=${percentDecode(piece.slice(at + 1).replaceAll('+', ' '))}`,
          }
    })
    .filter(({ name }) => subresources.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return found.length === 0 ? '' : `?${found.map(({ text }) => text).join('&')}`
}

/**
 * The resource as signers write it: the path as sent, behind the bucket where the host names one. Of a
 * bucket alone both forms are right, because botocore signs `/bucket/` and sends `/bucket`.
 */
function resources({ request, fields }: Opened, domains: readonly string[]): string[] {
  const host = (fields.get('host') ?? '').toLowerCase().replace(/:\d+$/, '')
  const domain = domains.find((name) => host.endsWith(`.${name.toLowerCase()}`))
  const bucket = domain === undefined ? '' : `/${host.slice(0, -domain.length - 1)}`
  const path = bucket + request.rawPath
  const query = signedQuery(request.rawQuery)
  const alone = /^(\/[^/]+)\/?$/.exec(path)
  return alone === null ? [path + query] : [`${alone[1]}${query}`, `${alone[1]}/${query}`]
}

type Shown = (name: string, value: string) => string

/** The x-amz- headers, wherever they stand, one line each, sorted by name. */
function amzHeaders(headers: ReadonlyMap<string, string>, shown: Shown): string {
  return [...headers]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([name, value]) => `${name}:${shown(name, value)}\n`)
    .join('')
}

interface Claim {
  readonly access: string
  readonly signature: string
  /** The line that holds Date (header form; empty beside x-amz-date) or Expires (query form). */
  readonly date: string
  /** x-amz- headers by lower-case name, from headers and query. */
  readonly amz: ReadonlyMap<string, string>
  /** True where the SSE-C headers may come unsigned. */
  readonly keysMayBeUnsigned: boolean
}

/** Throws CredentialUnknown and SignatureMismatch (whose details hold no customer key). */
function verifyClaim(opened: Opened, claim: Claim, rules: SigningRules): Credential {
  const { request, fields, parameters } = opened
  const credential = rules.users.byAccessKey(claim.access)
  if (credential === undefined)
    throw new CofferError('CredentialUnknown', { accessKey: claim.access })
  const fieldOf = (name: string) => fields.get(name) ?? parameterOf(parameters, name) ?? ''
  const first = `${request.method}\n${fieldOf('content-md5')}\n${fieldOf('content-type')}\n${claim.date}\n`
  const key = new HmacKey('sha1', credential.secret)
  const forms = resources(opened, rules.domains)
  const matches = (amz: ReadonlyMap<string, string>) => {
    const lines = first + amzHeaders(amz, (_, value) => value)
    return forms.some((form) => sameSignature(claim.signature, key.sign(lines + form, 'base64')))
  }
  if (matches(claim.amz)) return credential
  if (claim.keysMayBeUnsigned) {
    const without = new Map([...claim.amz].filter(([name]) => !ssecHeaders.has(name)))
    if (without.size < claim.amz.size && matches(without)) return credential
  }
  const masked = amzHeaders(claim.amz, (name, value) => (isSecretName(name) ? MASK : value))
  throw new CofferError('SignatureMismatch', {
    accessKey: claim.access,
    signature: claim.signature,
    stringToSign: first + masked + forms[0],
  })
}

function amzFields(fields: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...fields].filter(([name]) => name.startsWith('x-amz-')))
}

/**
 * Verifies `Authorization: AWS <access>:<signature>`; the access key itself may hold colons. Throws
 * SignatureUnsupported (no such form), DateMissing, ClockSkewed, CredentialUnknown, SignatureMismatch.
 */
export function verifySigV2Header(
  opened: Opened,
  authorization: string,
  rules: SigningRules,
): Verified {
  const match = /^AWS +([^\s]+):([^\s:]+)$/.exec(authorization)
  if (match === null) {
    throw new CofferError('SignatureUnsupported', {
      message: 'AWS authorization header is invalid. Expected AwsAccessKeyId:signature',
    })
  }
  const { fields, request } = opened
  const date = signedDate(fields)
  checkSkew(date.ms, request.nowMs, date.text)
  const credential = verifyClaim(
    opened,
    {
      access: match[1]!,
      signature: match[2]!,
      date: fields.has('x-amz-date') ? '' : date.text,
      amz: amzFields(fields),
      keysMayBeUnsigned: false,
    },
    rules,
  )
  return { credential, payload: readPayloadMode(fields.get('x-amz-content-sha256')), lifted: [] }
}

/**
 * Verifies a URL presigned with SigV2. Throws AccessDenied (a parameter is missing, or Expires is no
 * number), SignatureExpired, CredentialUnknown, SignatureMismatch.
 */
export function verifySigV2Query(opened: Opened, rules: SigningRules): Verified {
  const { request, fields, parameters } = opened
  const [access, signature, expires] = ['AWSAccessKeyId', 'Signature', 'Expires'].map((name) =>
    parameterOf(parameters, name),
  )
  if (!access || !signature || !expires) {
    throw new CofferError('AccessDenied', {
      message:
        'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    })
  }
  if (!/^\d{1,12}$/.test(expires)) {
    throw new CofferError('AccessDenied', {
      message: `Invalid date (should be seconds since epoch): ${expires}`,
    })
  }
  const endMs = Number(expires) * 1000
  if (endMs <= request.nowMs) {
    throw new CofferError('SignatureExpired', {
      expires: isoSeconds(endMs),
      serverTime: isoSeconds(request.nowMs),
    })
  }
  const lifted = liftedHeaders(parameters)
  const credential = verifyClaim(
    opened,
    {
      access,
      signature,
      date: expires,
      // A header that is sent wins over its twin in the query.
      amz: new Map([...lifted, ...amzFields(fields)]),
      keysMayBeUnsigned: mayComeUnsigned(
        'x-amz-server-side-encryption-customer-key',
        request.method,
        rules,
      ),
    },
    rules,
  )
  return { credential, payload: readPayloadMode(fields.get('x-amz-content-sha256')), lifted }
}
