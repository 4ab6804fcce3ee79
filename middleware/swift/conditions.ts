// Conditional headers, parsed as Swift parses them. The service judges each of them by itself (D-CONDITIONS).
import type { Conditions } from '../../lib/service/types.ts'
import { onlyLineOf, readHttpDate } from '../http/http-date.ts'
import type { Context } from './context.ts'
import { unquote } from './etag.ts'
import { headerOf } from './headers.ts'
import { SwiftError } from './swift-error.ts'

/** A list of ETags, quoted or bare. The `W/` of a weak one is part of its text here, so that it matches no object. */
function etagsOf(value: string | undefined): readonly string[] | '*' | undefined {
  if (value === undefined || value === '') return undefined
  const etags = value
    .split(',')
    .map((etag) => unquote(etag.trim()))
    .filter((etag) => etag !== '')
  return etags.includes('*') ? '*' : etags
}

/**
 * The date of a header in microseconds since 1970. Undefined where it cannot be read or came several times: such a
 * condition is ignored. Beside the three forms of RFC 9110 §5.6.7 Swift reads forms that are near to them, and takes
 * every date for UTC, whatever zone it names.
 * Swift: swift/common/swob.py, _datetime_property, which is Python's email.utils.parsedate.
 */
function microsOf(ctx: Pick<Context, 'req'>, name: string): number | undefined {
  const value = onlyLineOf(ctx.req, name)
  if (value === undefined) return undefined
  const seconds = readHttpDate(value)
  if (seconds !== undefined) return seconds * 1_000_000
  // Every form of such a date has a day's number and a month's name.
  if (!/\d[ -][A-Z][a-z]{2}|[A-Z][a-z]{2} +\d/.test(value)) return undefined
  const millis = Date.parse(`${value.replace(/ (?:[A-Z]{1,4}|[+-]\d{4})$/, '')} GMT`)
  return Number.isNaN(millis) ? undefined : millis * 1000
}

/** The conditions of a read, or of a copy's source. Undefined where no header sets one. */
export function conditionsOf(ctx: Pick<Context, 'req'>): Conditions | undefined {
  const found = {
    ifMatch: etagsOf(headerOf(ctx, 'if-match')),
    ifNoneMatch: etagsOf(headerOf(ctx, 'if-none-match')),
    ifModifiedSinceMicros: microsOf(ctx, 'if-modified-since'),
    ifUnmodifiedSinceMicros: microsOf(ctx, 'if-unmodified-since'),
  }
  const set = Object.entries(found).filter(([, value]) => value !== undefined)
  return set.length === 0 ? undefined : { ...Object.fromEntries(set), each: true }
}

/**
 * The one condition that a PUT can set: `If-None-Match: *`, no object of that name. The other conditional headers are
 * ignored on a PUT. Throws SwiftError 400 for an ETag in If-None-Match.
 */
export function writeConditionsOf(ctx: Pick<Context, 'req'>): Conditions | undefined {
  const ifNoneMatch = etagsOf(headerOf(ctx, 'if-none-match'))
  if (ifNoneMatch === undefined) return undefined
  if (ifNoneMatch !== '*') throw new SwiftError(400, 'If-None-Match only supports *')
  return { ifNoneMatch }
}
