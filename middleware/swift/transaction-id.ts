// The id of a request in Swift's form, as answers, the log and the audit name it.
import { randomHex } from '../../lib/names.ts'

/** Characters that a client may add to a transaction id. */
const EXTRA_CHARS_MAX = 32

/**
 * An id in Swift's form: `tx`, 21 hex digits, `-`, the time in seconds as 10 hex digits, and behind another
 * `-` what the client sent as X-Trans-Id-Extra, percent-encoded.
 */
export function transactionId(extra: string): string {
  const time = Math.floor(Date.now() / 1000)
  const id = `tx${randomHex(11).slice(0, 21)}-${time.toString(16).padStart(10, '0')}`
  return extra === '' ? id : `${id}-${encodeURIComponent(extra.slice(0, EXTRA_CHARS_MAX))}`
}
