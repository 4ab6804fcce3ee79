// Rows on the way from a name to bytes, written from docs/format.md §5 alone: their fields in order, the type of each, and
// what one field says of another. A row that holds anything else is damaged, whatever its checksum says.
import { crc32 } from 'node:zlib'
import { decodeCbor, Malformed } from './cbor.ts'
import { Failure } from './failure.ts'
import { type StoredEnvelope, TAG_BYTES } from './sealed.ts'

/** The layout of the catalog and of every row. */
export const LAYOUT = 2

const FRAME_BYTES = 17
const CRC_BYTES = 4
const PLAIN = 1

/** A key with JSON's quotes and escapes, because names may hold any character. */
export const shownKey = (key: Buffer) => JSON.stringify(key.toString('utf8'))

const damaged = (key: Buffer, what: string) =>
  new Failure('damaged', `row ${shownKey(key)} ${what}`)

/** True where the crc32 in the last four bytes of a stored row holds. */
export function isSum(key: Buffer, value: Buffer): boolean {
  const end = value.length - CRC_BYTES
  if (end < FRAME_BYTES) return false
  return crc32(value.subarray(0, end), crc32(key)) === value.readUInt32BE(end)
}

/** The payload of a plain row as it is stored. Throws Failure damaged. */
export function payloadOf(key: Buffer, value: Buffer): Buffer {
  if (!isSum(key, value)) throw damaged(key, 'does not hold its checksum')
  if (value[0] !== PLAIN) throw damaged(key, 'is no plain row')
  return value.subarray(FRAME_BYTES, value.length - CRC_BYTES)
}

type Type = (value: unknown) => boolean

const count: Type = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const text: Type = (value) => typeof value === 'string'
const bytes: Type = (value) => Buffer.isBuffer(value)
const bytesOf =
  (length: number): Type =>
  (value) =>
    Buffer.isBuffer(value) && value.length === length
const digits =
  (length: number): Type =>
  (value) =>
    typeof value === 'string' && value.length === length && /^[0-9a-f]*$/.test(value)
const id = digits(32)
const orNull =
  (type: Type): Type =>
  (value) =>
    value === null || type(value)
const oneOf =
  (...values: readonly unknown[]): Type =>
  (value) =>
    values.includes(value)

function isMap(value: unknown): value is Record<string, unknown> {
  return value?.constructor === Object
}

const mapOfTexts: Type = (value) => isMap(value) && Object.values(value).every(text)
/** A map of these fields and no others. A field that is missing is null. */
const mapOf =
  (fields: Record<string, Type>): Type =>
  (value) =>
    isMap(value) &&
    Object.keys(value).every((name) => Object.hasOwn(fields, name)) &&
    Object.entries(fields).every(([name, type]) => type(value[name] ?? null))
const listOf =
  (type: Type): Type =>
  (value) =>
    Array.isArray(value) && value.every(type)

const algorithm = oneOf('crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256')
const envelope = mapOf({
  kind: count,
  rootKeyId: text,
  shape: count,
  salt: bytes,
  commitment: bytes,
  wrapped: bytes,
})
const headers = mapOf({
  type: orNull(text),
  encoding: orNull(text),
  disposition: orNull(text),
  language: orNull(text),
  cacheControl: orNull(text),
  expires: orNull(text),
  robots: orNull(text),
})
/** For what a later release adds. A name in it may change what the row means. */
const more: Type = (value) => isMap(value) && Object.keys(value).length === 0

/** Fields behind the layout number, in order. */
const types = {
  meta: { catalogId: id, commitNumber: count },
  object: {
    current: orNull(id),
    nullVersion: orNull(id),
    summary: orNull(
      mapOf({
        timeMicros: count,
        size: count,
        etag: text,
        type: text,
        checksum: orNull(listOf(text)),
        deleteAtSeconds: orNull(count),
      }),
    ),
  },
  version: {
    timeMicros: count,
    size: count,
    etag: text,
    body: orNull(id),
    parts: count,
    envelope: orNull(envelope),
    headers,
    metadata: mapOfTexts,
    checksum: orNull(mapOf({ algorithm, type: oneOf('FULL_OBJECT', 'COMPOSITE'), value: bytes })),
    rights: mapOf({ writer: text }),
    deleteAtSeconds: orNull(count),
    more,
    rootKeyId: text,
    mac: bytesOf(16),
  },
  layout: {
    layout: listOf(mapOf({ first: count, count, size: count })),
    seal: bytesOf(32),
    pages: bytes,
  },
  segment: {
    blob: id,
    size: count,
    records: count,
    inline: orNull(bytes),
    volume: orNull(digits(16)),
    storedBytes: count,
    part: orNull(
      mapOf({
        timeMicros: count,
        etag: text,
        checksum: orNull(mapOf({ algorithm, value: bytes })),
        seal: bytesOf(32),
      }),
    ),
    more,
  },
} as const satisfies Record<string, Record<string, Type>>

