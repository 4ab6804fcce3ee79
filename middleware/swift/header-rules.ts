// The header firewall's rows for Swift requests: the first row whose family a header is in decides.
import { type HeaderRule, rowsOf } from '../header-table.ts'

const noContainerKey = 'a customer key belongs to one object and is sent with each request for it'
const noMetadataKey =
  'a key must not be sent as metadata, where it would be stored in the clear; send X-Object-Encryption-Customer-*'

export const headerRules: readonly HeaderRule[] = [
  // S3's names of a customer key are read in Swift too (D-SPELLINGS). Other headers with the same beginning are
  // refused.
  ...rowsOf('pass', undefined, [
    ['x-amz-server-side-encryption-customer-*', 'a spelling of the customer key'],
    [
      'x-amz-copy-source-server-side-encryption-customer-*',
      'a spelling of the key of a copy’s source',
    ],
  ]),
  ...rowsOf('refuse', 'always', [
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
  ...rowsOf('drop', undefined, [
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
  ...rowsOf('refuse', 'setting', [
    [
      'x-static-large-object',
      'is a reserved header. To create a static large object add query param multipart-manifest=put.',
    ],
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
