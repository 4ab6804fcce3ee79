// The process's log: pino, one JSON object a line, and the two rules that keep secrets out of it by
// construction. An error is logged by fields named here, never by whatever properties it carries (a
// parser's error holds the raw packet), and a URL only after `redactUrl`. Nobody hands headers to a log.
import pino, { type DestinationStream, type Logger } from 'pino'
import { type Code, CofferError } from './errors.ts'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Longest text that `redactUrl` returns, in characters. */
export const LOGGED_URL_CHARS_MAX = 2048

const MASK = '***'

// Codes whose details name only rows, volumes and counts. Others may carry what a client sent.
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

/** The loggable part of anything thrown: its class, message, code, stack and causes (three deep). */
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

/** A logger for lines of JSON with `time` in ISO 8601 and `level` as a word, on stdout unless told. */
export function makeLog(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
  }
  // Not synchronous: a write for each line would hold up the thread that serves. What is still in memory
  // when the process ends by itself is flushed; a kill loses the lines of its last moment.
  return pino(options, destination ?? pino.destination({ fd: 1, sync: false }))
}

// Query parameters that can hold a secret, by a part of their name. SigV2 presigned URLs carry every
// signed header in the query, the customer key among them.
const secretName =
  /key|token|secret|signature|password|passwd|credential|authorization|sig(?![a-z])/i
// Listing parameters of S3 that only look like one.
const plainNames: ReadonlySet<string> = new Set(['max-keys', 'key-marker'])

/** Undoes percent-encoding as often as it is there (three times at most): a client may encode twice. */
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
  // A value that holds `secret=…` itself is a parameter whose separator got lost on the way.
  const suspect =
    (secretName.test(decodedName) && !plainNames.has(decodedName.toLowerCase())) ||
    (value.includes('=') && secretName.test(value))
  if (!suspect) return parameter
  // An encoded `=` in the name may have a secret behind it.
  const end = decodedName.indexOf('=')
  return `${end < 0 ? name : decodedName.slice(0, end)}=${MASK}`
}

/**
 * A request target (or URL) fit for the log: the value of every query parameter that can hold a secret
 * is replaced by `***`, also where `?` was sent encoded, user and password of an absolute URL are
 * dropped, and what is longer than LOGGED_URL_CHARS_MAX is cut. Linear in the length that it keeps.
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
