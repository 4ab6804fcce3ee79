// Reads the values of records from a volume's file: one preadv for those that lie together, into a buffer for each
// value, so that whoever takes a value can give its memory back at once (D-BUFFERS).
import type { DataFile } from '../../files.ts'
import type { Place } from './places.ts'

/** Bytes between two values that are read in vain rather than with a read of their own: a head, and the rest of a
 * page. */
const GAP_BYTES_MAX = 8192

/** Places that are read at once, by their positions in the list. */
interface Span {
  readonly members: { readonly at: number; readonly place: Place }[]
  end: number
}

/** The values at these places; undefined where there is no place, or the file ends before. Rejects with the system's
 * error. */
export async function readValues(
  file: DataFile,
  places: readonly (Place | undefined)[],
): Promise<(Buffer | undefined)[]> {
  const values = new Array<Buffer | undefined>(places.length).fill(undefined)
  await Promise.all(spansOf(places).map((span) => readSpan(file, span, values)))
  return values
}

function spansOf(places: readonly (Place | undefined)[]): Span[] {
  const spans: Span[] = []
  for (const [at, place] of places.entries()) {
    if (place === undefined) continue
    const end = place.offset + place.length
    const span = spans.at(-1)
    const gap = span === undefined ? -1 : place.offset - span.end
    if (span === undefined || gap < 0 || gap > GAP_BYTES_MAX) {
      spans.push({ members: [{ at, place }], end })
    } else {
      span.members.push({ at, place })
      span.end = end
    }
  }
  return spans
}

async function readSpan(
  file: DataFile,
  { members }: Span,
  values: (Buffer | undefined)[],
): Promise<void> {
  const buffers: Buffer[] = []
  const from = members[0]!.place.offset
  let end = from
  for (const { place } of members) {
    if (place.offset > end) buffers.push(Buffer.allocUnsafe(place.offset - end))
    buffers.push(Buffer.allocUnsafeSlow(place.length))
    end = place.offset + place.length
  }
  const bytes = await readInto(file, buffers, from)
  let at = 0
  let read = from
  for (const { at: position, place } of members) {
    if (place.offset > read) at++
    const value = buffers[at++]!
    read = place.offset + place.length
    if (read <= from + bytes) values[position] = value
  }
}

/** Fills the buffers from a place of the file on. Returns how many bytes the file had. */
async function readInto(file: DataFile, buffers: Buffer[], from: number): Promise<number> {
  const wanted = buffers.reduce((sum, { length }) => sum + length, 0)
  const { bytesRead } = await file.readv(buffers, from)
  if (bytesRead === wanted || bytesRead === 0) return bytesRead
  // A signal, or an error behind the first pieces, cuts a read short.
  let read = 0
  for (const buffer of buffers) {
    for (let done = 0; done < buffer.length; ) {
      const piece = await file.read(buffer, done, buffer.length - done, from + read + done)
      if (piece.bytesRead === 0) return read + done
      done += piece.bytesRead
    }
    read += buffer.length
  }
  return read
}
