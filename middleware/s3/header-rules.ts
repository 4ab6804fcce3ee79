// The header firewall's rows for S3 requests: the first row whose family a header is in decides.
import { type HeaderRule, rowsOf } from '../header-table.ts'

const s3Key =
  'this is Swift’s spelling of a customer key; S3 requests send x-amz-server-side-encryption-customer-*'
const underscored =
  'the name of this header is spelled with dashes; with an underscore it asks for nothing'
const s3Control = 'a control header of Swift'

export const headerRules: readonly HeaderRule[] = [
  // A request with a key that S3 does not read must fail: its object would not be sealed by that key.
  ...rowsOf('refuse', 'always', [
    ['x-object-encryption-customer-*', s3Key],
    ['x-object-meta-encryption-*', s3Key],
    ['x-copy-source-object-encryption-*', s3Key],
  ]),
  // In S3 `_` is no dash. These headers would be ignored, and their objects would not be sealed by the key.
  ...rowsOf('refuse', 'underscored', [
    ['x-amz-server-side-encryption*', underscored],
    ['x-amz-copy-source-server-side-encryption*', underscored],
    ['x-amz-meta-encryption-key', underscored],
    ['x-amz-meta-*encryption-customer-key*', underscored],
  ]),
  ...rowsOf('drop', undefined, [
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
]
