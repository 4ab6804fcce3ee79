// Metadata of accounts and containers: items that are changed one by one, within limits for the whole set.
import { CofferError } from '../errors.ts'
import type { MetadataChanges } from './container-types.ts'

/**
 * Items of one account or container, as in OpenStack Swift (max_meta_count).
 * https://docs.openstack.org/swift/latest/api/discoverability.html
 */
export const METADATA_ITEMS_MAX = 90
/** Bytes of all names and values of one account or container together (Swift's max_meta_overall_size). */
export const METADATA_BYTES_MAX = 4096

/**
 * The items after the changes. Names and values are byte strings, one character a byte. Throws
 * MetadataTooMany, MetadataTooLarge where the whole set would exceed a limit.
 */
export function mergeMetadata(
  stored: Readonly<Record<string, string>>,
  changes: MetadataChanges = {},
): Record<string, string> {
  const items = new Map(Object.entries(stored))
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) items.delete(name)
    else items.set(name, value)
  }
  if (items.size > METADATA_ITEMS_MAX) {
    throw new CofferError('MetadataTooMany', { count: items.size, limit: METADATA_ITEMS_MAX })
  }
  let size = 0
  for (const [name, value] of items) size += name.length + value.length
  if (size > METADATA_BYTES_MAX) {
    throw new CofferError('MetadataTooLarge', { size, limit: METADATA_BYTES_MAX })
  }
  return Object.fromEntries(items)
}
