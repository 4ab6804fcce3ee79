// Request headers and switches as Swift's handlers read them. Values are byte strings, one character a byte.
import type { Context } from './context.ts'

/** A header by its lower-case name; '' where it was sent empty. */
export function headerOf(ctx: Pick<Context, 'req'>, name: string): string | undefined {
  const sent = ctx.req.headers[name]
  return Array.isArray(sent) ? sent.join(',') : sent
}

const truths: ReadonlySet<string> = new Set(['true', '1', 'yes', 'on', 't', 'y'])

/** Swift's words for true, whatever their case; everything else is false. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && truths.has(value.toLowerCase())
}

/** Text of a byte string that holds UTF-8, as headers carry it; undefined where it does not. */
export function textOfBytes(value: string): string | undefined {
  if (/^[\x20-\x7e\t]*$/.test(value)) return value
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(value, 'latin1'),
    )
  } catch {
    return undefined
  }
}

/** The byte string in which a header carries a text. */
export function bytesOfText(text: string): string {
  return /^[\x20-\x7e\t]*$/.test(text) ? text : Buffer.from(text).toString('latin1')
}
