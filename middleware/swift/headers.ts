// Request headers as Swift's handlers read them. Values are byte strings, one character a byte.
import type { Context } from './context.ts'

/** A header by its lower-case name; '' where it was sent empty. */
export function headerOf(ctx: Pick<Context, 'req'>, name: string): string | undefined {
  const sent = ctx.req.headers[name]
  return Array.isArray(sent) ? sent.join(',') : sent
}

const truths: ReadonlySet<string> = new Set(['true', '1', 'yes', 'on', 't', 'y'])

/** True for Swift's words for true, in any case. Every other value is false. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && truths.has(value.toLowerCase())
}

/** The text of a header's byte string, undefined where its bytes are no UTF-8. */
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

/** A text as the byte string of a header. */
export function bytesOfText(text: string): string {
  return /^[\x20-\x7e\t]*$/.test(text) ? text : Buffer.from(text).toString('latin1')
}
