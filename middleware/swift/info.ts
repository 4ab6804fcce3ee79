// The document of /info: what is built, and the limits. Clients read it before they use a feature, so that features
// that are not built are absent.
import type { Config } from '../../lib/config/config.ts'
import { CONTAINER_NAME_BYTES_MAX, OBJECT_NAME_BYTES_MAX } from '../../lib/names.ts'
import { METADATA_BYTES_MAX, METADATA_ITEMS_MAX } from '../../lib/service/metadata.ts'
import { SEGMENT_BYTES_MAX } from '../../lib/service/segments.ts'
import {
  ACCOUNT_NAME_BYTES_MAX,
  BULK_FAILURES_MAX,
  BULK_NAMES_MAX,
  HEADER_BYTES_MAX,
  HEARTBEAT_SECONDS,
  LISTING_LIMIT,
  MANIFEST_BYTES_MAX,
  MANIFEST_LINKS_MAX,
  METADATA_NAME_BYTES_MAX,
  METADATA_VALUE_BYTES_MAX,
} from './limits.ts'
import { policyOf } from './policies.ts'

/** The release of Swift whose API this node has. Its own version is under `coffer`. */
const API_RELEASE = '2.30.1'

/** https://docs.openstack.org/api-ref/object-store/#discoverability */
export function describeNode(config: Pick<Config, 'swift' | 'ssec'>) {
  const { name, aliases } = policyOf(config)
  return {
    swift: {
      version: API_RELEASE,
      policies: [{ name, aliases: [name, ...aliases].join(', '), default: true }],
      strict_cors_mode: true,
      allow_account_management: false,
      account_autocreate: true,
      valid_api_versions: ['v1', 'v1.0'],
      max_file_size: SEGMENT_BYTES_MAX,
      max_meta_name_length: METADATA_NAME_BYTES_MAX,
      max_meta_value_length: METADATA_VALUE_BYTES_MAX,
      max_meta_count: METADATA_ITEMS_MAX,
      max_meta_overall_size: METADATA_BYTES_MAX,
      max_header_size: HEADER_BYTES_MAX,
      extra_header_count: 0,
      max_object_name_length: OBJECT_NAME_BYTES_MAX,
      max_container_name_length: CONTAINER_NAME_BYTES_MAX,
      max_account_name_length: ACCOUNT_NAME_BYTES_MAX,
      container_listing_limit: LISTING_LIMIT,
      account_listing_limit: LISTING_LIMIT,
    },
    tempauth: { account_acls: true },
    object_versioning: {},
    slo: {
      max_manifest_segments: MANIFEST_LINKS_MAX,
      max_manifest_size: MANIFEST_BYTES_MAX,
      min_segment_size: 1,
      yield_frequency: HEARTBEAT_SECONDS,
      allow_async_delete: true,
    },
    bulk_delete: {
      max_deletes_per_request: BULK_NAMES_MAX,
      max_failed_deletes: BULK_FAILURES_MAX,
    },
    coffer: {
      ssec: {
        algorithms: ['AES256'],
        transports: config.ssec.tls,
        headers: [
          'X-Object-Encryption-Customer-*',
          'x-amz-server-side-encryption-customer-*',
          'X-Object-Meta-Encryption-*',
        ],
      },
    },
  }
}
