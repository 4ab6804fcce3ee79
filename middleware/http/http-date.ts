// Dates in request headers (RFC 9110 §5.6.7).
import type { IncomingMessage } from 'node:http'

const monthNames = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
]
const MONTH = `(?<month>${monthNames.join('|')})`
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)'

/** The forms of a date: the one that is sent, and two older ones that must still be read. */
const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^[A-Z][a-z]{2} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
]

const CENTURY_YEARS = 100
/** Years that a year of two digits may lie ahead. One farther ahead is of the century before (RFC 9110 §5.6.7). */
const AHEAD_YEARS_MAX = 50

function yearOf(text: string): number {
  const year = Number(text)
  if (text.length === 4) return year
  const now = new Date().getUTCFullYear()
  const ahead = (year - (now % CENTURY_YEARS) + CENTURY_YEARS) % CENTURY_YEARS
  return now + (ahead > AHEAD_YEARS_MAX ? ahead - CENTURY_YEARS : ahead)
}

/**
 * A date in one of the three forms, in seconds since 1970. Undefined for another form, and for a day that does not
 * exist.
 */
export function readHttpDate(text: string): number | undefined {
  for (const form of forms) {
    const found = form.exec(text)?.groups
    if (found === undefined) continue
    const [day, month] = [Number(found.day), monthNames.indexOf(found.month!)]
    const date = new Date(0)
    date.setUTCFullYear(yearOf(found.year!), month, day)
    if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined
    date.setUTCHours(Number(found.hour), Number(found.minute), Number(found.second))
    return date.getTime() / 1000
  }
  return undefined
}

/**
 * The value of a header of one line. Undefined where it was not sent, or was sent more than once (RFC 9110 §13.1.3).
 */
export function onlyLineOf(req: IncomingMessage, name: string): string | undefined {
  if (req.headers[name] === undefined) return undefined
  const lines = req.headersDistinct[name] ?? []
  return lines.length > 1 ? undefined : lines[0]
}
