// A listing in the format that was asked for, with the status and the Content-Type that Swift gives it.
import type { Context } from '../../state.ts'
import type { Chosen } from '../accept.ts'
import { sendEmpty, sendText } from '../answer.ts'
import type { ContainerEntry, Listed, ObjectEntry, Subdir } from './entries.ts'
import { plainListing } from './plain.ts'
import { xmlListing } from './xml.ts'

/** Answers with the entries: 200, or 204 where a text would be empty. */
export function sendListing(
  ctx: Context,
  { format, contentType }: Chosen,
  listed: Listed,
  entries: readonly (ContainerEntry | ObjectEntry | Subdir)[],
): void {
  if (format === 'plain') {
    const text = plainListing(entries)
    if (text === '') sendEmpty(ctx, 204, contentType)
    else sendText(ctx, contentType, text)
  } else if (format === 'json') {
    sendText(ctx, contentType, JSON.stringify(entries))
  } else {
    sendText(ctx, contentType, xmlListing(listed, entries))
  }
}
