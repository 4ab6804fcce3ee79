// The segments of a body, in order, proven before a byte of them is opened: written from docs/format.md §4 and §5 alone.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { readLayout, readSegment, type StoredSegment, type StoredVersion } from './catalog.ts'
import type { Database } from './database.ts'
import { Failure } from './failure.ts'
import { type Opened, recordsOf, uint32, uint64 } from './sealed.ts'

const PARTS_PER_PAGE = 250
const PAGE_BYTES = 32
const PARTS_MAX = 10_000
const PART_NUMBER_MAX = 99_999

/** A part, and the digest of the page that proves its blob; a body of one piece has none. */
export interface Part {
  readonly part: number
  readonly size: number
  readonly page: Buffer | null
}

interface Run {
  readonly first: number
  readonly count: number
  readonly size: number
}

const isWithin = (value: unknown, least: number, most: number) =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most

/** True for runs that rise and sum to `parts`, before they are expanded. */
function isSound(runs: readonly Run[], parts: number): boolean {
  let next = 1
  let count = 0
  let total = 0
  for (const run of runs) {
    if (!isWithin(run.first, next, PART_NUMBER_MAX) || !isWithin(run.count, 1, PARTS_MAX))
      return false
    next = run.first + run.count
    count += run.count
    total += run.count * run.size
    if (!isWithin(run.size, 0, Number.MAX_SAFE_INTEGER)) return false
    if (next > PART_NUMBER_MAX + 1 || !Number.isSafeInteger(total)) return false
  }
  return count === parts && count <= PARTS_MAX
}

/** Parts and sizes of a body whose list holds its seal. Throws Failure damaged. */
export async function partsOf(
  db: Database,
  { body, parts, size }: StoredVersion,
  { bodyKey }: Opened,
): Promise<Part[]> {
  if (parts === 0) return [{ part: 1, size, page: null }]
  const items = await readLayout(db, body)
  if (items === undefined) throw new Failure('damaged', 'the list of parts is missing')
  const [runs, seal, pages] = items as [Run[], unknown, unknown]
  const pageBytes = PAGE_BYTES * Math.ceil(parts / PARTS_PER_PAGE)
  const sound =
    Array.isArray(runs) &&
    isSound(runs, parts) &&
    seal instanceof Uint8Array &&
    seal.length === PAGE_BYTES &&
    pages instanceof Uint8Array &&
    pages.length === pageBytes
  if (!sound) throw new Failure('damaged', 'the list of parts is none')
  const total = runs.reduce((sum, run) => sum + run.count * run.size, 0)
  const completion = createHmac('sha256', bodyKey)
    .update('coffer/v2 completion')
    .update(Buffer.from(body, 'hex'))
    .digest()
  const right = createHmac('sha256', completion)
    .update('coffer/v2 parts')
    .update(uint32(parts))
    .update(uint64(total))
    .update(uint32(runs.length))
  for (const run of runs)
    right.update(uint32(run.first)).update(uint32(run.count)).update(uint64(run.size))
  if (!timingSafeEqual(right.update(pages).digest(), seal)) {
    throw new Failure('damaged', 'the list of parts is not the one that was sealed')
  }
  const list: Part[] = []
  for (const run of runs) {
    for (let i = 0; i < run.count; i++) {
      const at = PAGE_BYTES * Math.floor(list.length / PARTS_PER_PAGE)
      const page = Buffer.from(pages.subarray(at, at + PAGE_BYTES))
      list.push({ part: run.first + i, size: run.size, page })
    }
  }
  return list
}

/** The segments of those parts. A page is compared before the first of its segments. Throws Failure damaged. */
export async function* provenSegments(
  db: Database,
  body: string,
  list: readonly Part[],
): AsyncGenerator<StoredSegment> {
  for (let at = 0; at < list.length; at += PARTS_PER_PAGE) {
    const parts = list.slice(at, at + PARTS_PER_PAGE)
    const segments: StoredSegment[] = []
    const ids = createHash('sha256')
    for (const { part, size } of parts) {
      const segment = await readSegment(db, body, part)
      if (segment.size !== size || segment.records !== recordsOf(size)) {
        throw new Failure('damaged', `segment ${part} has not the size that the body gives it`)
      }
      ids.update(Buffer.from(segment.blob, 'hex'))
      segments.push(segment)
    }
    const { page } = parts[0]!
    if (page !== null && !timingSafeEqual(ids.digest(), page)) {
      throw new Failure(
        'damaged',
        `a part from ${parts[0]!.part} on is not the one that was sealed`,
      )
    }
    yield* segments
  }
}
