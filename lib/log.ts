// The log of the process: pino, with one JSON object on each line. Two rules keep secrets out of it. An error
// is logged by the fields named here, never by other properties (a parser's error holds the raw packet). A URL
// is logged after `redactUrl` only. Headers are never passed to a log.
import pino, { type DestinationStream, type Logger } from 'pino'
import { type Code, CofferError } from './errors.ts'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Longest text that `redactUrl` returns, in characters. */
export const LOGGED_URL_CHARS_MAX = 2048

const MASK = '***'

// Codes whose details name only rows, volumes and counts. Details of other codes may contain what a client
// sent.
const detailedCodes: ReadonlySet<Code> = new Set<Code>([
  'Internal',
  'OutcomeUnknown',
  'StoreCorrupt',
  'StoreFull',
  'StoreUnavailable',
])

interface LoggedError {
  type: string
  message: string
  code?: string
  details?: CofferError['details']
  stack?: string
  cause?: LoggedError
}

/** The parts of a thrown value that may be logged: class, message, code, stack and causes (three deep). */
export function describeError(error: unknown, depth = 3): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' }
  const code = (error as { code?: unknown }).code
  const logged: LoggedError = { type: error.name, message: error.message }
  if (typeof code === 'string') logged.code = code
  if (error instanceof CofferError && detailedCodes.has(error.code)) logged.details = error.details
  if (error.stack !== undefined) logged.stack = error.stack
  if (error.cause !== undefined && depth > 1) logged.cause = describeError(error.cause, depth - 1)
  return logged
}

/** A logger for lines of JSON with `time` in ISO 8601 and `level` as a word. Writes to stdout without
 * `destination`. */
export function makeLog(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
  }
  // Asynchronous, because a write for each line would delay the thread that serves. Lines in memory are flushed
  // when the process ends by itself; a kill loses the last ones.
  return pino(options, destination ?? pino.destination({ fd: 1, sync: false }))
}

// Query parameters that can hold a secret, by a part of their name. A URL presigned with SigV2 carries every
// signed header in its query, the customer key among them.
const secretName =
  /key|token|secret|signature|password|passwd|credential|authorization|sig(?![a-z])/i
// Parameters of S3 listings whose names only look secret.
const plainNames: ReadonlySet<string> = new Set(['max-keys', 'key-marker'])

/** Undoes percent-encoding up to three times, because a client may encode twice. */
function decodeLeniently(text: string): string {
  let decoded = text
  for (let i = 0; i < 3 && decoded.includes('%'); i++) {
    decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
  }
  return decoded
}

function redactParameter(parameter: string): string {
  const equals = parameter.indexOf('=')
  const name = equals < 0 ? parameter : parameter.slice(0, equals)
  const decodedName = decodeLeniently(name)
  const value = equals < 0 ? '' : decodeLeniently(parameter.slice(equals + 1))
  // A value that itself contains `secret=…` is a parameter whose separator was lost.
  const suspect =
    (secretName.test(decodedName) && !plainNames.has(decodedName.toLowerCase())) ||
    (value.includes('=') && secretName.test(value))
  if (!suspect) return parameter
  // A secret may stand behind an encoded `=` in the name.
  const end = decodedName.indexOf('=')
  return `${end < 0 ? name : decodedName.slice(0, end)}=${MASK}`
}

/**
 * A request target (or URL) for the log. The value of every query parameter that can hold a secret is replaced
 * by `***`, also behind an encoded `?`. User and password of an absolute URL are dropped. Text beyond
 * LOGGED_URL_CHARS_MAX is cut. The time is linear in the length of the result.
 */
export function redactUrl(pathAndQuery: string): string {
  const url = pathAndQuery.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/?#]*@/i, `$1//${MASK}@`)
  const start = url.search(/[?&]|%(?:25)*(?:3f|26)/i)
  if (start < 0) return bound(url)
  const separator = url[start] === '%' ? url.slice(start).match(/^%(?:25)*../)![0] : url[start]!
  let text = url.slice(0, start) + separator
  let from = start + separator.length
  while (from <= url.length && text.length <= LOGGED_URL_CHARS_MAX) {
    const next = url.indexOf('&', from)
    const end = next < 0 ? url.length : next
    text += redactParameter(url.slice(from, end)) + (next < 0 ? '' : '&')
    from = end + 1
  }
  return bound(text)
}

function bound(text: string): string {
  return text.length <= LOGGED_URL_CHARS_MAX ? text : `${text.slice(0, LOGGED_URL_CHARS_MAX - 1)}…`
}
