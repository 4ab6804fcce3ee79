// A manifest as JSON: as Swift shows it, and in the form in which it can be sent again.
// Swift: swift/common/middleware/slo.py, handle_multipart_put and convert_segment_listing.
import { createHash } from 'node:crypto'
import type { ManifestEntry, ManifestLink } from '../../lib/service/types.ts'
import { writeInTurns } from '../../lib/turns.ts'
import { textOfBytes } from './headers.ts'
import { isoSeconds } from './times.ts'

const DEFAULT_TYPE = 'application/octet-stream'

const rangeOf = ({ range }: ManifestLink) =>
  range === null ? {} : { range: `${range.offset}-${range.offset + range.length - 1}` }

/** Own bytes whose key did not come are shown as none. */
const dataOf = (data: Buffer | undefined) => ({ data: data?.toString('base64') ?? '' })

const shown = (entry: ManifestEntry) =>
  'ownBytes' in entry
    ? dataOf(entry.data)
    : {
        name: `/${entry.container}/${entry.object}`,
        bytes: entry.size,
        hash: entry.etag,
        content_type: textOfBytes(entry.type || DEFAULT_TYPE) ?? entry.type,
        last_modified: isoSeconds(entry.timeMicros),
        ...rangeOf(entry),
        ...(entry.isManifest && { sub_slo: true }),
      }

const raw = (entry: ManifestEntry) =>
  'ownBytes' in entry
    ? dataOf(entry.data)
    : {
        etag: entry.etag,
        path: `/${entry.container}/${entry.object}`,
        ...rangeOf(entry),
        size_bytes: entry.size,
      }

/** The document of the entries: as it is shown, or `raw`. */
export async function manifestText(
  entries: readonly ManifestEntry[],
  form: 'shown' | 'raw' = 'shown',
): Promise<Buffer> {
  const write = form === 'raw' ? raw : shown
  const items = await writeInTurns(entries, (entry) => JSON.stringify(write(entry)))
  return Buffer.from(`[${items.join(', ')}]`)
}

/** The ETag of a document: its MD5. */
export const etagOfText = (text: Buffer) => createHash('md5').update(text).digest('hex')
