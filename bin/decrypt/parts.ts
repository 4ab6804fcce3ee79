// The segments of a body, in order, proven before a byte of them is opened: written from docs/format.md §4 and §5 alone.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import {
  type Catalog,
  readLayout,
  readSegment,
  type StoredSegment,
  type StoredVersion,
} from './catalog.ts'
import { Failure } from './failure.ts'
import type { Run } from './rows.ts'
import { completionKeyOf, type Opened, uint32, uint64 } from './sealed.ts'

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

const isWithin = (value: unknown, least: number, most: number) =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most

/** Sum of the sizes of runs that rise and sum to `parts`, before they are expanded; else undefined. */
function measure(runs: readonly Run[], parts: number): number | undefined {
  let next = 1
  let count = 0
  let total = 0
  for (const run of runs) {
    if (!isWithin(run.first, next, PART_NUMBER_MAX)) return undefined
    if (!isWithin(run.count, 1, PARTS_MAX - count)) return undefined
    if (!isWithin(run.size, 0, Number.MAX_SAFE_INTEGER)) return undefined
    next = run.first + run.count
    count += run.count
    total += run.count * run.size
    if (next > PART_NUMBER_MAX + 1 || !Number.isSafeInteger(total)) return undefined
  }
  return count === parts && count > 0 ? total : undefined
}

/**
 * Parts and sizes of a body whose list holds its seal, and whose sizes sum to what version and envelope say. Throws Failure
 * damaged.
 */
export async function partsOf(
  catalog: Catalog,
  version: StoredVersion,
  opened: Opened,
): Promise<Part[]> {
  const { body, parts, size } = version
  const list =
    parts === 0 ? [{ part: 1, size, page: null }] : await listOf(catalog, version, opened)
  const total = list.reduce((sum, part) => sum + part.size, 0)
  if (total === size && total === (opened.size ?? total)) return list
  const claimed = opened.size ?? size
  throw new Failure('damaged', `the body ${body} has ${total} bytes, not ${claimed}`)
}

async function listOf(
  catalog: Catalog,
  { body, parts }: StoredVersion,
  { bodyKey }: Opened,
): Promise<Part[]> {
  const row = await readLayout(catalog, body)
  if (row === undefined) throw new Failure('damaged', 'the list of parts is missing')
  const { layout, seal, pages } = row
  const total = measure(layout, parts)
  if (total === undefined || pages.length !== PAGE_BYTES * Math.ceil(parts / PARTS_PER_PAGE)) {
    throw new Failure('damaged', `the list of parts is none of ${parts} parts`)
  }
  const right = createHmac('sha256', completionKeyOf(bodyKey, body))
    .update('coffer/v2 parts')
    .update(uint32(parts))
    .update(uint64(total))
    .update(uint32(layout.length))
  for (const run of layout)
    right.update(uint32(run.first)).update(uint32(run.count)).update(uint64(run.size))
  if (!timingSafeEqual(right.update(pages).digest(), seal)) {
    throw new Failure('damaged', 'the list of parts is not the one that was sealed')
  }
  const list: Part[] = []
  for (const run of layout) {
    for (let i = 0; i < run.count; i++) {
      const at = PAGE_BYTES * Math.floor(list.length / PARTS_PER_PAGE)
      list.push({ part: run.first + i, size: run.size, page: pages.subarray(at, at + PAGE_BYTES) })
    }
  }
  return list
}

/** The segments of those parts. A page is compared before the first of its segments. Throws Failure damaged. */
export async function* provenSegments(
  catalog: Catalog,
  body: string,
  list: readonly Part[],
): AsyncGenerator<StoredSegment> {
  for (let at = 0; at < list.length; at += PARTS_PER_PAGE) {
    const parts = list.slice(at, at + PARTS_PER_PAGE)
    const segments: StoredSegment[] = []
    const ids = createHash('sha256')
    for (const { part, size } of parts) {
      const segment = await readSegment(catalog, body, part)
      if (segment.size !== size) {
        throw new Failure('damaged', `segment ${part} has ${segment.size} bytes, not ${size}`)
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
