// Memory in which batches are put together. O_DIRECT takes memory that begins on a page, and a program cannot see where
// a buffer lies: V8 makes a resizable ArrayBuffer of whole pages. Where that ever ends, the disk refuses the write, and
// the file is written through the page cache (D-FILE-DIRECT).
import { HEAD_BYTES, toPage, VALUE_BYTES_MAX } from './layout.ts'

/** A batch that has grown to this is written (D-FILE-BATCH). */
export const BATCH_BYTES = 2 << 20

/** Room for a batch that a record has filled beyond BATCH_BYTES. */
const SLAB_BYTES = toPage(BATCH_BYTES + HEAD_BYTES + VALUE_BYTES_MAX)

/** Slabs that are kept for later batches: what one loaded volume uses. */
const KEPT_MAX = 3

const kept: Buffer[] = []

/** A slab whose content is anything. */
export const takeSlab = () =>
  kept.pop() ?? Buffer.from(new ArrayBuffer(SLAB_BYTES, { maxByteLength: SLAB_BYTES }))

/** Gives a slab back that nothing reads or writes any more. */
export function giveSlab(slab: Buffer): void {
  if (kept.length < KEPT_MAX) kept.push(slab)
}
