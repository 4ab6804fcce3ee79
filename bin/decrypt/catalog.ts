// The rows that lead from an object's name to its sealed bytes, written from docs/format.md §5 alone: keys,
// framing, and the positions of the needed fields.
import { crc32 } from 'node:zlib'
import { decode } from 'cbor-x'
import type { Database } from './database.ts'
import { Failure } from './failure.ts'
import type { StoredEnvelope } from './sealed.ts'

const FRAME_BYTES = 17
const CRC_BYTES = 4

export interface ObjectName {
  readonly account: string
  readonly container: string
  readonly object: string
}

export interface StoredVersion {
  readonly versionId: string
  readonly size: number
  readonly etag: string
  readonly body: string
  readonly parts: number
  readonly envelope: StoredEnvelope
}

export interface StoredSegment {
  readonly part: number
  readonly blob: string
  readonly size: number
  readonly records: number
  readonly inline: Buffer | null
  readonly volume: string | null
}

/** A key with JSON's quotes and escapes, because names may hold any character. */
const shown = (key: string) => JSON.stringify(key)

/** Payload of a plain row with a right checksum; undefined where there is no such row. */
export async function readRow(db: Database, key: string): Promise<Buffer | undefined> {
  const keyBytes = Buffer.from(key, 'utf8')
  const value = await db.get(keyBytes)
  if (value === undefined) return undefined
  const end = value.length - CRC_BYTES
  if (
    end < FRAME_BYTES ||
    crc32(value.subarray(0, end), crc32(keyBytes)) !== value.readUInt32BE(end)
  ) {
    throw new Failure('damaged', `the checksum of row ${shown(key)} does not hold`)
  }
  if (value[0] !== 1) throw new Failure('damaged', `row ${shown(key)} is no plain row`)
  return value.subarray(FRAME_BYTES, end)
}

/** A row's payload. Integers of any width, and floating-point numbers, become numbers. */
function decodeRow(payload: Buffer, key: string): unknown {
  let row: unknown
  try {
    row = decode(payload)
  } catch {
    throw new Failure('damaged', `row ${shown(key)} is no CBOR`)
  }
  const integersIn = (value: unknown): unknown => {
    if (typeof value === 'number' || typeof value === 'bigint') {
      const integer = Number(value)
      if (!Number.isSafeInteger(integer)) {
        throw new Failure('damaged', `row ${shown(key)} has a number beyond its range`)
      }
      return integer
    }
    if (Array.isArray(value)) return value.map(integersIn)
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, integersIn(each)]))
  }
  return integersIn(row)
}

/** The layout of the catalog and of every row. */
const LAYOUT = 2

/** Items of a row behind the number of its layout. */
async function readItems(db: Database, key: string, count: number): Promise<unknown[] | undefined> {
  const payload = await readRow(db, key)
  if (payload === undefined) return undefined
  const items = decodeRow(payload, key)
  if (!Array.isArray(items)) throw new Failure('damaged', `row ${shown(key)} is no CBOR array`)
  const [layout, ...rest] = items as unknown[]
  if (layout === 1) {
    throw new Failure('failed', `row ${shown(key)} has layout 1, which was never released`)
  }
  if (layout !== LAYOUT) {
    const what = `row ${shown(key)} has layout ${layout}, this program reads ${LAYOUT}`
    throw new Failure('failed', what)
  }
  if (rest.length !== count) {
    throw new Failure('damaged', `row ${shown(key)} has ${rest.length} items, not ${count}`)
  }
  return rest
}

/** As `readItems`, of a row that has `more` behind them, a map that is empty so far, and `behind` items behind that. */
async function readOpenItems(db: Database, key: string, count: number, behind = 0) {
  const items = await readItems(db, key, count + 1 + behind)
  const more = items?.[count]
  if (items !== undefined && (more?.constructor !== Object || Object.keys(more).length > 0)) {
    throw new Failure('damaged', `row ${shown(key)} holds what this program does not know`)
  }
  return items
}

/** What ends a row that says who may do what: the id of a root key, and a MAC. */
const MAC_ITEMS = 2

/** The catalog's id, which every volume carries. */
export async function readCatalogId(db: Database): Promise<string> {
  const items = await readItems(db, 'meta', 2)
  if (items === undefined) throw new Failure('damaged', 'the catalog has no row "meta"')
  return items[0] as string
}

/** A name in a key with an id behind it: U+0000 becomes U+0000 U+0002, and U+0000 U+0001 ends the name. */
const escaped = (object: string) => `${object.replaceAll('\0', '\0\u0002')}\0\u0001`

/**
 * The version `asked`: an id, `null` for the null version, undefined for the current one. Throws Failure
 * missing where there is none, or it is a delete marker.
 */
export async function findVersion(
  db: Database,
  name: ObjectName,
  asked: string | undefined,
): Promise<StoredVersion> {
  const path = `${name.account}/${name.container}/`
  let versionId: unknown = asked
  if (asked === undefined || asked === 'null') {
    const items =
      (await readItems(db, `object/${path}${name.object}`, 3)) ??
      (await readItems(db, `hidden/${path}${name.object}`, 3))
    if (items === undefined) throw new Failure('missing', 'there is no such object')
    versionId = asked === undefined ? items[0] : items[1]
  }
  if (typeof versionId !== 'string') throw new Failure('missing', 'the object has no such version')
  const items = await readOpenItems(
    db,
    `version/${path}${escaped(name.object)}${versionId}`,
    11,
    MAC_ITEMS,
  )
  if (items === undefined) throw new Failure('missing', 'there is no such version of the object')
  const [, size, etag, body, parts, envelope] = items
  if (body === null) throw new Failure('missing', 'that version is a delete marker')
  const { shape } = envelope as StoredEnvelope
  if ((shape === 1) !== (parts as number) > 0) {
    throw new Failure('damaged', 'the parts of the version contradict the shape in its envelope')
  }
  return {
    versionId,
    size: size as number,
    etag: etag as string,
    body: body as string,
    parts: parts as number,
    envelope: envelope as StoredEnvelope,
  }
}

/** The row of a list of parts, as it is stored; undefined where there is none. */
export const readLayout = (db: Database, body: string) => readItems(db, `layout/${body}`, 3)

/** The row of a segment. Throws Failure damaged where it is missing. */
export async function readSegment(
  db: Database,
  body: string,
  part: number,
): Promise<StoredSegment> {
  const items = await readOpenItems(db, `segment/${body}/${String(part).padStart(5, '0')}`, 7)
  if (items === undefined) throw new Failure('damaged', `the row of segment ${part} is missing`)
  const [blob, size, records, inline, volume] = items
  return {
    part,
    blob: blob as string,
    size: size as number,
    records: records as number,
    inline: inline as Buffer | null,
    volume: volume as string | null,
  }
}
