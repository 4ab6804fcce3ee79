// Decides which dialect a request speaks (D-DIALECT), from the raw request line and headers, before any of
// the body is read. The first rule that fits decides.
import type { IncomingHttpHeaders } from 'node:http'
import { bucketOfHost } from '../lib/auth/virtual-host.ts'
import type { Dialect, Target } from './state.ts'

/** Query parameters that only a signed S3 request has; names are compared as S3 does, by exact case. */
const s3Parameters =
  /(?:^|&)(?:X-Amz-Algorithm|X-Amz-Credential|X-Amz-Signature|AWSAccessKeyId|Signature)=/

const swiftPaths = /^\/(?:info|healthcheck|crossdomain\.xml)$|^\/(?:auth|v1|v1\.0)(?:\/|$)/

export interface DialectRules {
  /** Virtual-host buckets: `bucket.<domain>`. */
  readonly domains: readonly string[]
  /** Domains of Swift's domain remap, and the reseller prefixes its account labels begin with. */
  readonly remapDomains: readonly string[]
  readonly resellers: readonly string[]
}

export function dialectOf(
  target: Pick<Target, 'path' | 'query' | 'host'>,
  headers: IncomingHttpHeaders,
  rules: DialectRules,
): Dialect {
  const authorization = headers.authorization ?? ''
  if (authorization.startsWith('AWS4-') || authorization.startsWith('AWS ')) return 's3'
  if (target.query !== '' && s3Parameters.test(target.query)) return 's3'
  if (headers['x-auth-token'] ?? headers['x-storage-token'] ?? headers['x-auth-user'])
    return 'swift'
  if (bucketOfHost(target.host, rules.domains) !== undefined) return 's3'
  if (isRemapped(target.host, rules)) return 'swift'
  return swiftPaths.test(target.path) ? 'swift' : 's3'
}

/** `[container.]PREFIX_account.<domain>`; hosts are compared in lower case, and `-` stands for `_` there. */
function isRemapped(host: string, { remapDomains, resellers }: DialectRules): boolean {
  for (const domain of remapDomains) {
    const suffix = `.${domain.toLowerCase()}`
    if (!host.endsWith(suffix)) continue
    const account = host.slice(0, -suffix.length).split('.').at(-1)!.replace('-', '_')
    if (resellers.some((prefix) => account.startsWith(`${prefix.toLowerCase()}_`))) return true
  }
  return false
}
