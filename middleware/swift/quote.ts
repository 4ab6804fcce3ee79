// Paths in headers, which Swift writes and reads percent-encoded.
import { decodePercent } from '../http/percent.ts'
import { SwiftError } from './swift-error.ts'

/** Percent-encodes all but unreserved characters and slashes, as Swift's own answers have it (RFC 3986 §2.3). */
export function quotePath(path: string): string {
  return encodeURIComponent(path.toWellFormed())
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/**
 * Container and object of a header of the form `[/]container/object`, percent-encoded. Throws SwiftError 412
 * for a value of another form, and for one that is no UTF-8 or holds a NUL.
 * Swift: swift/common/request_helpers.py, check_path_header.
 */
export function parsePath(name: string, value: string): { container: string; object: string } {
  const path = decodePercent(value, false)
  const match = path === undefined ? null : /^\/?([^/\0]+)\/([^\0]+)$/.exec(path)
  if (match === null) {
    const text = `${name} header must be of the form <container name>/<object name>`
    throw new SwiftError(412, text)
  }
  return { container: match[1]!, object: match[2]! }
}

/** An account's name from a header, percent-encoded. Throws SwiftError 412. */
export function parseAccount(value: string): string {
  const name = decodePercent(value, false)
  if (name === undefined) throw new SwiftError(412, 'Invalid UTF8 or contains NULL')
  if (name === '') throw new SwiftError(412, 'Account name cannot be empty')
  if (name.includes('/')) throw new SwiftError(412, 'Account name cannot contain slashes')
  return name
}
