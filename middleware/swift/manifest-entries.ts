// The entries of a new manifest, judged by themselves before anything is looked at that they name.
// Swift: swift/common/middleware/slo.py, parse_and_validate_input.
import type { ObjectRef, WantedLink } from '../../lib/service/types.ts'
import { spend, textSteps } from '../../lib/turns.ts'
import { MANIFEST_LINKS_MAX } from './limits.ts'
import { entryRange } from './ranges.ts'
import { SwiftError } from './swift-error.ts'

/** An entry that names an object, with its path as it was sent. */
export type SentLink = WantedLink & { readonly path: string }
export type SentEntry = SentLink | { readonly data: Buffer }

const TOO_SMALL = 'too small; each segment must be at least 1 byte.'
/** Longer than any path that can be a name, so that no answer repeats megabytes. */
const PATH_CHARS_MAX = 4096
/** As much of unknown keys as an answer repeats. */
const KEYS_NAMED_MAX = 10
const KEY_CHARS_MAX = 100
const linkKeys: ReadonlySet<string> = new Set(['path', 'etag', 'size_bytes', 'range'])
const dataKeys: ReadonlySet<string> = new Set(['data'])

/** Why an entry is refused. */
class Fault extends Error {}

function requireKeys(item: object, known: ReadonlySet<string>): void {
  const extraneous = Object.keys(item).filter((key) => !known.has(key))
  if (extraneous.length === 0) return
  const named = extraneous
    .slice(0, KEYS_NAMED_MAX)
    .map((key) => JSON.stringify(key.slice(0, KEY_CHARS_MAX)))
  throw new Fault(`extraneous keys ${named.sort().join(', ')}`)
}

/** Base64 of at least one byte. Padding that is not needed is no error. */
function readData(value: unknown): Buffer {
  const [, digits, padding] =
    (typeof value === 'string' && /^([A-Za-z0-9+/]*)(=*)$/.exec(value)) || []
  if (digits === undefined || padding === undefined) throw new Fault('data must be valid base64')
  const rest = digits.length % 4
  const isPadded = rest === 0 || (rest > 1 && padding.length >= 4 - rest)
  if (!isPadded) throw new Fault('data must be valid base64')
  const data = Buffer.from(digits, 'base64')
  if (data.length === 0) throw new Fault(TOO_SMALL)
  return data
}

/** Number, or a text of one, as Python's int() reads it. Null where there is none. */
function readSize(value: unknown): number | null {
  if (value === undefined || value === null) return null
  const isText = typeof value === 'string' && /^\s*[+-]?\d{1,20}\s*$/.test(value)
  const size = isText || typeof value === 'number' ? Math.trunc(Number(value)) : Number.NaN
  if (!Number.isSafeInteger(size)) throw new Fault('invalid size_bytes')
  return size
}

function readRange(value: unknown, size: number | null): WantedLink['range'] {
  if (value === undefined || value === null || value === '' || value === 0) return null
  const range = entryRange(String(value))
  if (range === undefined) throw new Fault('invalid range')
  if (range === 'several') throw new Fault('multiple ranges (only one allowed)')
  if (size !== null && range(size) === undefined) throw new Fault('unsatisfiable range')
  return range
}

function readLink(item: Record<string, unknown>, self: ObjectRef, isLast: boolean): SentLink {
  requireKeys(item, linkKeys)
  const { path, etag = null } = item
  if (typeof path !== 'string') throw new Fault('"path" must be a string')
  if (etag !== null && typeof etag !== 'string') {
    throw new Fault('"etag" must be a string or null (if provided)')
  }
  if (path.length > PATH_CHARS_MAX) throw new Fault('path is too long')
  const [, container, object] = /^\/*([^/]*)\/(.*)$/s.exec(path) ?? []
  if (!container || !object || /^\/*$/.test(object)) {
    throw new Fault('path does not refer to an object. Path must be of the form /container/object.')
  }
  const size = readSize(item.size_bytes)
  if (size !== null && size < 1 && !isLast) throw new Fault(TOO_SMALL)
  if (container === self.container && object === self.object) {
    throw new Fault('manifest must not include itself as a segment')
  }
  if (!path.isWellFormed() || path.includes('\0')) throw new Fault('path cannot be a name')
  return { path, container, object, etag, size, range: readRange(item.range, size) }
}

function readEntry(item: unknown, self: ObjectRef, isLast: boolean): SentEntry {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new Fault('not a JSON object')
  }
  if (Object.hasOwn(item, 'data')) {
    requireKeys(item, dataKeys)
    return { data: readData((item as { data: unknown }).data) }
  }
  if (Object.hasOwn(item, 'path')) return readLink(item as Record<string, unknown>, self, isLast)
  throw new Fault("expected keys to include one of 'data' or 'path'")
}

/**
 * The entries of a manifest for the object `self`. Throws SwiftError 400 with a line for each entry that cannot be one, 413
 * for too many that name objects.
 */
export async function readEntries(
  items: readonly unknown[],
  self: ObjectRef,
): Promise<SentEntry[]> {
  const entries: SentEntry[] = []
  const faults: string[] = []
  for (const [index, item] of items.entries()) {
    try {
      const entry = readEntry(item, self, index === items.length - 1)
      entries.push(entry)
      const turn = spend('data' in entry ? 1 + (entry.data.length >> 12) : textSteps(entry.path))
      if (turn !== undefined) await turn
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      faults.push(`Index ${index}: ${error.message}`)
    }
  }
  const links = entries.filter((entry) => 'path' in entry).length
  if (items.length > 0 && links === 0 && entries.length === items.length) {
    faults.push('Inline data segments require at least one object-backed segment.')
  }
  if (faults.length > 0) throw new SwiftError(400, faults.map((fault) => `${fault}\n`).join(''))
  if (links <= MANIFEST_LINKS_MAX) return entries
  const text = `Number of object-backed segments must be <= ${MANIFEST_LINKS_MAX}`
  throw new SwiftError(413, text)
}
