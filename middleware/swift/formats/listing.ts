// Writes a listing in the format that the client chose, with Swift's status and Content-Type.
import { spend, textSteps } from '../../../lib/turns.ts'
import type { Chosen, Format } from '../accept.ts'
import { sendEmpty, sendText } from '../answer.ts'
import type { Context } from '../context.ts'
import type { Listed, ListingEntry, ListingFormat } from './entries.ts'
import { jsonFormat } from './json.ts'
import { plainFormat } from './plain.ts'
import { xmlFormat } from './xml.ts'

/** Characters of text after which it is turned into bytes. 10,000 long names make 60 MB of text. */
const PIECE_CHARS = 64 << 10

const formats: Readonly<Record<Format, (listed: Listed) => ListingFormat>> = {
  plain: () => plainFormat,
  json: () => jsonFormat,
  xml: xmlFormat,
}

/**
 * Writes the entries that `entryOf` makes of what the service listed. Waits for a turn where there are many
 * (lib/turns.ts).
 */
export async function writeListing<T>(
  { head, show, separator, tail }: ListingFormat,
  listed: readonly T[],
  entryOf: (item: T) => ListingEntry,
): Promise<Buffer> {
  const pieces: Buffer[] = []
  let text = head
  for (const [i, item] of listed.entries()) {
    const shown = show(entryOf(item))
    text += i === 0 ? shown : separator + shown
    if (text.length >= PIECE_CHARS) {
      pieces.push(Buffer.from(text))
      text = ''
    }
    const turn = spend(textSteps(shown))
    if (turn !== undefined) await turn
  }
  pieces.push(Buffer.from(text + tail))
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** Answers with the entries: 200, or 204 where the format is text and there are none. */
export async function sendListing<T>(
  ctx: Context,
  { format, contentType }: Chosen,
  about: Listed,
  listed: readonly T[],
  entryOf: (item: T) => ListingEntry,
): Promise<void> {
  const bytes = await writeListing(formats[format](about), listed, entryOf)
  if (bytes.length === 0) sendEmpty(ctx, 204, contentType)
  else sendText(ctx, contentType, bytes)
}
