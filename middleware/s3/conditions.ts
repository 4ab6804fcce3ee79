// Conditional headers, parsed; the service judges them.
import type { Conditions } from '../../lib/service/types.ts'
import { unquote } from './documents.ts'
import type { Header } from './headers.ts'

/** Prefix of the headers that set conditions on a copy's source. */
export const SOURCE_PREFIX = 'x-amz-copy-source-'

/**
 * A list of ETags (RFC 9110 §8.8.3), with or without quotes: S3's clients send both forms, and a weak
 * mark changes nothing where all ETags are strong.
 */
function etagsOf(value: string | undefined): readonly string[] | '*' | undefined {
  if (value === undefined) return undefined
  const etags = value
    .split(',')
    .map((etag) => unquote(etag.trim().replace(/^W\//, '')))
    .filter((etag) => etag !== '')
  return etags.includes('*') ? '*' : etags
}

/** A date in any form of RFC 9110 §5.6.7, in microseconds. One that cannot be read is ignored. */
function microsOf(value: string | undefined): number | undefined {
  const millis = value === undefined ? Number.NaN : Date.parse(value)
  return Number.isNaN(millis) ? undefined : millis * 1000
}

/** The conditions of a request, or of its copy source; undefined where it sets none. */
export function conditionsOf(header: Header, prefix = ''): Conditions | undefined {
  const found = {
    ifMatch: etagsOf(header(`${prefix}if-match`)),
    ifNoneMatch: etagsOf(header(`${prefix}if-none-match`)),
    ifModifiedSinceMicros: microsOf(header(`${prefix}if-modified-since`)),
    ifUnmodifiedSinceMicros: microsOf(header(`${prefix}if-unmodified-since`)),
  }
  const set = Object.entries(found).filter(([, value]) => value !== undefined)
  return set.length === 0 ? undefined : (Object.fromEntries(set) as Conditions)
}

/** Conditions of a write: ETags only, dates mean nothing there. */
export function writeConditionsOf(header: Header): Conditions | undefined {
  const names = ['if-match', 'if-none-match']
  return conditionsOf((name) => (names.includes(name) ? header(name) : undefined))
}
