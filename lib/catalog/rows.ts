// The content of each kind of row. A row is a CBOR array (RFC 8949) whose first item is the number of its
// layout; the catalog adds revision and checksum. See docs/format.md §5.
import type { Envelope } from '../crypto/envelope.ts'
import type { Late } from '../crypto/late.ts'
import { codec, openCodec, signedCodec } from './codec.ts'

export type { ReadRow, SignedCodec } from './codec.ts'

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
  /** What it is set to beside this row: SHA-256 of each setting's row (D-SETTING-DIGEST). A kind that is not named is not
   * set, whatever rows there are. */
  settings: Partial<Record<SettingKind, Buffer>>
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

/** Who may do what with a version, and who wrote it. */
export interface ObjectRights {
  /** `account:user`, empty for anybody. */
  writer: string
}

const noRights: ObjectRights = { writer: '' }

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
  rights: ObjectRights
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
  /** `writer` began the upload. */
  rights: ObjectRights
}

/** What is to be removed: a whole body, some of its segments, or what a deleted container left. */
export type QueueRow =
  | { kind: 'body'; body: string }
  | { kind: 'segments'; body: string; keep: Layout }
  | { kind: 'container'; account: string; container: string; containerId: string }

// Of each row that has a MAC, the last argument leaves what may be believed of it where that does not hold: ids, times
// and what a body's key proves. All else is as in a new row (D-MAC-ANEW).

export const accountRow = signedCodec<AccountRow>(
  ['createdMicros', 'metadata', 'acl'],
  'open',
  ({ createdMicros }) => ({ createdMicros, metadata: {}, acl: null }),
)
export const containerRow = signedCodec<ContainerRow>(
  ['id', 'createdMicros', 'modifiedMicros', 'acl', 'versioning', 'settings'],
  'open',
  ({ id, createdMicros, modifiedMicros, versioning }) => ({
    ...{ id, createdMicros, modifiedMicros },
    acl: { read: '', write: '' },
    // Never back to null: a delete of an object with versions would then lose them (D-MAC-VERSIONING).
    versioning: versioning === null ? null : 'suspended',
    settings: {},
  }),
)
export const settingRow = codec<SettingRow>('containerId', 'value')
export const objectRow = codec<ObjectRow>('current', 'nullVersion', 'summary')
export const versionRow = signedCodec<VersionRow>(
  [
    ...(['timeMicros', 'size', 'etag', 'body', 'parts', 'envelope', 'headers'] as const),
    ...(['metadata', 'checksum', 'rights', 'deleteAtSeconds'] as const),
  ],
  'open',
  (row) => ({ ...row, headers: {}, metadata: {}, rights: noRights, deleteAtSeconds: null }),
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
export const uploadRow = signedCodec<UploadRow>(
  [
    ...(['containerId', 'versionId', 'body', 'createdMicros', 'envelope', 'late'] as const),
    ...(['headers', 'metadata', 'checksum', 'rights'] as const),
  ],
  'open',
  (row) => ({ ...row, headers: {}, metadata: {}, checksum: null, rights: noRights }),
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
export const bucketRow = signedCodec<{ account: string }>(['account'], 'closed', () => ({
  account: '',
}))
/** A row of `volume/…`: the segment that a blob holds, and the bytes that it takes. */
export const volumeBlobRow = codec<{ body: string; part: number; storedBytes: number }>(
  'body',
  'part',
  'storedBytes',
)
