// Conditional requests (RFC 9110 §13, with S3's precedence). ETags are compared as text without
// quotes; times at whole seconds, because that is what a Last-Modified header can say.
import { CofferError } from '../errors.ts'
import type { ConditionName, Conditions } from './types.ts'

/** What a condition is judged against. */
export interface Judged {
  readonly etag: string
  /** The content's MD5, where the caller's key opened it: counts as an ETag too (DESIGN §7). */
  readonly md5?: string | undefined
  readonly timeMicros: number
}

const toSeconds = (micros: number) => Math.floor(micros / 1_000_000)

const matches = (wanted: readonly string[] | '*', judged: Judged) =>
  wanted === '*' ||
  wanted.includes(judged.etag) ||
  (judged.md5 !== undefined && wanted.includes(judged.md5))

const fail = (condition: ConditionName) => new CofferError('PreconditionFailed', { condition })

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
  const notModified = () =>
    new CofferError('NotModified', { etag: judged.etag, modifiedMicros: judged.timeMicros })
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
    if (matches(ifNoneMatch, judged)) throw notModified()
  } else if (
    ifModifiedSinceMicros !== undefined &&
    ifModifiedSinceMicros <= Date.now() * 1000 &&
    modified <= toSeconds(ifModifiedSinceMicros)
  ) {
    throw notModified()
  }
}

/** Swift's rules: each condition by itself, in this order, and a time is the second that its Last-Modified
 * shows, which is rounded up (swift/common/swob.py, _get_conditional_response_status). */
function checkEach(conditions: Conditions, judged: Judged): void {
  const { ifMatch, ifNoneMatch, ifModifiedSinceMicros, ifUnmodifiedSinceMicros } = conditions
  const { etag, timeMicros } = judged
  const shownMicros = Math.ceil(timeMicros / 1_000_000) * 1_000_000
  const notModified = () => new CofferError('NotModified', { etag, modifiedMicros: timeMicros })
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, judged)) throw notModified()
  if (ifMatch !== undefined && !matches(ifMatch, judged)) throw fail('ifMatch')
  if (ifModifiedSinceMicros !== undefined && shownMicros <= ifModifiedSinceMicros) {
    throw notModified()
  }
  if (ifUnmodifiedSinceMicros !== undefined && shownMicros > ifUnmodifiedSinceMicros) {
    throw fail('ifUnmodifiedSinceMicros')
  }
}

/**
 * Conditions of a write, against the current version (undefined: there is none, or it is a delete
 * marker). Throws PreconditionFailed, or ObjectMissing for If-Match where there is nothing.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function checkWrite(
  conditions: Conditions | undefined,
  current: Judged | undefined,
  object: string,
): void {
  if (conditions === undefined) return
  const { ifMatch, ifNoneMatch } = conditions
  if (ifMatch !== undefined) {
    if (current === undefined) throw new CofferError('ObjectMissing', { object })
    if (!matches(ifMatch, current)) throw fail('ifMatch')
  }
  if (ifNoneMatch !== undefined && current !== undefined && matches(ifNoneMatch, current)) {
    throw fail('ifNoneMatch')
  }
}

/** True where the caller set any condition at all. */
export function isConditional(conditions: Conditions | undefined): conditions is Conditions {
  return conditions !== undefined && Object.values(conditions).some((value) => value !== undefined)
}
