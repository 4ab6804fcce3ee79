// The limits that only S3 has, with AWS's figures. Those of names are in lib/names.ts, those of parts' and
// bodies' sizes in lib/service/.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html

/** Parts of an upload, and the greatest number of one. */
export const PART_NUMBER_MAX = 10_000
/** Entries of a page of any listing but that of buckets; a greater `max-keys` means this. */
export const PAGE_ENTRIES_MAX = 1000
/**
 * Buckets of a page of ListBuckets.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
 */
export const PAGE_BUCKETS_MAX = 10_000
/**
 * Keys in one DeleteObjects.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
 */
export const DELETE_KEYS_MAX = 1000
/**
 * Bytes of a request's user metadata, names and values together.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
export const METADATA_BYTES_MAX = 2048
/** The greatest number that a parameter may hold: AWS reads 32 bits. */
export const INTEGER_MAX = 2_147_483_647
