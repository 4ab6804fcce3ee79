// SigV2, by header and in the query (`aws s3 presign` and s3cmd use it): HMAC-SHA1 over method, a few headers,
// every x-amz- header, and the resource. The functions are pure.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
import { CofferError } from '../errors.ts'
import { checkSkew, isoSeconds } from './dates.ts'
import { HmacKey, sameSignature } from './hmac.ts'
import { readPayloadMode } from './payload.ts'
import { liftedHeaders, mayComeUnsigned, requirePlainText } from './presigned.ts'
import { isSecretName, MASK, type Parameter, parameterOf, ssecHeaders } from './request.ts'
import { resourceForms } from './sigv2-resource.ts'
import { type Opened, type SigningRules, signedDate, type Verified } from './sigv4.ts'
import type { Credential } from './users.ts'

type Shown = (name: string, value: string) => string

/** The x-amz- headers, from headers and query, one line each, sorted by name. */
function amzHeaders(headers: ReadonlyMap<string, string>, shown: Shown): string {
  return [...headers]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([name, value]) => `${name}:${shown(name, value)}\n`)
    .join('')
}

interface Claim {
  readonly access: string
  readonly signature: string
  /** Values of the headers Content-MD5 and Content-Type; '' where there is none. */
  readonly digest: string
  readonly type: string
  /** The line with Date (in the header form; empty beside x-amz-date) or Expires (in the query form). */
  readonly date: string
  /** x-amz- headers by lower-case name, from headers and query. */
  readonly amz: ReadonlyMap<string, string>
  /** True where the SSE-C headers may come unsigned. */
  readonly keysMayBeUnsigned: boolean
}

/** Verifies a claim. Throws CredentialUnknown, SignatureQueryMalformed, and SignatureMismatch (whose details
 * hold no customer key). */
function verifyClaim({ request }: Opened, claim: Claim, rules: SigningRules): Credential {
  const credential = rules.users.byAccessKey(claim.access)
  if (credential === undefined)
    throw new CofferError('CredentialUnknown', { accessKey: claim.access })
  const forms = resourceForms(request, rules.domains)
  const first = `${request.method}\n${claim.digest}\n${claim.type}\n${claim.date}\n`
  const key = new HmacKey('sha1', credential.secret)
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

/**
 * Content-MD5 and Content-Type from a signed query, where botocore puts them. They count there too. Throws
 * SignatureQueryMalformed.
 */
function liftedContent(parameters: readonly Parameter[]): Parameter[] {
  const lifted: Parameter[] = []
  for (const name of ['content-md5', 'content-type']) {
    const value = parameterOf(parameters, name)
    if (value === undefined) continue
    requirePlainText(name, value)
    lifted.push([name, value])
  }
  return lifted
}

function amzFields(fields: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...fields].filter(([name]) => name.startsWith('x-amz-')))
}

/**
 * Verifies `Authorization: AWS <access>:<signature>`. The access key itself may hold colons. Throws
 * SignatureUnsupported (another form), DateMissing, ClockSkewed, CredentialUnknown, SignatureMismatch, and
 * SignatureQueryMalformed for a query that can be read in two ways.
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
      digest: fields.get('content-md5') ?? '',
      type: fields.get('content-type') ?? '',
      date: fields.has('x-amz-date') ? '' : date.text,
      amz: amzFields(fields),
      keysMayBeUnsigned: false,
    },
    rules,
  )
  return { credential, payload: readPayloadMode(fields.get('x-amz-content-sha256')), lifted: [] }
}

/**
 * Verifies a URL presigned with SigV2. Throws AccessDenied (a parameter is missing, or Expires is no number),
 * SignatureExpired, SignatureQueryMalformed, CredentialUnknown, SignatureMismatch.
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
  const lifted = [...liftedHeaders(parameters), ...liftedContent(parameters)]
  // A header that is sent takes precedence over the same name in the query.
  const headers = new Map([...lifted, ...fields])
  const credential = verifyClaim(
    opened,
    {
      access,
      signature,
      digest: headers.get('content-md5') ?? '',
      type: headers.get('content-type') ?? '',
      date: expires,
      amz: amzFields(headers),
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
