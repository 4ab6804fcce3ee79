// Checks the rows of a catalog against one another: references of bodies, counters of accounts, containers and
// volumes, segments and blobs. Nothing may be written to the catalog meanwhile.

import { RECORDS_PER_PIECE } from '../../lib/blobs/store.ts'
import { type Catalog, countersOf, type Row } from '../../lib/catalog/catalog.ts'
import { rowKeys, splitNameAndId } from '../../lib/catalog/keys.ts'
import {
  containerRow,
  layoutRow,
  queueRow,
  type SegmentRow,
  segmentRow,
  settingRow,
  uploadRow,
  type VersionRow,
  versionRow,
  volumeBlobRow,
} from '../../lib/catalog/rows.ts'

/** Every row, by key. Rejects with StoreCorrupt where one is rotten. */
async function readAll(catalog: Catalog): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>()
  let from: string | undefined = '!'
  while (from !== undefined) {
    const page = await catalog.scan({ from, to: '~', limit: 1000 })
    for (const entry of page.entries) if (!('group' in entry)) rows.set(entry.key, entry)
    from = page.cursor
  }
  return rows
}

/** Sums, counter by counter, under a key. */
class Sums {
  readonly #sums = new Map<string, number[]>()
  add(key: string, ...deltas: number[]): void {
    const sums = this.#sums.get(key) ?? deltas.map(() => 0)
    this.#sums.set(
      key,
      sums.map((sum, i) => sum + deltas[i]!),
    )
  }
  get(key: string): number[] | undefined {
    return this.#sums.get(key)
  }
  keys(): Iterable<string> {
    return this.#sums.keys()
  }
}

/** The contradictions, one for each line; none where the rows agree. */
export async function inconsistencies(catalog: Catalog): Promise<string[]> {
  const rows = await readAll(catalog)
  const wrong: string[] = []
  const sums = new Sums()
  const counters = /^(body|container-usage|account-usage|volume-usage)\//
  /** Bodies that are needed, or that the sweep will free. */
  const held = new Set<string>()
  /** Deleted containers that the sweep clears. */
  const queued = new Set<string>()
  for (const [key, { value }] of rows) {
    if (!key.startsWith('queue/')) continue
    const { work } = queueRow.decode(value)
    if (work.kind === 'container') queued.add(work.containerId)
    else held.add(work.body)
  }
  for (const [key, { value }] of rows) {
    const [kind, ...path] = key.split('/') as [string, ...string[]]
    if (kind === 'object') {
      const [account, container] = path
      sums.add(`container-usage/${account}/${container}`, 1, 0, 0)
      sums.add(`account-usage/${account}`, 0, 1, 0)
    } else if (kind === 'container') {
      sums.add(`account-usage/${path[0]}`, 1, 0, 0)
      sums.add(`container-usage/${path.join('/')}`, 0, 0, 0)
    } else if (kind === 'version') {
      const [account, container] = path
      const row = versionRow.decodeUnproven(value)
      sums.add(`container-usage/${account}/${container}`, 0, row.size, 1)
      sums.add(`account-usage/${account}`, 0, 0, row.size)
      if (row.body === null) continue
      sums.add(`body/${row.body}`, 1)
      held.add(row.body)
      wrong.push(...checkBody(rows, key, row))
    } else if (kind === 'upload') {
      const [account, container] = path
      const { body, versionId } = uploadRow.decodeUnproven(value)
      held.add(body)
      const { name } = splitNameAndId(key.slice(`upload/${account}/${container}/`.length))
      if (rows.has(rowKeys.version(account!, container!, name, versionId))) {
        wrong.push(`${key}: its object is complete, and the upload is still there`)
      }
    } else if (kind === 'setting') {
      const [account, container] = path
      const own = rows.get(rowKeys.container(account!, container!))
      const { containerId } = settingRow.decode(value)
      if (own && containerRow.decodeUnproven(own.value).id === containerId) continue
      if (!queued.has(containerId)) wrong.push(`${key}: of no container, and nobody removes it`)
    } else if (kind === 'volume') {
      sums.add(`volume-usage/${path[0]}`, volumeBlobRow.decode(value).storedBytes, 1)
    }
  }
  for (const [key, { value }] of rows) {
    if (key.startsWith('segment/') && !held.has(key.split('/')[1]!)) {
      wrong.push(`${key}: nobody needs its body, and nobody will free it`)
    }
    if (!counters.test(key)) continue
    const counted = countersOf(value)
    const exact = sums.get(key) ?? counted.map(() => 0)
    const stays = key.startsWith('body/') ? counted[0]! > 0 : true
    if (String(counted) !== String(exact) || !stays) {
      wrong.push(`${key}: counts ${counted}, there are ${exact}`)
    }
  }
  for (const key of sums.keys()) if (!rows.has(key)) wrong.push(`${key}: no such row`)
  return wrong
}

/** Checks that a version has all its segments, that their sizes add up to its own, and that each names a known
 * blob. */
function checkBody(rows: ReadonlyMap<string, Row>, key: string, version: VersionRow): string[] {
  const wrong: string[] = []
  const body = version.body!
  const numbers: number[] = []
  if (version.parts === 0) {
    numbers.push(1)
  } else {
    const stored = rows.get(rowKeys.layout(body))
    if (stored === undefined) return [`${key}: no layout`]
    for (const { first, count } of layoutRow.decode(stored.value).layout) {
      for (let part = first; part < first + count; part++) numbers.push(part)
    }
    if (numbers.length !== version.parts) wrong.push(`${key}: ${numbers.length} parts laid out`)
  }
  let size = 0
  for (const part of numbers) {
    const stored = rows.get(rowKeys.segment(body, part))
    if (stored === undefined) {
      wrong.push(`${key}: segment ${part} is missing`)
      continue
    }
    const segment = segmentRow.decode(stored.value)
    size += segment.size
    wrong.push(...checkBlob(rows, stored.key, segment))
  }
  if (size !== version.size) wrong.push(`${key}: ${version.size} bytes, its segments have ${size}`)
  return wrong
}

function checkBlob(rows: ReadonlyMap<string, Row>, key: string, segment: SegmentRow): string[] {
  const { blob, volume, records } = segment
  if (volume === null) return segment.inline === null ? [`${key}: no bytes`] : []
  const pieces = Math.ceil(records / RECORDS_PER_PIECE)
  const needed = [
    rowKeys.volume(volume, blob),
    ...Array.from({ length: pieces }, (_, i) => rowKeys.blob(blob, i)),
  ]
  return needed.filter((each) => !rows.has(each)).map((each) => `${key}: no row ${each}`)
}
