// The rows of the header firewall. For each dialect the first row whose family a header is in decides; what
// no row is about passes.
import type { Dialect } from './state.ts'

export interface HeaderRule {
  readonly dialect: Dialect
  /** Name in lower case; `*` stands for any run of characters. */
  readonly family: string
  /** pass: later rows do not count; drop: as if it had not been sent; refuse: an error that names it. */
  readonly action: 'pass' | 'drop' | 'refuse'
  /** Of a refusal. 400 holds for every request; 501 for one that sets something (PUT, POST, COPY) to a
   * value that is not empty, and the header is dropped elsewhere. */
  readonly status?: 400 | 501
  /** Shown to the client, behind the header's name, where it is refused. */
  readonly reason: string
}

type Family = readonly [family: string, reason: string]

const rowsOf = (
  dialect: Dialect,
  action: HeaderRule['action'],
  status: HeaderRule['status'],
  families: readonly Family[],
): HeaderRule[] =>
  families.map(([family, reason]) => ({
    dialect,
    family,
    action,
    ...(status !== undefined && { status }),
    reason,
  }))

const s3Key =
  'this is Swift’s spelling of a customer key; S3 requests send x-amz-server-side-encryption-customer-*'
const s3Control = 'a control header of Swift'
const noContainerKey = 'a customer key belongs to one object and is sent with each request for it'
const noMetadataKey =
  'a key must not be sent as metadata, where it would be stored in the clear; send X-Object-Encryption-Customer-*'
const notBuilt = (feature: string) => `${feature} not built on this node`

export const headerRules: readonly HeaderRule[] = [
  // A request that asks for encryption and would not get it must fail.
  ...rowsOf('s3', 'refuse', 400, [
    ['x-object-encryption-customer-*', s3Key],
    ['x-object-meta-encryption-*', s3Key],
    ['x-copy-source-object-encryption-*', s3Key],
  ]),
  ...rowsOf('s3', 'drop', undefined, [
    ['x-auth-*', s3Control],
    ['x-storage-*', s3Control],
    ['x-service-token', s3Control],
    ['x-account-*', s3Control],
    ['x-container-*', s3Control],
    ['x-object-*', s3Control],
    ['x-copy-from*', 'names what Swift copies: on an S3 request it would copy without S3’s checks'],
    ['destination*', 'names where Swift’s COPY writes'],
    ['x-fresh-metadata', s3Control],
    ['x-delete-*', s3Control],
    ['x-if-delete-at', s3Control],
    ['x-remove-*', s3Control],
    ['x-versions-*', s3Control],
    ['x-history-*', s3Control],
    ['x-symlink-*', s3Control],
    ['x-static-large-object', s3Control],
    ['x-detect-content-type', s3Control],
    ['x-newest', s3Control],
    ['x-open-expired', s3Control],
    ['x-web-mode', s3Control],
    ['x-trans-id-extra', s3Control],
    ['x-timestamp', 'says when a write happened; only the node itself does'],
    ['x-backend-*', 'names what servers of one cluster tell one another'],
    ['x-allow-reserved-names', 'opens names that are private to a cluster'],
  ]),
  // The customer key's trio of S3 is one of the three spellings; what else begins so asks for more.
  ...rowsOf('swift', 'pass', undefined, [
    ['x-amz-server-side-encryption-customer-*', 'a spelling of the customer key'],
    [
      'x-amz-copy-source-server-side-encryption-customer-*',
      'a spelling of the key of a copy’s source',
    ],
  ]),
  ...rowsOf('swift', 'refuse', 400, [
    [
      'x-amz-server-side-encryption*',
      'Swift requests cannot ask for a kind of encryption; what comes without a customer key is under the node’s',
    ],
    ['x-container-meta-encryption-key*', noContainerKey],
    ['x-container-meta-encryption-algorithm', noContainerKey],
    ['x-container-encryption-customer-*', noContainerKey],
    ['x-account-meta-encryption-key*', noContainerKey],
    ['x-account-meta-encryption-algorithm', noContainerKey],
    ['x-account-encryption-customer-*', noContainerKey],
    ['x-object-meta-*encryption-customer-*', noMetadataKey],
    ['x-container-meta-*encryption-customer-*', noMetadataKey],
    ['x-account-meta-*encryption-customer-*', noMetadataKey],
  ]),
  ...rowsOf('swift', 'drop', undefined, [
    ['x-amz-*', 'a control header of S3'],
    ['x-account-sysmeta-*', 'metadata of the system, which no client sets'],
    ['x-container-sysmeta-*', 'metadata of the system, which no client sets'],
    ['x-object-sysmeta-*', 'metadata of the system, which no client sets'],
    ['x-object-transient-sysmeta-*', 'metadata of the system, which no client sets'],
    ['x-backend-*', 'names what servers of one cluster tell one another'],
    ['x-timestamp', 'says when a write happened; only the node itself does'],
    ['x-allow-reserved-names', 'opens names that are private to a cluster'],
    ['x-service-token', 'there are no service accounts: it would prove nothing'],
    ['x-open-expired', 'reads what has expired; only the node itself does'],
  ]),
  ...rowsOf('swift', 'refuse', 501, [
    ['x-object-manifest', notBuilt('dynamic large objects are')],
    ['x-static-large-object', notBuilt('static large objects are')],
    ['x-symlink-*', notBuilt('symbolic links are')],
    ['x-container-sync-*', notBuilt('container synchronisation is')],
    ['x-versions-location', notBuilt('the archive containers of X-Versions-Location are')],
    ['x-versions-mode', notBuilt('the archive containers of X-Versions-Location are')],
    ['x-history-location', notBuilt('the archive containers of X-History-Location are')],
    ['x-container-meta-temp-url-key*', notBuilt('TempURL is')],
    ['x-account-meta-temp-url-key*', notBuilt('TempURL is')],
    ['x-container-meta-quota-*', notBuilt('quotas are')],
    ['x-account-meta-quota-*', notBuilt('quotas are')],
    ['x-account-quota-*', notBuilt('quotas are')],
    ['x-container-meta-web-*', notBuilt('static web is')],
    ['x-account-meta-web-*', notBuilt('static web is')],
    ['x-web-mode', notBuilt('static web is')],
    ['x-container-meta-access-control-*', notBuilt('CORS is')],
    ['x-container-rfc-compliant-etags', notBuilt('the choice of ETag style is')],
    ['x-account-rfc-compliant-etags', notBuilt('the choice of ETag style is')],
  ]),
]
