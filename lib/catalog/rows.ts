// The content of each kind of row. A row is a CBOR array (RFC 8949) whose first item is the number of its
// layout; the catalog adds revision and checksum. See docs/format.md §5.
import type { Envelope } from '../crypto/envelope.ts'
import type { Late } from '../crypto/late.ts'
import { CofferError } from '../errors.ts'
import { STORED_VERSION, whyNotRead } from '../format-version.ts'
import { decodeItems, encodeItems, saySame } from './cbor.ts'

/** Headers of an object that both dialects store and return. Values are byte strings: one character for each
 * byte. */
export interface ContentHeaders {
  type?: string
  encoding?: string
  disposition?: string
  language?: string
  cacheControl?: string
  expires?: string
  robots?: string
}

export type ChecksumAlgorithm = 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256'

export interface Checksum {
  algorithm: ChecksumAlgorithm
  type: 'FULL_OBJECT' | 'COMPOSITE'
  /** Base64. A composite one ends with `-<parts>`. */
  value: string
}

export interface PartChecksum {
  algorithm: ChecksumAlgorithm
  /** Base64. */
  value: string
}

/** A checksum as rows hold it (lib/crypto/sealed-checksum.ts). */
export interface SealedChecksum {
  algorithm: ChecksumAlgorithm
  type: Checksum['type']
  value: Buffer
}

export interface SealedPartChecksum {
  algorithm: ChecksumAlgorithm
  value: Buffer
}

export interface AccountRow {
  createdMicros: number
  /** Names in lower case, without the prefix of a dialect. */
  metadata: Record<string, string>
  /** Users and accounts with the rights of admins, writers or readers of this account; null where there are
   * none. */
  acl: { admin: string[]; readWrite: string[]; readOnly: string[] } | null
}

/** What every request that touches the container decodes. All else that a container is set to has rows of its own. */
export interface ContainerRow {
  /** Random: settings and uploads of an earlier container of the same name do not come back. */
  id: string
  createdMicros: number
  /** Last change of this row, which every change of a setting changes too. */
  modifiedMicros: number
  /** Who else may read and write: lists in the grammar of lib/auth/acl.ts. */
  acl: { read: string; write: string }
  /** Null where versioning was never configured. */
  versioning: 'enabled' | 'suspended' | null
}

/** What a container is set to beside its row, by kind. */
export interface SettingValues {
  /** What it says of itself. Names in lower case, without any dialect's prefix. */
  metadata: Record<string, string>
}

export type SettingKind = keyof SettingValues

/** Of `setting/…`; the key names the kind. */
export interface SettingRow {
  /** The container that it is for: to another of the same name the row does not exist. */
  containerId: string
  value: SettingValues[SettingKind]
}

/** A row of `object/…` (its current version is visible) or `hidden/…` (it is not). `summary` is that of the
 * current version. */
export interface ObjectRow {
  current: string | null
  nullVersion: string | null
  summary: Summary | null
}

/** What listings show of an object, so that a page of a listing is one read. */
export interface Summary {
  timeMicros: number
  size: number
  etag: string
  type: string
  checksum: [ChecksumAlgorithm, Checksum['type']] | null
  /** Absent where the version does not expire. */
  deleteAtSeconds?: number
}

export interface VersionRow {
  timeMicros: number
  size: number
  /** Without quotes. Random under a customer key. */
  etag: string
  /** Null for a delete marker. */
  body: string | null
  /** Number of parts of a multipart object, 0 for any other. */
  parts: number
  envelope: Envelope | null
  headers: ContentHeaders
  /** Names in lower case, without the prefix of a dialect. */
  metadata: Record<string, string>
  checksum: SealedChecksum | null
  /** `account:user` of the writer. */
  writer: string
  /** The version is not shown as current from this second on; null where it does not expire. Seconds since
   * 1970. */
  deleteAtSeconds: number | null
}

/** The parts of a body with more than one segment, run-length: `count` parts of `size` bytes each, numbered
 * from `first` without gaps. Segments outside the runs are not part of the body. */
export type Layout = { first: number; count: number; size: number }[]

/** The sealed list of a body's parts (lib/crypto/part-list.ts). */
export interface LayoutRow {
  layout: Layout
  seal: Buffer
  /** Digests of pages, joined. */
  pages: Buffer
}

export interface SegmentRow {
  blob: string
  size: number
  records: number
  /** The sealed record itself, where the segment is small. */
  inline: Buffer | null
  volume: string | null
  storedBytes: number
  /** Null where the segment is no part of an upload. */
  part: PartRow | null
}

