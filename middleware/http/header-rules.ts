// The rows of the header firewall. For each dialect the first row whose family a header is in decides; what
// no row is about passes.
import type { Dialect } from '../state.ts'

export interface HeaderRule {
  readonly dialect: Dialect
  /** Name in lower case; `*` stands for any run of characters. */
  readonly family: string
  /** pass: later rows do not count; drop: as if it had not been sent; refuse: an error that names it. */
  readonly action: 'pass' | 'drop' | 'refuse'
  /** Of a refusal, which is 400: for every request; for every one in which `_` stands for a dash of the name; or only for
   * one that sets something (PUT, POST, COPY) to a value that is not empty; elsewhere such a header is dropped. */
  readonly when?: 'always' | 'underscored' | 'setting'
  /** Shown to the client where it is refused. Of `setting` it is the feature that is not built. */
  readonly reason: string
}

type Family = readonly [family: string, reason: string]

const rowsOf = (
  dialect: Dialect,
  action: HeaderRule['action'],
  when: HeaderRule['when'],
  families: readonly Family[],
): HeaderRule[] =>
  families.map(([family, reason]) => ({
    dialect,
    family,
    action,
    ...(when !== undefined && { when }),
    reason,
  }))

const s3Key =
  'this is Swift’s spelling of a customer key; S3 requests send x-amz-server-side-encryption-customer-*'
const underscored =
  'the name of this header is spelled with dashes; with an underscore it asks for nothing'
const s3Control = 'a control header of Swift'
const noContainerKey = 'a customer key belongs to one object and is sent with each request for it'
const noMetadataKey =
  'a key must not be sent as metadata, where it would be stored in the clear; send X-Object-Encryption-Customer-*'

export const headerRules: readonly HeaderRule[] = [
  // A request that asks for encryption and would not get it must fail.
  ...rowsOf('s3', 'refuse', 'always', [
    ['x-object-encryption-customer-*', s3Key],
    ['x-object-meta-encryption-*', s3Key],
    ['x-copy-source-object-encryption-*', s3Key],
  ]),
  // S3 tells the two apart, so that these would be read by nobody, and what was to be sealed lie open.
  ...rowsOf('s3', 'refuse', 'underscored', [
    ['x-amz-server-side-encryption*', underscored],
    ['x-amz-copy-source-server-side-encryption*', underscored],
    ['x-amz-meta-encryption-key', underscored],
    ['x-amz-meta-*encryption-customer-key*', underscored],
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
  ...rowsOf('swift', 'refuse', 'always', [
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
  ...rowsOf('swift', 'refuse', 'setting', [
    ['x-object-manifest', 'dynamic large objects'],
    ['x-static-large-object', 'static large objects'],
    ['x-symlink-*', 'symbolic links'],
    ['x-container-sync-*', 'container synchronisation'],
    ['x-versions-location', 'archive containers'],
    ['x-versions-mode', 'archive containers'],
    ['x-history-location', 'archive containers'],
    ['x-container-meta-temp-url-key*', 'signed URLs (TempURL)'],
    ['x-account-meta-temp-url-key*', 'signed URLs (TempURL)'],
    ['x-container-meta-quota-*', 'quotas'],
    ['x-account-meta-quota-*', 'quotas'],
    ['x-account-quota-*', 'quotas'],
    ['x-container-meta-web-*', 'static web'],
    ['x-account-meta-web-*', 'static web'],
    ['x-web-mode', 'static web'],
    ['x-container-meta-access-control-*', 'CORS'],
    ['x-container-rfc-compliant-etags', 'choice of ETag style'],
    ['x-account-rfc-compliant-etags', 'choice of ETag style'],
  ]),
]
