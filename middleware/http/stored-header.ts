// Sets response headers to stored values. A header cannot hold every text that a row can. A value of an older release
// or of a repaired catalog must not make its object unreadable (D-OLD-ROWS).
import type { Context } from '../state.ts'

/** Characters that no header's value may have: all but tabs, printable ASCII and those above (RFC 9110 §5.5). */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/g
/** The form of a header's name, a token (RFC 9110 §5.6.2). */
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/

/** A stored value, one character a byte, with a space for each character that no header may have (RFC 9110 §5.5). */
export const headerValue = (stored: string): string => stored.replace(UNFIT, ' ')

/** Sets a header to a stored value, unless no header can have that name. */
export function setStored(ctx: Pick<Context, 'set'>, name: string, stored: string): void {
  if (NAME.test(name)) ctx.set(name, headerValue(stored))
}
