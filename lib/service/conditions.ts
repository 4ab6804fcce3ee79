// Conditional requests (RFC 9110 §13, with S3's precedence). ETags are compared as text without quotes. Times are
// compared in whole seconds, which is the precision of Last-Modified.
import type { ContentHeaders } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'

/** ETags are without quotes; '*' matches whatever exists. Times are microseconds since 1970. */
export interface Conditions {
  readonly ifMatch?: readonly string[] | '*'
  readonly ifNoneMatch?: readonly string[] | '*'
  readonly ifModifiedSinceMicros?: number
  readonly ifUnmodifiedSinceMicros?: number
  /** Each by itself, If-None-Match first, and times rounded up to the second, as Swift judges; else by
   * RFC 9110's precedence. */
  readonly each?: boolean
}

/** A state of an object, by its ETag without quotes, or by its time in whole seconds since 1970. */
export type RangesFor = { readonly etag: string } | { readonly modifiedSeconds: number }

/** The name that PreconditionFailed carries in `details.condition`. */
export type ConditionName = Exclude<keyof Conditions, 'each'>

/** The state of an object that a condition is compared with. */
export interface Judged {
  readonly etag: string
  /** The content's MD5, where the caller's key opened it. It counts as an ETag too (D-ETAG). */
  readonly md5?: string | undefined
  readonly timeMicros: number
  /** The headers of caching that an answer to a client with a copy carries. */
  readonly headers?: Pick<ContentHeaders, 'cacheControl' | 'expires'>
}

const toSeconds = (micros: number) => Math.floor(micros / 1_000_000)

const matches = (wanted: readonly string[] | '*', judged: Judged) =>
  wanted === '*' ||
  wanted.includes(judged.etag) ||
  (judged.md5 !== undefined && wanted.includes(judged.md5))

const fail = (condition: ConditionName) => new CofferError('PreconditionFailed', { condition })

const notModified = ({ etag, timeMicros, headers }: Judged) =>
  new CofferError('NotModified', {
    etag,
    modifiedMicros: timeMicros,
    cacheControl: headers?.cacheControl,
    expires: headers?.expires,
  })

/**
 * True where the object is in the state that If-Range names. ETags are compared as strong ones, and a time must be
 * equal to the second (RFC 9110 §13.1.5).
 */
export function isMeant(wanted: RangesFor, judged: Judged): boolean {
  return 'etag' in wanted
    ? matches([wanted.etag], judged)
    : wanted.modifiedSeconds === toSeconds(judged.timeMicros)
}

/**
 * Judges the conditions of a read. Throws PreconditionFailed, NotModified where the caller's copy is still valid. An
 * If-Match that holds overrides If-Unmodified-Since. An If-None-Match overrides If-Modified-Since. A date in the
 * future is ignored.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html
 */
export function checkRead(conditions: Conditions | undefined, judged: Judged): void {
  if (conditions === undefined) return
  if (conditions.each === true) checkEach(conditions, judged)
  else checkInTurn(conditions, judged)
}

function checkInTurn(conditions: Conditions, judged: Judged): void {
  const { ifMatch, ifNoneMatch, ifModifiedSinceMicros, ifUnmodifiedSinceMicros } = conditions
  const modified = toSeconds(judged.timeMicros)
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, judged)) throw fail('ifMatch')
  } else if (
    ifUnmodifiedSinceMicros !== undefined &&
    modified > toSeconds(ifUnmodifiedSinceMicros)
  ) {
    throw fail('ifUnmodifiedSinceMicros')
  }
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, judged)) throw notModified(judged)
  } else if (
    ifModifiedSinceMicros !== undefined &&
    ifModifiedSinceMicros <= Date.now() * 1000 &&
    modified <= toSeconds(ifModifiedSinceMicros)
  ) {
    throw notModified(judged)
  }
}

/**
 * Judges conditions by Swift's rules: each by itself, in this order. A time is the second of Swift's Last-Modified,
 * which is rounded up (swift/common/swob.py, _get_conditional_response_status).
 */
function checkEach(conditions: Conditions, judged: Judged): void {
  const { ifMatch, ifNoneMatch, ifModifiedSinceMicros, ifUnmodifiedSinceMicros } = conditions
  const shownMicros = Math.ceil(judged.timeMicros / 1_000_000) * 1_000_000
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, judged)) throw notModified(judged)
  if (ifMatch !== undefined && !matches(ifMatch, judged)) throw fail('ifMatch')
  if (ifModifiedSinceMicros !== undefined && shownMicros <= ifModifiedSinceMicros) {
    throw notModified(judged)
  }
  if (ifUnmodifiedSinceMicros !== undefined && shownMicros > ifUnmodifiedSinceMicros) {
    throw fail('ifUnmodifiedSinceMicros')
  }
}

/**
 * Judges the conditions of a write. `judged` is the current version, undefined where there is none or it is a delete
 * marker. Throws PreconditionFailed, ObjectMissing for an If-Match where there is nothing. If-Unmodified-Since is
 * ignored beside If-Match, and where there is nothing (RFC 9110 §13.1.4).
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function checkWrite(
  conditions: Conditions | undefined,
  current: Judged | undefined,
  object: string,
): void {
  if (conditions === undefined) return
  const { ifMatch, ifNoneMatch, ifUnmodifiedSinceMicros } = conditions
  if (ifMatch !== undefined) {
    if (current === undefined) throw new CofferError('ObjectMissing', { object })
    if (!matches(ifMatch, current)) throw fail('ifMatch')
  } else if (
    ifUnmodifiedSinceMicros !== undefined &&
    current !== undefined &&
    toSeconds(current.timeMicros) > toSeconds(ifUnmodifiedSinceMicros)
  ) {
    throw fail('ifUnmodifiedSinceMicros')
  }
  if (ifNoneMatch !== undefined && current !== undefined && matches(ifNoneMatch, current)) {
    throw fail('ifNoneMatch')
  }
}

/** True where the caller set any condition at all. */
export function isConditional(conditions: Conditions | undefined): conditions is Conditions {
  return conditions !== undefined && Object.values(conditions).some((value) => value !== undefined)
}
