// Sets response headers of what is stored. A header cannot hold every text that a row can: what came through another
// door, an older release or a repaired catalog must not make an object unreadable.
import type { Context } from '../state.ts'

/** All but a tab, printable ASCII and what is above it (RFC 9110 §5.5). */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/g
/** A token (RFC 9110 §5.6.2). */
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/

/** A stored value, one character a byte, as a header holds it: RFC 9110 §5.5 puts a space for what it cannot. */
export const headerValue = (stored: string): string => stored.replace(UNFIT, ' ')

/** Sets a header to a stored value. One whose name no header can have is left out. */
export function setStored(ctx: Pick<Context, 'set'>, name: string, stored: string): void {
  if (NAME.test(name)) ctx.set(name, headerValue(stored))
}
