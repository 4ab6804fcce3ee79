// Checks bodies against the versions and uploads that reference them, and segments against the rows of their
// blobs.
import { RECORDS_PER_PIECE } from '../blobs/store.ts'
import type { Row } from '../catalog/catalog.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf, rowKeys } from '../catalog/keys.ts'
import {
  type Layout,
  type LayoutRow,
  layoutRow,
  type QueueRow,
  queueRow,
  type SegmentRow,
  segmentRow,
  type VersionRow,
  volumeBlobRow,
} from '../catalog/rows.ts'
import { PageDigests } from '../crypto/part-list.ts'
import { recordCount } from '../crypto/records.ts'
import { coversPart, measureList } from '../service/part-list.ts'
import type { ObjectRef } from '../service/types.ts'
import { type Findings, type Sums, shown, unchanged } from './fsck-report.ts'

/** Why a body is kept, and which of its segments. */
interface Held {
  references: number
  /** The parts of a finished body; undefined for the body of an upload, and for queued work. */
  layout: Layout | undefined
}

/** The parts of a finished body. `pages` is null for one piece. */
type List = Pick<LayoutRow, 'layout'> & { readonly pages: Buffer | null }

/** A segment that no version, upload or row of the queue needs. */
interface Orphan {
  readonly row: Row
  readonly body: string
  readonly layout: Layout | undefined
  readonly blob: string
}

export class BodyCheck {
  readonly #rows: RowSource
  readonly #findings: Findings
  readonly #sums: Sums
  readonly #held = new Map<string, Held>()
  /** Bodies whose segments the sweep will check. */
  readonly #queued = new Set<string>()
  /** Blobs of segments, with their volumes. */
  readonly #blobs = new Map<string, string>()
  /** Blobs of two segments. To free one of them would free the other's bytes. */
  readonly #shared = new Set<string>()
  readonly #orphans: Orphan[] = []

  constructor(rows: RowSource, findings: Findings, sums: Sums) {
    this.#rows = rows
    this.#findings = findings
    this.#sums = sums
  }

  /** Counts a reference from a version to its body. */
  async refer(ref: ObjectRef, version: string, row: VersionRow): Promise<void> {
    const body = row.body!
    const held = this.#held.get(body)
    this.#sums.add(rowKeys.body(body), 1)
    if (held !== undefined) {
      held.references++
      return
    }
    const name = `${shown(`${ref.account}/${ref.container}/${ref.object}`)} version ${version}`
    const list = await this.#listOf(name, row)
    this.#held.set(body, { references: 1, layout: list?.layout })
    if (list !== undefined) await this.#checkSegments(name, body, list, row)
  }

  /** Keeps the body of an unfinished upload, with all its parts. */
  hold(body: string): void {
    this.#held.set(body, { references: 0, layout: undefined })
  }

  /** The sweep will free the segments of the body that are not needed. */
  queue(body: string): void {
    this.#queued.add(body)
  }

  /** Checks all segments, then the rows of blobs and volumes. */
  async finish(): Promise<void> {
    await this.#checkAllSegments()
    await this.#checkVolumeRows()
    await this.#checkBlobRows()
  }

