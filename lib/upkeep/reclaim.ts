// Which blobs of a volume are live by the catalog: those of the rows `volume/<id>/…`, each with the record
// numbers of its locator. Rows of a sealed volume are only ever deleted, so that reading them page by page
// misses no live blob. Where rows contradict one another nothing is reclaimed, and fsck must run first.
import { type CollectLive, ReclaimRefused } from '../blobs/reclaim.ts'
import type { LiveRecords } from '../blobs/reclaim-live.ts'
import { RECORDS_PER_PIECE } from '../blobs/store.ts'
import { type Catalog, countersOf, type Row } from '../catalog/catalog.ts'
import { endOf, rowKeys } from '../catalog/keys.ts'
import { type SegmentRow, segmentRow, volumeBlobRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'

/** Rows in a page. Two reads of as many rows follow each page. */
const PAGE_ROWS = 500

/** Live bytes and blobs of a volume, from its counters. */
export interface VolumeLive {
  readonly liveBytes: number
  readonly liveBlobs: number
}

/** The counters of a volume, exact at any moment. Rejects with StoreCorrupt, StoreUnavailable. */
export async function liveOf(catalog: Catalog, volume: string): Promise<VolumeLive> {
  const counters = await catalog.getCounters(rowKeys.volumeUsage(volume))
  const [liveBytes = 0, liveBlobs = 0] = counters?.values ?? []
  return { liveBytes, liveBlobs }
}

/** Ids of the volumes with live blobs. Rejects with StoreCorrupt, StoreUnavailable. */
export async function volumesWithBlobs(catalog: Catalog): Promise<string[]> {
  const prefix = rowKeys.volumeUsage('')
  const ids: string[] = []
  let from: string | undefined = prefix
  while (from !== undefined) {
    const page = await catalog.scan({ from, to: endOf(prefix), limit: PAGE_ROWS })
    for (const row of page.entries) {
      if ('group' in row) continue
      const [, liveBlobs = 0] = countersOf(row.value)
      if (liveBlobs > 0) ids.push(row.key.slice(prefix.length))
    }
    from = page.cursor
  }
  return ids
}

/**
 * Returns a collector, which adds every live blob of a sealed volume to the records that reclaim keeps. The
 * collector rejects with StoreCorrupt where a row of the volume has no segment, a segment no locator, or
 * counters and rows disagree; with StoreUnavailable; with ReclaimRefused once `signal` is aborted, and while
 * the catalog takes no writes.
 */
export function liveCollector(catalog: Catalog, volume: string, signal: AbortSignal): CollectLive {
  return async (live) => {
    const before = await liveOf(catalog, volume)
    const prefix = rowKeys.volume(volume, '')
    let bytes = 0
    let from: string | undefined = prefix
    while (from !== undefined) {
      if (signal.aborted) throw new ReclaimRefused('the node is being closed')
      const page = await catalog.scan({ from, to: endOf(prefix), limit: PAGE_ROWS })
      const rows = page.entries.filter((entry): entry is Row => !('group' in entry))
      bytes += await addPage(catalog, volume, rows, live)
      from = page.cursor
    }
    // A failed commit may show now and be gone after the next start. The blobs that it released must not be
    // destroyed.
    if (catalog.impaired !== null) throw new ReclaimRefused(catalog.impaired)
    // Rows may have been deleted meanwhile, but none can have been added.
    const after = await liveOf(catalog, volume)
    const isBetween = (found: number, from: number, to: number) => from >= found && found >= to
    const agrees =
      isBetween(live.blobs, before.liveBlobs, after.liveBlobs) &&
      isBetween(bytes, before.liveBytes, after.liveBytes)
    if (!agrees) {
      throw new CofferError('StoreCorrupt', {
        what: 'the counters of a volume do not agree with its rows',
        volume,
        blobs: live.blobs,
        counted: after.liveBlobs,
      })
    }
    return bytes
  }
}

async function addPage(
  catalog: Catalog,
  volume: string,
  rows: readonly Row[],
  live: LiveRecords,
): Promise<number> {
  const blobs = rows.map(({ key, value }) => {
    const blob = key.slice(rowKeys.volume(volume, '').length)
    return { key, blob, ...volumeBlobRow.decode(value) }
  })
  const segments = await catalog.getMany(blobs.map(({ body, part }) => rowKeys.segment(body, part)))
  const found = blobs.map((blob, i) => {
    const row = segments[i] && segmentRow.decode(segments[i].value)
    const isIts = row?.blob === blob.blob && row.volume === volume
    return { ...blob, records: isIts ? row.records : 0, pieceKeys: isIts ? pieceKeysOf(row) : [] }
  })
  const pieces = await catalog.getMany(found.flatMap(({ pieceKeys }) => pieceKeys))
  let at = 0
  let bytes = 0
  for (const { key, blob, records, pieceKeys, storedBytes } of found) {
    const own = pieces.slice(at, at + pieceKeys.length)
    at += pieceKeys.length
    const values = own.flatMap((piece) => (piece === undefined ? [] : [piece.value]))
    if (pieceKeys.length === 0 || values.length < pieceKeys.length) {
      // All rows of a blob are deleted in one commit.
      if ((await catalog.get(key)) === undefined) continue
      throw new CofferError('StoreCorrupt', { what: 'a blob has no locator', volume, blob })
    }
    const named = live.add(blob, values)
    if (named !== records) {
      throw new CofferError('StoreCorrupt', { what: 'a locator is too short', volume, blob })
    }
    bytes += storedBytes
  }
  return bytes
}

function pieceKeysOf({ blob, records }: SegmentRow): string[] {
  const count = Math.ceil(records / RECORDS_PER_PIECE)
  return Array.from({ length: count }, (_, piece) => rowKeys.blob(blob, piece))
}
