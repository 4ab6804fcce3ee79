// Walks the records of a volume's file from one head to the next. Between batches lie zeros, and after a power cut
// anything: there the next head is searched for, which its magic number and its checksum show.
import { type Damage, unreadableAt } from '../../damage.ts'
import type { PlainFile } from '../../plain-file.ts'
import { HEAD_BYTES, type Head, MAGIC, PAGE_BYTES, readHead, toPage } from './layout.ts'

/** Bytes in which a head is searched for at a time. */
const WINDOW_BYTES = 128 << 10

export interface WalkedRecord extends Head {
  /** Where the value begins in the file. */
  readonly offset: number
}

/**
 * The records from byte `from` on whose numbers are greater than `after`. `from` is where a record begins or ended, or
 * anywhere in a gap. `damaged` is called for each piece that cannot be read, whose records do not come. Rejects with
 * other errors of a read.
 */
export async function* walkRecords(
  file: PlainFile,
  { from, after }: { readonly from: number; readonly after: number },
  damaged: (damage: Damage) => void,
): AsyncGenerator<WalkedRecord> {
  let last = after
  let at = from
  while (at + HEAD_BYTES <= file.size) {
    const bytes = await readOr(file, at, HEAD_BYTES, damaged)
    const head = bytes && readHead(bytes, 0)
    const end = at + HEAD_BYTES + (head?.length ?? 0)
    if (bytes === undefined) at = toPage(at + 1)
    else if (head === undefined || end > file.size) at = await nextHead(file, at, damaged)
    else {
      // Numbers only grow: an old or foreign head counts for nothing.
      if (head.number > last) yield { ...head, offset: at + HEAD_BYTES }
      last = Math.max(last, head.number)
      at = end
    }
  }
}

/** The value of a record, valid until the next read; undefined where it cannot be read. `damaged` is called then. */
export function readValue(
  file: PlainFile,
  { offset, length }: { readonly offset: number; readonly length: number },
  damaged: (damage: Damage) => void,
): Promise<Buffer | undefined> {
  return readOr(file, offset, length, damaged)
}

/** Where a head may begin behind `at`, at which none does: mostly on the next page, where the next batch begins. */
async function nextHead(
  file: PlainFile,
  at: number,
  damaged: (damage: Damage) => void,
): Promise<number> {
  const isPage = at % PAGE_BYTES === 0
  for (let from = at + 1; from < file.size; ) {
    const page = toPage(from)
    const length = Math.min(isPage || page === from ? WINDOW_BYTES : page - from, file.size - from)
    const bytes = await readOr(file, from, length, () => {})
    if (bytes === undefined) return await nextPages(file, from, length, damaged)
    const found = bytes.indexOf(MAGIC)
    if (found !== -1) return from + found
    if (from + length === page) return page
    from += Math.max(1, bytes.length - MAGIC.length + 1)
  }
  return file.size
}

/** As `nextHead` for a piece of which not all can be read: page by page. */
async function nextPages(
  file: PlainFile,
  from: number,
  length: number,
  damaged: (damage: Damage) => void,
): Promise<number> {
  for (let at = from; at < from + length; at = toPage(at + 1)) {
    const bytes = await readOr(file, at, toPage(at + 1) - at, damaged)
    const found = bytes?.indexOf(MAGIC) ?? -1
    if (found !== -1) return at + found
  }
  return from + length
}

async function readOr(
  file: PlainFile,
  at: number,
  length: number,
  damaged: (damage: Damage) => void,
): Promise<Buffer | undefined> {
  try {
    return await file.read(at, length, true)
  } catch (error) {
    const damage = unreadableAt(file.path, at, error)
    if (damage === undefined) throw error
    damaged(damage)
    return undefined
  }
}