  async #listOf(name: string, row: VersionRow): Promise<List | undefined> {
    const { body, parts, size } = row
    if (parts === 0) return { layout: [{ first: 1, count: 1, size }], pages: null }
    const stored = await this.#rows.get(rowKeys.layout(body!))
    if (stored === undefined) {
      this.#findings.add('body', `${name}: its body has no layout`)
      return undefined
    }
    const list = layoutRow.decode(stored.value)
    if (measureList(list, parts) !== undefined) return list
    this.#findings.add('body', `${name}: its layout is no list of ${parts} parts`)
    return undefined
  }

  /** Compares segments with the list of parts. The seal of the list takes a key, but its pages are plain digests. */
  async #checkSegments(name: string, body: string, list: List, row: VersionRow): Promise<void> {
    const pages = new PageDigests()
    let size = 0
    let isWhole = true
    for (const run of list.layout) {
      for (let part = run.first; part < run.first + run.count; part++) {
        const stored = await this.#rows.get(rowKeys.segment(body, part))
        if (stored === undefined) {
          isWhole = false
          this.#findings.add('segment', `${name}: segment ${part} has no row`)
          continue
        }
        const segment = segmentRow.decode(stored.value)
        pages.add(segment.blob)
        size += segment.size
        if (segment.size !== run.size) {
          const sizes = `${segment.size} bytes, not ${run.size}`
          this.#findings.add('segment', `${name}: segment ${part} has ${sizes}`)
        }
      }
    }
    if (size !== row.size) {
      this.#findings.add('body', `${name}: ${row.size} bytes, its segments have ${size}`)
    }
    if (list.pages !== null && isWhole && !pages.finish().equals(list.pages)) {
      this.#findings.add('segment', `${name}: a segment is not the part that was listed`)
    }
  }

  async #checkAllSegments(): Promise<void> {
    for await (const row of this.#rows.scan('segment/', endOf('segment/'))) {
      const [, body, digits] = row.key.split('/') as [string, string, string]
      const segment = segmentRow.decode(row.value)
      await this.#checkPlace(row.key, body, Number(digits), segment)
      if (this.#queued.has(body)) continue
      const held = this.#held.get(body)
      const layout = held?.layout
      const isNeeded = layout === undefined || coversPart(layout, Number(digits))
      if (held === undefined || !isNeeded) {
        this.#orphans.push({ row, body, layout, blob: segment.blob })
      }
    }
    this.#reportOrphans()
  }

  #reportOrphans(): void {
    const unsafe = new Set<string>()
    for (const { body, blob } of this.#orphans) if (this.#shared.has(blob)) unsafe.add(body)
    for (const { row, body, layout } of this.#orphans) {
      const what = `${shown(row.key)}: nobody needs it, and nobody will free it`
      const work: QueueRow =
        layout === undefined ? { kind: 'body', body } : { kind: 'segments', body, keep: layout }
      const repair = {
        what: 'queue its body for the sweep',
        expect: [unchanged(row.key, row)],
        queue: queueRow.encode({ work }),
      }
      if (unsafe.has(body)) this.#findings.add('orphan', what)
      // The sweep frees all unneeded segments of a body at once.
      else if (!this.#queued.has(body)) this.#findings.add('orphan', what, repair)
      if (!unsafe.has(body)) this.#queued.add(body)
    }
  }

  /** Checks the rows that say where a segment's bytes lie. */
  async #checkPlace(key: string, body: string, part: number, segment: SegmentRow): Promise<void> {
    const { blob, inline, volume, records, size, storedBytes } = segment
    if (records !== recordCount(size)) {
      this.#findings.add('segment', `${shown(key)}: ${records} records for ${size} bytes`)
    }
    if (volume === null) {
      if (inline === null) this.#findings.add('segment', `${shown(key)}: has no bytes`)
      return
    }
    if (inline !== null) {
      this.#findings.add('segment', `${shown(key)}: its bytes lie in the row and in a volume`)
    }
    if (this.#blobs.has(blob)) {
      this.#shared.add(blob)
      this.#findings.add('segment', `${shown(key)}: its blob ${blob} is another segment's, too`)
      return
    }
    this.#blobs.set(blob, volume)
    for (let piece = 0; piece < Math.ceil(records / RECORDS_PER_PIECE); piece++) {
      if ((await this.#rows.get(rowKeys.blob(blob, piece))) !== undefined) continue
      this.#findings.add('blob', `${shown(key)}: piece ${piece} of its locator has no row`)
    }
    this.#sums.add(rowKeys.volumeUsage(volume), storedBytes, 1)
    const stored = await this.#rows.get(rowKeys.volume(volume, blob))
    const right = { body, part, storedBytes }
    if (stored !== undefined && volumeBlobRow.says(stored.value, right)) return
    const value = volumeBlobRow.encode(right)
    const where = rowKeys.volume(volume, blob)
    const what = stored === undefined ? 'no row' : 'the row is of another segment'
    const expect = [unchanged(where, stored)]
    const repair = { what: 'write the row', expect, put: [{ key: where, value }] }
    this.#findings.add('volume', `${shown(where)}: ${what}`, repair)
  }

  async #checkVolumeRows(): Promise<void> {
    for await (const row of this.#rows.scan('volume/', endOf('volume/'))) {
      const [, volume, blob] = row.key.split('/') as [string, string, string]
      const { body, part } = volumeBlobRow.decode(row.value)
      const stored = await this.#rows.get(rowKeys.segment(body, part))
      const segment = stored === undefined ? undefined : segmentRow.decode(stored.value)
      if (segment?.blob === blob && segment.volume === volume) continue
      // A row with another segment was reported above, and its repair rewrites it.
      if (this.#blobs.get(blob) === volume) continue
      const expect = [unchanged(row.key, row), unchanged(rowKeys.segment(body, part), stored)]
      const repair = { what: 'remove the row', expect, del: [row.key] }
      this.#findings.add('volume', `${shown(row.key)}: no segment has the blob`, repair)
    }
  }

  async #checkBlobRows(): Promise<void> {
    for await (const row of this.#rows.scan('blob/', endOf('blob/'))) {
      if (this.#blobs.has(row.key.split('/')[1]!)) continue
      const expect = [unchanged(row.key, row)]
      const repair = { what: 'remove the row', expect, del: [row.key] }
      this.#findings.add('blob', `${shown(row.key)}: no segment has the blob`, repair)
    }
  }
}
