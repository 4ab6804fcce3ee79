// The limits that only Swift has, and that its /info shows. Those of containers' and objects' names are in
// lib/names.ts, those of a container's whole metadata in lib/service/metadata.ts.
// https://docs.openstack.org/swift/latest/api/discoverability.html

/** Longest account name of a URL, reseller prefix and all, in bytes of UTF-8 (max_account_name_length). */
export const ACCOUNT_NAME_BYTES_MAX = 256
/** Names of a page of any listing (container_listing_limit); a greater `limit` is an error. */
export const LISTING_LIMIT = 10_000
/** Bytes of one header, name and value (max_header_size). */
export const HEADER_BYTES_MAX = 8192
/** Bytes of the name of one item of metadata, without its prefix (max_meta_name_length). */
export const METADATA_NAME_BYTES_MAX = 128
/** Bytes of the value of one item of metadata (max_meta_value_length). */
export const METADATA_VALUE_BYTES_MAX = 256
/** Entries of one manifest that name an object (max_manifest_segments). */
export const MANIFEST_LINKS_MAX = 1000
/** Bytes of the JSON of one manifest (max_manifest_size). */
export const MANIFEST_BYTES_MAX = 8 << 20
/** Names of one bulk deletion (max_deletes_per_request). */
export const BULK_NAMES_MAX = 10_000
/** Failures that end a bulk deletion (max_failed_deletes). */
export const BULK_FAILURES_MAX = 1000
/** Bytes of the body of a bulk deletion. 10,000 names of 200 bytes, percent-encoded, are 6 MB. */
export const BULK_BYTES_MAX = 8 << 20
/** Longest time without a byte in an answer with a heartbeat, in seconds (yield_frequency). */
export const HEARTBEAT_SECONDS = 10
