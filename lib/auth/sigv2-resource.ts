// The resource, which is the last line of SigV2's text to sign: the path as sent, and those query parameters
// that name another resource or another representation.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#ConstructingTheCanonicalizedResourceElement
import { malformed } from './credential-scope.ts'
import { requirePlainText } from './presigned.ts'
import { percentDecode, type SignedRequest } from './request.ts'
import { bucketOfHost } from './virtual-host.ts'

/** Query parameters that are part of the resource, by exact case. Others are not signed. */
export const subresources: ReadonlySet<string> = new Set(
  `abac accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory legal-hold
  lifecycle location logging metadataConfiguration metadataInventoryTable metadataJournalTable
  metadataTable metrics notification object-lock ownershipControls partNumber policy policyStatus
  publicAccessBlock renameObject replication requestPayment response-cache-control
  response-content-disposition response-content-encoding response-content-language
  response-content-type response-expires restore retention select select-type session storageClass
  tagging torrent uploadId uploads versionId versioning versions website`.split(/\s+/),
)

/**
 * Refuses a decoded value that reads as a value and further subresources (`a&versionId=1`), because the signed
 * text is the same for both. Throws SignatureQueryMalformed.
 */
function requireOneReading(name: string, value: string): void {
  for (const piece of value.split('&').slice(1)) {
    const [inner] = piece.split('=', 1)
    if (!subresources.has(inner!)) continue
    throw malformed('query', `The value of ${name} cannot be told from a parameter ${inner}.`)
  }
}

interface Subresource {
  readonly name: string
  /** The decoded value; '' also for a parameter without `=`. */
  readonly value: string
  readonly hasEquals: boolean
}

/** The subresources of a query, sorted by name. Throws SignatureQueryMalformed. */
function subresourcesOf(rawQuery: string): Subresource[] {
  const found = new Map<string, Subresource>()
  for (const piece of rawQuery.split('&')) {
    const [rawName = '', rawValue] = piece.replaceAll('+', ' ').split(/=(.*)/s, 2)
    const name = percentDecode(rawName)
    if (!subresources.has(name)) continue
    if (found.has(name)) throw malformed('query', `The parameter ${name} must not come twice.`)
    const value = percentDecode(rawValue ?? '')
    requirePlainText(name, value)
    requireOneReading(name, value)
    found.set(name, { name, value, hasEquals: rawValue !== undefined })
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const joined = (parts: readonly string[]) => (parts.length === 0 ? '' : `?${parts.join('&')}`)

/** The subresources as `?acl&versionId=1`. For `uploads=` both forms are right: minio-go sends it so and signs
 * `uploads`. */
function queryForms(rawQuery: string): Set<string> {
  const found = subresourcesOf(rawQuery)
  const bare = found.map(({ name, value }) => (value === '' ? name : `${name}=${value}`))
  const sent = found.map(({ name, value, hasEquals }) => (hasEquals ? `${name}=${value}` : name))
  return new Set([joined(bare), joined(sent)])
}

/**
 * The forms in which signers write the resource: the path as sent, behind the bucket where the host names one,
 * and the subresources. For a bucket alone both forms are right, because botocore signs `/bucket/` and sends
 * `/bucket`. Throws SignatureQueryMalformed for a query that can be read in two ways.
 */
export function resourceForms(request: SignedRequest, domains: readonly string[]): string[] {
  const bucket = bucketOfHost(request.host, domains)
  const path = (bucket === undefined ? '' : `/${bucket}`) + request.rawPath
  const alone = /^(\/[^/]+)\/?$/.exec(path)
  const paths = alone === null ? [path] : [alone[1]!, `${alone[1]}/`]
  return [...queryForms(request.rawQuery)].flatMap((query) => paths.map((form) => form + query))
}
