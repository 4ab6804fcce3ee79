// Errors of Redis and of the connection to it, as sentences for health and log. None quotes Redis' own message,
// which may contain arguments: rows, or a password.
import { CofferError } from '../../errors.ts'

/** A `StoreUnavailable` with a sentence. */
export const unavailable = (message: string, cause?: unknown) =>
  new CofferError('StoreUnavailable', { message }, cause)

/** What an error reply means. `reads`: other commands may still be answered. */
export interface Refusal {
  readonly message: string
  readonly reads: boolean
}

/** By the first word of the reply
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors). */
const refusals: Readonly<Record<string, Refusal>> = {
  OOM: { message: 'Redis is full: it has reached maxmemory', reads: true },
  READONLY: { message: 'Redis is a replica and takes no writes', reads: true },
  MISCONF: { message: 'Redis cannot write to its disk and takes no writes', reads: true },
  NOREPLICAS: { message: 'Redis has fewer replicas than min-replicas-to-write', reads: true },
  BUSY: { message: 'Redis is busy with a script', reads: false },
  LOADING: { message: 'Redis is loading its data', reads: false },
  MASTERDOWN: { message: 'Redis is a replica that has lost its master', reads: false },
  CLUSTERDOWN: { message: 'the Redis cluster is down', reads: false },
  TRYAGAIN: { message: 'the Redis cluster is moving its slots', reads: false },
  NOAUTH: { message: 'Redis wants a password', reads: false },
  WRONGPASS: { message: 'Redis does not accept user and password', reads: false },
  NOPERM: {
    message: 'Redis does not allow its user a command or key that is needed',
    reads: false,
  },
}

const unknownRefusal: Refusal = { message: 'Redis refused a command', reads: true }

/** True for an error reply of Redis: the command was not executed. */
export const isReply = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'ReplyError'

const firstWord = (error: Error) => /^[A-Z]+/.exec(error.message)?.[0] ?? ''

/** True where Redis has no script of that hash. */
export const isNoScript = (error: unknown) => isReply(error) && firstWord(error) === 'NOSCRIPT'

/** What an error reply means. */
export function refusalOf(error: Error): Refusal {
  const word = firstWord(error)
  const known = refusals[word]
  if (known !== undefined) return known
  // The reply is about a command in a script. Other scripts may be allowed.
  if (/user executing the script can't|ACL failure in script/.test(error.message)) {
    return { message: refusals.NOPERM!.message, reads: true }
  }
  return /unknown command/i.test(error.message)
    ? { message: 'Redis lacks a command that is needed: it is too old, or renamed', reads: false }
    : unknownRefusal
}

const systemErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up',
  EHOSTUNREACH: 'it cannot be reached',
  ENETUNREACH: 'it cannot be reached',
}

/** The reason where there is no connection and nothing says why. */
export const AWAY = 'Redis is away'

/** Why there is no connection. Node's error code is added where it is not in `systemErrors`, as those of TLS. */
export function reasonOf(error: unknown): string {
  if (isReply(error)) return refusalOf(error).message
  const { code, message = '' } = (error ?? {}) as { code?: string; message?: string }
  if (code !== undefined) return `${AWAY}: ${systemErrors[code] ?? code}`
  if (/timeout/i.test(message)) return 'Redis does not answer'
  if (/Ready check failed: ([A-Z]+)/.test(message)) {
    return (
      refusals[/Ready check failed: ([A-Z]+)/.exec(message)![1]!]?.message ?? 'Redis is not ready'
    )
  }
  return /sentinel/i.test(message) ? 'no Sentinel names a master' : AWAY
}
