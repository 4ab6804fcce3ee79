// The limits that Swift's /info tells, where the dialect itself holds them. Sizes are bytes; those of
// names, of UTF-8.
export { METADATA_BYTES_MAX, METADATA_ITEMS_MAX } from '../../lib/service/metadata.ts'

export const ACCOUNT_NAME_BYTES_MAX = 256
export const CONTAINER_NAME_BYTES_MAX = 256
/** Names of a page of any listing; asking for more is an error. */
export const LISTING_LIMIT = 10_000
/** One header, name and value. */
export const HEADER_BYTES_MAX = 8192
export const METADATA_NAME_BYTES_MAX = 128
export const METADATA_VALUE_BYTES_MAX = 256
