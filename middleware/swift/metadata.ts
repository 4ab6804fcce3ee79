// User metadata in headers: `X-{Account,Container,Object}-Meta-Name: value`. Names are stored in lower case with `-`
// for `_`, because Swift's servers make no difference between the two. They are shown in title case.
import { METADATA_BYTES_MAX, METADATA_ITEMS_MAX } from '../../lib/service/metadata.ts'
import type { MetadataChanges } from '../../lib/service/types.ts'
import { setStored } from '../http/stored-header.ts'
import type { Context } from './context.ts'
import { textOfBytes } from './headers.ts'
import { METADATA_NAME_BYTES_MAX, METADATA_VALUE_BYTES_MAX } from './limits.ts'
import { SwiftError } from './swift-error.ts'

export type MetadataOwner = 'account' | 'container' | 'object'

/** The headers that begin with `prefix`, each as the folded rest of its name and its value. */
function* headersFrom(ctx: Pick<Context, 'req'>, prefix: string): Generator<[string, string]> {
  for (const [sent, value] of Object.entries(ctx.req.headers)) {
    const name = sent.replaceAll('_', '-')
    if (!name.startsWith(prefix) || value === undefined) continue
    yield [name.slice(prefix.length), Array.isArray(value) ? value.join(',') : value]
  }
}

/**
 * The items that a request sets, those with empty values among them. Throws SwiftError 400 beyond Swift's limits for
 * one request (swift/common/constraints.py, check_metadata). The service judges them together with the stored items.
 */
function readItems(ctx: Pick<Context, 'req'>, owner: MetadataOwner): Map<string, string> {
  const prefix = `x-${owner}-meta-`
  const items = new Map<string, string>()
  let size = 0
  for (const [name, value] of headersFrom(ctx, prefix)) {
    if (name === '') throw new SwiftError(400, 'Metadata name cannot be empty')
    // The value of an object's item may be any bytes, which a read sends unchanged.
    if (owner !== 'object' && textOfBytes(value) === undefined) {
      throw new SwiftError(400, 'Metadata must be valid UTF-8')
    }
    if (name.length > METADATA_NAME_BYTES_MAX) {
      throw new SwiftError(400, `Metadata name too long: ${prefix}${name}`)
    }
    if (value.length > METADATA_VALUE_BYTES_MAX) {
      throw new SwiftError(
        400,
        `Metadata value longer than ${METADATA_VALUE_BYTES_MAX}: ${prefix}${name}`,
      )
    }
    items.set(name, value)
    size += name.length + value.length
  }
  requireSetFits(items.size, size)
  return items
}

/** Throws SwiftError 400 for more items, or more bytes of names and values together, than Swift takes. */
export function requireSetFits(items: number, bytes: number): void {
  if (items > METADATA_ITEMS_MAX) {
    throw new SwiftError(400, `Too many metadata items; max ${METADATA_ITEMS_MAX}`)
  }
  if (bytes > METADATA_BYTES_MAX) {
    throw new SwiftError(400, `Total metadata too large; max ${METADATA_BYTES_MAX}`)
  }
}

/**
 * User metadata of a request. For an object it is the whole set, in which an empty value is a value. For accounts and
 * containers it is the changes: an empty value, or `X-Remove-Container-Meta-Name`, removes the item. An item that a
 * request both sets and removes is set. Throws SwiftError 400.
 */
export function readMetadata(ctx: Pick<Context, 'req'>, owner: 'object'): Record<string, string>
export function readMetadata(
  ctx: Pick<Context, 'req'>,
  owner: 'account' | 'container',
): MetadataChanges
export function readMetadata(
  ctx: Pick<Context, 'req'>,
  owner: MetadataOwner,
): Record<string, string | null> {
  const items = readItems(ctx, owner)
  if (owner === 'object') return Object.fromEntries(items)
  const changes = new Map<string, string | null>()
  for (const [name] of headersFrom(ctx, `x-remove-${owner}-meta-`)) {
    if (name !== '') changes.set(name, null)
  }
  for (const [name, value] of items) changes.set(name, value === '' ? null : value)
  return Object.fromEntries(changes)
}

/** `x-object-meta-a1b-c` as `X-Object-Meta-A1B-C`, as Swift shows header names. */
export function titleCase(name: string): string {
  return name.toLowerCase().replace(/[a-z]+/g, (word) => word[0]!.toUpperCase() + word.slice(1))
}

/** Sets the metadata as response headers. */
export function writeMetadata(
  ctx: Pick<Context, 'set'>,
  owner: MetadataOwner,
  metadata: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(metadata)) {
    setStored(ctx, titleCase(`x-${owner}-meta-${name}`), value)
  }
}