export interface StoredChecksum {
  readonly algorithm: string
  readonly type: string
  readonly value: Buffer
}

export interface Run {
  readonly first: number
  readonly count: number
  readonly size: number
}

/** Fields of each kind of row. */
export interface Rows {
  meta: { readonly catalogId: string }
  object: { readonly current: string | null; readonly nullVersion: string | null }
  version: {
    readonly timeMicros: number
    readonly size: number
    readonly etag: string
    readonly body: string | null
    readonly parts: number
    readonly envelope: StoredEnvelope | null
    readonly headers: Record<string, string | null>
    readonly metadata: Record<string, string>
    readonly checksum: StoredChecksum | null
    readonly rights: { readonly writer: string }
    readonly deleteAtSeconds: number | null
  }
  layout: { readonly layout: readonly Run[]; readonly seal: Buffer; readonly pages: Buffer }
  segment: {
    readonly blob: string
    readonly size: number
    readonly records: number
    readonly inline: Buffer | null
    readonly volume: string | null
    readonly part: { readonly checksum: Omit<StoredChecksum, 'type'> | null } | null
  }
}

export type Kind = keyof Rows

/** A row that is stored. Throws Failure damaged, and failed for another layout. */
export function decodeRow<K extends Kind>(kind: K, key: Buffer, value: Buffer): Rows[K] {
  const payload = payloadOf(key, value)
  let items: unknown
  try {
    items = decodeCbor(payload)
  } catch (error) {
    if (error instanceof Malformed) throw damaged(key, error.message)
    throw error
  }
  if (!Array.isArray(items)) throw damaged(key, 'is no CBOR array')
  const [layout, ...rest] = items as unknown[]
  if (typeof layout !== 'number') throw damaged(key, 'has no layout')
  if (layout === 1) {
    throw new Failure('failed', `row ${shownKey(key)} has layout 1, which was never released`)
  }
  if (layout !== LAYOUT) {
    const what = `row ${shownKey(key)} has layout ${layout}, this program reads ${LAYOUT}`
    throw new Failure('failed', what)
  }
  const fields = Object.entries(types[kind] as Record<string, Type>)
  if (rest.length !== fields.length) {
    throw damaged(key, `has ${rest.length} items, not ${fields.length}`)
  }
  const row: Record<string, unknown> = {}
  for (const [i, [name, type]] of fields.entries()) {
    if (!type(rest[i] ?? null)) throw damaged(key, `has a "${name}" that it cannot have`)
    row[name] = rest[i] ?? null
  }
  const stored = row as unknown as Rows[K]
  const why = contradictions[kind](stored)
  if (why !== undefined) throw damaged(key, why)
  return stored
}

/** What a row says of itself that cannot be; undefined where it says nothing of the kind. */
const contradictions: { readonly [K in Kind]: (row: Rows[K]) => string | undefined } = {
  meta: () => undefined,
  object: () => undefined,
  layout: () => undefined,
  version({ body, parts, envelope, size, checksum }) {
    if ((body === null) !== (envelope === null))
      return 'has a body, or an envelope, without the other'
    if (envelope === null) {
      return size + parts > 0 || checksum !== null ? 'is a delete marker with content' : undefined
    }
    if ((envelope.shape === 1) !== parts > 0) {
      return 'has another number of parts than the shape in its envelope allows'
    }
    return undefined
  },
  segment({ size, records, inline, volume }) {
    if (records !== Math.max(1, Math.ceil(size / 65536))) return 'has another number of records'
    if ((inline === null) === (volume === null)) return 'lies in two places, or in none'
    if (inline === null) return undefined
    // A record in a row is the only one of its blob.
    return inline.length === size + TAG_BYTES ? undefined : 'has a record of another length'
  },
}
