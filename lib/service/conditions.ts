// Conditional requests (RFC 9110 §13, with S3's precedence). ETags are compared as text without
// quotes; times at whole seconds, because that is what a Last-Modified header can say.
import type { ContentHeaders } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import type { ConditionName, Conditions, RangesFor } from './types.ts'

/** What a condition is judged against. */
export interface Judged {
  readonly etag: string
  /** The content's MD5, where the caller's key opened it: counts as an ETag too (D-ETAG). */
  readonly md5?: string | undefined
  readonly timeMicros: number
  /** What a client that has a copy may be told of how long it is good. */
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

/** True where the object is in the state for which ranges were asked. ETags are compared as strong ones, a time must be
 * the very second (RFC 9110 §13.1.5). */
export function isMeant(wanted: RangesFor, judged: Judged): boolean {
  return 'etag' in wanted
    ? matches([wanted.etag], judged)
    : wanted.modifiedSeconds === toSeconds(judged.timeMicros)
}

/**
 * Conditions of a read. Throws PreconditionFailed, or NotModified where a condition says that the
 * caller's copy is still good. If-Match, when it holds, overrides If-Unmodified-Since; If-None-Match,
 * when present, overrides If-Modified-Since; a date in the future is ignored.
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

/** Swift's rules: each condition by itself, in this order, and a time is the second that its Last-Modified
 * shows, which is rounded up (swift/common/swob.py, _get_conditional_response_status). */
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
 * Conditions of a write, against the current version (undefined: there is none, or it is a delete
 * marker). Throws PreconditionFailed, or ObjectMissing for If-Match where there is nothing. If-Unmodified-Since means
 * nothing beside If-Match, and where nothing is (RFC 9110 §13.1.4).
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
