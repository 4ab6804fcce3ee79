// The types of the service's inputs and results for multipart uploads and parts, in storage words.
import type { Checksum, ChecksumAlgorithm, ContentHeaders, PartChecksum } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import type { Conditions } from './conditions.ts'
import type { ObjectRef } from './container-types.ts'

export interface UploadInput {
  readonly cipher: Cipher
  readonly headers: ContentHeaders
  readonly metadata: Readonly<Record<string, string>>
  /** The checksum of the whole. Absent: parts keep the checksums that they bring, and the whole has none. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: Checksum['type'] }
}

export interface UploadInfo extends ObjectRef {
  readonly uploadId: string
  readonly createdMicros: number
  readonly initiator: string
  readonly sealing: 'root' | 'customer'
  readonly checksum: { algorithm: ChecksumAlgorithm; type: Checksum['type'] } | null
}

export interface PartInfo {
  readonly part: number
  readonly size: number
  readonly etag: string
  readonly timeMicros: number
  readonly checksum: PartChecksum | null
}

export interface CompleteInput {
  readonly parts: readonly {
    readonly part: number
    readonly etag: string
    readonly checksum?: PartChecksum
  }[]
  readonly conditions?: Conditions
  /** The cipher of a key that came, which must be the upload's. Complete needs no key (D-KEY-PARTS). */
  readonly cipher?: Cipher
  /** The size of the whole in bytes, as the client expects it. */
  readonly size?: number
  readonly checksum?: PartChecksum
  readonly checksumType?: Checksum['type']
}

export interface UploadListInput {
  readonly prefix?: string
  readonly delimiter?: string
  readonly afterObject?: string
  readonly afterUpload?: string
  readonly limit: number
}

export interface UploadListing {
  readonly entries: readonly (UploadInfo | string)[]
  readonly truncated: boolean
}
