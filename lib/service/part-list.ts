// The parts of a finished body, proven by the seal of their list before a byte of them is read. Numbers, sizes and order
// are under the seal itself; which blob is a part is proven page by page, so that a range reads few rows (D-PART-LIST).
import type { Catalog, Row } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import {
  type Layout,
  type LayoutRow,
  layoutRow,
  type SegmentRow,
  segmentRow,
  type VersionRow,
} from '../catalog/rows.ts'
import { deriveCompletionKeys, zeroCompletionKeys } from '../crypto/keys.ts'
import { digestPage, isSeal, PAGE_BYTES, PARTS_PER_PAGE, sealList } from '../crypto/part-list.ts'
import { recordCount } from '../crypto/records.ts'
import { CofferError } from '../errors.ts'
import { spend } from '../turns.ts'
import { keepPage, knownPage } from './known-pages.ts'

/** Highest number that a part's key has room for: five digits. */
const PART_NUMBER_MAX = 99_999
/** Most parts of a body. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const PARTS_MAX = 10_000

/** True for a part of the finished body. The sweep frees the others. */
export function coversPart(layout: Layout, part: number): boolean {
  return runOf(layout, part) !== undefined
}

/** Index of the run that has the part. A binary search: 10,000 parts of different sizes are 10,000 runs. */
function runOf(layout: Layout, part: number): number | undefined {
  let low = 0
  let high = layout.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (layout[middle]!.first <= part) low = middle + 1
    else high = middle
  }
  const run = layout[low - 1]
  return run !== undefined && part < run.first + run.count ? low - 1 : undefined
}

const segmentOf = (row: Row | undefined) => row && segmentRow.decode(row.value)

