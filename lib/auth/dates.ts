// The dates in signatures, and how far they may be from the server's clock.
import { CofferError } from '../errors.ts'

/** Greatest difference between the clocks of signer and server, in either direction. */
export const CLOCK_SKEW_MAX_MS = 15 * 60 * 1000

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Milliseconds since 1970 of a date in UTC. Undefined where there is no such day or time, or it lies before
 * 1970, which S3 treats as an invalid date and not as a skewed clock. */
function utc(parts: readonly (string | number)[]): number | undefined {
  const [year, month, day, hour, minute, second] = parts.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  const date = new Date(ms)
  const holds =
    date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return holds && ms >= 0 && hour < 24 && minute < 60 && second < 60 ? ms : undefined
}

/** Reads `yyyyMMdd'T'HHmmss'Z'` (ISO 8601 basic), the form of X-Amz-Date, as milliseconds since 1970. */
export function readBasicDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  return match === null ? undefined : utc(match.slice(1))
}

/** Writes milliseconds since 1970 as `yyyyMMdd'T'HHmmss'Z'`. */
export function writeBasicDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}

/** Reads an HTTP date (RFC 9110 §5.6.7, IMF-fixdate) as milliseconds since 1970. Old signers write `+0000` for
 * GMT. */
export function readHttpDate(text: string): number | undefined {
  const match =
    /^(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:GMT|UTC|[+-]0000)$/.exec(
      text,
    )
  if (match === null) return undefined
  const [, day, month, year, hour, minute, second] = match as unknown as string[]
  const index = months.indexOf(month!)
  return index < 0 ? undefined : utc([year!, index + 1, day!, hour!, minute!, second!])
}

/** Milliseconds since 1970 in ISO 8601 with seconds, as in S3's error documents. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** Throws ClockSkewed where `requestMs` is more than 15 minutes from `nowMs`. */
export function checkSkew(requestMs: number, nowMs: number, requestTime: string): void {
  if (Math.abs(nowMs - requestMs) <= CLOCK_SKEW_MAX_MS) return
  throw new CofferError('ClockSkewed', { requestTime, serverTime: isoSeconds(nowMs) })
}