/** What is known of a part of an upload. */
export interface PartRow {
  timeMicros: number
  etag: string
  checksum: SealedPartChecksum | null
  /** Binds number, size, blob and ETag: Complete checks it (lib/crypto/part-list.ts). */
  seal: Buffer
}

export interface UploadRow {
  containerId: string
  /** The version that Complete will make. The envelope is bound to it. */
  versionId: string
  body: string
  createdMicros: number
  envelope: Envelope
  /** What Complete needs of the body's key, because it brings none. */
  late: Late
  headers: ContentHeaders
  metadata: Record<string, string>
  checksum: { algorithm: ChecksumAlgorithm; type: Checksum['type'] } | null
  initiator: string
}

/** What is to be removed: a whole body, some of its segments, or what a deleted container left. */
export type QueueRow =
  | { kind: 'body'; body: string }
  | { kind: 'segments'; body: string; keep: Layout }
  | { kind: 'container'; account: string; container: string; containerId: string }

/** `decode` throws StoreCorrupt as `decodeItems` does and for another number of items, and Error for another layout. */
export interface Codec<T> {
  encode(row: T): Buffer
  decode(bytes: Buffer): T
  /** True where the bytes, which any program may have encoded, mean the same row. Throws as `decode` does. */
  says(bytes: Buffer, row: T): boolean
}

/** A codec for one kind of row: fields in a fixed order behind the number of the layout. */
function codec<T extends object>(...fields: (keyof T)[]): Codec<T> {
  return makeCodec(fields, [])
}

/**
 * As `codec`, for a row that ends with the item `more`: a map by name, to which later releases add without a new layout.
 * It is empty, and a row with a name in it is refused: whoever rewrote it would drop what the name says.
 */
export function openCodec<T extends object>(...fields: (keyof T)[]): Codec<T> {
  return makeCodec(fields, [{}])
}

function makeCodec<T extends object>(fields: (keyof T)[], more: readonly object[]): Codec<T> {
  const decode = (bytes: Buffer) => {
    const items = decodeItems(bytes)
    if (items[0] !== STORED_VERSION) throw new Error(whyNotRead('a row', items[0]))
    if (items.length !== 1 + fields.length + more.length) {
      throw new CofferError('StoreCorrupt', { what: 'a row with another number of items' })
    }
    if (more.length > 0) requireEmpty(items.at(-1))
    const row = {} as T
    for (let i = 0; i < fields.length; i++) row[fields[i]!] = (items[i + 1] ?? null) as T[keyof T]
    return row
  }
  return {
    encode: (row) => encodeItems([STORED_VERSION, ...fields.map((field) => row[field]), ...more]),
    decode,
    says: (bytes, row) => saySame(decode(bytes), row),
  }
}

function requireEmpty(more: unknown): void {
  const isMap = typeof more === 'object' && more?.constructor === Object
  const [name] = isMap ? Object.keys(more) : [typeof more]
  if (name !== undefined) throw new CofferError('StoreCorrupt', { what: 'more of a row', name })
}

export const accountRow = openCodec<AccountRow>('createdMicros', 'metadata', 'acl')
export const containerRow = openCodec<ContainerRow>(
  'id',
  'createdMicros',
  'modifiedMicros',
  'acl',
  'versioning',
)
export const settingRow = codec<SettingRow>('containerId', 'value')
export const objectRow = codec<ObjectRow>('current', 'nullVersion', 'summary')
export const versionRow = openCodec<VersionRow>(
  'timeMicros',
  'size',
  'etag',
  'body',
  'parts',
  'envelope',
  'headers',
  'metadata',
  'checksum',
  'writer',
  'deleteAtSeconds',
)
export const layoutRow = codec<LayoutRow>('layout', 'seal', 'pages')
export const segmentRow = openCodec<SegmentRow>(
  'blob',
  'size',
  'records',
  'inline',
  'volume',
  'storedBytes',
  'part',
)
export const uploadRow = openCodec<UploadRow>(
  'containerId',
  'versionId',
  'body',
  'createdMicros',
  'envelope',
  'late',
  'headers',
  'metadata',
  'checksum',
  'initiator',
)
export const queueRow = codec<{ work: QueueRow }>('work')
/** The current version that expires in the second named by the row's key. */
export const expiryRow = codec<{ account: string; container: string; object: string }>(
  'account',
  'container',
  'object',
)
/** Random. Tokens with another id are no longer valid. */
export const logoutRow = codec<{ id: string }>('id')
export const bucketRow = codec<{ account: string }>('account')
/** A row of `volume/…`: the segment that a blob holds, and the bytes that it takes. */
export const volumeBlobRow = codec<{ body: string; part: number; storedBytes: number }>(
  'body',
  'part',
  'storedBytes',
)
