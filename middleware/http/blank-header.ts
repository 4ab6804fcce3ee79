// Takes the value of a header that must not be seen out of a request's raw headers.
import type { IncomingMessage } from 'node:http'

/**
 * Empties a header's values in `rawHeaders`. The names stay, because signatures may cover them. Returns the number of
 * the header's lines.
 */
export function blankHeader({ rawHeaders }: IncomingMessage, name: string): number {
  let lines = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() !== name) continue
    rawHeaders[i + 1] = ''
    lines++
  }
  return lines
}