const isCount = (value: unknown, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max

/** True where the bytes are in the row or in a volume, and the blob has an id: a row may hold anything. */
const liesOnce = ({ blob, inline, volume }: SegmentRow): boolean =>
  typeof blob === 'string' && (inline === null) !== (volume === null)

/** Parts before each run, and the total in bytes; undefined where the row is not the list of `parts` parts. No run is
 * expanded, because a row may hold any count. */
export function measureList({ layout, seal, pages }: LayoutRow, parts: number) {
  if (!Array.isArray(layout) || !(seal instanceof Uint8Array)) return undefined
  const places: number[] = []
  let next = 1
  let count = 0
  let size = 0
  for (const run of layout) {
    if (!isCount(run?.first, PART_NUMBER_MAX) || !isCount(run.count, PARTS_MAX)) return undefined
    if (!Number.isSafeInteger(run.size) || run.size < 0 || run.first < next) return undefined
    places.push(count)
    next = run.first + run.count
    count += run.count
    size += run.count * run.size
    if (next > PART_NUMBER_MAX + 1 || !Number.isSafeInteger(size)) return undefined
  }
  const isWhole = count === parts && count <= PARTS_MAX
  const pageBytes = PAGE_BYTES * Math.ceil(count / PARTS_PER_PAGE)
  if (!isWhole || !(pages instanceof Uint8Array) || pages.length !== pageBytes) return undefined
  return { places, size }
}

/** A list of parts whose seal held. */
export class ProvenParts {
  readonly layout: Layout
  /** Plaintext bytes of all parts. */
  readonly size: number
  readonly #body: string
  readonly #places: readonly number[]
  readonly #pages: Buffer

  constructor(body: string, row: LayoutRow, places: readonly number[], size: number) {
    this.#body = body
    this.layout = row.layout
    this.size = size
    this.#places = places
    this.#pages = row.pages
  }

  /** The page on which a part is, from 0. Throws StoreCorrupt where the list has no such part. */
  pageOf(part: number): number {
    return Math.floor(this.#placeOf(part) / PARTS_PER_PAGE)
  }

  #placeOf(part: number): number {
    const run = runOf(this.layout, part)
    if (run === undefined) throw this.#corrupt(part)
    return this.#places[run]! + part - this.layout[run]!.first
  }

  #digestOf(page: number): Buffer {
    return this.#pages.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
  }

  /**
   * Reads the segments of `wanted`, parts of one page, by part. All others of the page are read too where it was not
   * compared before. Throws StoreCorrupt where one is missing or is another's.
   */
  async readPage(catalog: Catalog, wanted: readonly number[]): Promise<Map<number, SegmentRow>> {
    const page = this.pageOf(wanted[0]!)
    const right = this.#digestOf(page)
    const known = knownPage(right)
    const numbers = known === undefined ? this.#numbersOn(page) : wanted
    const stored = await catalog.getMany(numbers.map((part) => rowKeys.segment(this.#body, part)))
    const rows = new Map<number, SegmentRow>()
    for (const [i, part] of numbers.entries()) {
      const row = segmentOf(stored[i])
      if (row === undefined) throw this.#corrupt(part)
      rows.set(part, row)
    }
    const turn = spend(numbers.length)
    if (turn !== undefined) await turn
    if (known !== undefined) {
      for (const [part, { blob }] of rows) {
        if (known(this.#placeOf(part) % PARTS_PER_PAGE) !== blob) throw this.#corrupt(part)
      }
      return rows
    }
    const blobIds = Array.from(rows.values(), ({ blob }) => blob)
    if (!digestPage(blobIds).equals(right)) throw this.#corrupt(numbers[0]!)
    keepPage(right, blobIds)
    return rows
  }

  #numbersOn(page: number): number[] {
    const begin = page * PARTS_PER_PAGE
    const numbers: number[] = []
    for (const [i, { first, count }] of this.layout.entries()) {
      const place = this.#places[i]!
      const from = Math.max(begin, place)
      const to = Math.min(begin + PARTS_PER_PAGE, place + count)
      for (let at = from; at < to; at++) numbers.push(first + at - place)
      if (place >= begin + PARTS_PER_PAGE) break
    }
    return numbers
  }

  #corrupt(part: number): CofferError {
    return new CofferError('StoreCorrupt', { row: rowKeys.segment(this.#body, part) })
  }
}

/**
 * The list of a version's parts, whose number is not 0. Throws StoreCorrupt where it is missing, is no list of that many
 * parts, or another list than the one that was sealed.
 */
export async function readParts(
  catalog: Catalog,
  { body, parts }: VersionRow,
  bodyKey: Buffer,
): Promise<ProvenParts> {
  const key = rowKeys.layout(body!)
  const stored = await catalog.get(key)
  const row = stored && layoutRow.decode(stored.value)
  const measured = row && measureList(row, parts)
  if (row === undefined || measured === undefined)
    throw new CofferError('StoreCorrupt', { row: key })
  const keys = deriveCompletionKeys(bodyKey, body!)
  try {
    const { layout, pages } = row
    const right = sealList(keys.completionKey, { parts, size: measured.size, layout, pages })
    if (!isSeal(row.seal, right)) throw new CofferError('StoreCorrupt', { row: key, what: 'seal' })
  } finally {
    zeroCompletionKeys(keys)
  }
  return new ProvenParts(body!, row, measured.places, measured.size)
}

/** The rows of a body's segments, for one read of it. The rows of one page are held. */
export class SegmentRows {
  readonly #catalog: Catalog
  readonly #body: string
  readonly #parts: ProvenParts | null
  readonly #wanted: readonly number[]
  #rows = new Map<number, SegmentRow>()

  /** `parts` is null for a body of one piece, whose blob its size and key prove. `wanted` are the parts to be read, in
   * rising order. */
  constructor(
    catalog: Catalog,
    body: string,
    parts: ProvenParts | null,
    wanted: readonly number[],
  ) {
    this.#catalog = catalog
    this.#body = body
    this.#parts = parts
    this.#wanted = wanted
  }

  /** The row of segment `part`, of `size` bytes. Throws StoreCorrupt where it is missing, another's, or has another
   * number of records. */
  async get(part: number, size: number): Promise<SegmentRow> {
    const row =
      this.#parts === null ? await this.#only(part) : await this.#proven(this.#parts, part)
    if (row?.size === size && row.records === recordCount(size) && liesOnce(row)) return row
    throw new CofferError('StoreCorrupt', { row: rowKeys.segment(this.#body, part) })
  }

  async #only(part: number): Promise<SegmentRow | undefined> {
    return segmentOf(await this.#catalog.get(rowKeys.segment(this.#body, part)))
  }

  async #proven(parts: ProvenParts, part: number): Promise<SegmentRow | undefined> {
    if (!this.#rows.has(part)) {
      const page = parts.pageOf(part)
      const from = this.#wanted.indexOf(part)
      let to = from
      while (to < this.#wanted.length && parts.pageOf(this.#wanted[to]!) === page) to++
      this.#rows = await parts.readPage(this.#catalog, this.#wanted.slice(from, to))
    }
    return this.#rows.get(part)
  }
}
