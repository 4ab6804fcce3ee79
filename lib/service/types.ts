// What the service takes and gives, in storage words. Dialects translate; nothing here knows HTTP.
import type { Caller } from '../auth/identity.ts'
import type { Source } from '../bytes/source.ts'
import type { Checksum, ChecksumAlgorithm, ContentHeaders, PartChecksum } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'

export interface ContainerRef {
  readonly account: string
  readonly container: string
}

export interface ObjectRef extends ContainerRef {
  readonly object: string
}

/** ETags are without quotes; '*' matches whatever exists. Times are microseconds since 1970. */
export interface Conditions {
  readonly ifMatch?: readonly string[] | '*'
  readonly ifNoneMatch?: readonly string[] | '*'
  readonly ifModifiedSinceMicros?: number
  readonly ifUnmodifiedSinceMicros?: number
}

/** The name that PreconditionFailed carries in `details.condition`. */
export type ConditionName = keyof Conditions

export interface VersionInfo {
  readonly object: string
  readonly versionId: string
  readonly timeMicros: number
  readonly size: number
  /** Without quotes; opaque for customer keys. */
  readonly etag: string
  /** Hex MD5 of the content, where it is known and the caller's key opened it. */
  readonly md5?: string
  readonly headers: ContentHeaders
  readonly metadata: Readonly<Record<string, string>>
  readonly sealing: 'root' | 'customer'
  /** Parts of a multipart object; 0 for a plain one. */
  readonly parts: number
  readonly checksum: Checksum | null
  /** Checksum and ETag of the one part, where a part was asked for. */
  readonly part?: { readonly number: number; readonly checksum: PartChecksum | null }
}

export interface PutInput {
  readonly source: Source
  readonly cipher: Cipher
  readonly headers: ContentHeaders
  readonly metadata: Readonly<Record<string, string>>
  readonly conditions?: Conditions
  /** Computed while the body passes and kept with the version; `read` has verified what was claimed. */
  readonly checksum?: ChecksumAlgorithm
  /** Seal the content's MD5 inside the wrap also under a customer key (Swift wrote it, Content-MD5 came). */
  readonly sealMd5?: boolean
}

export interface ReadInput {
  readonly versionId?: string
  readonly cipher: Cipher
  readonly conditions?: Conditions
  /** The Range header's value, as sent; ignored where its form is wrong or it names several ranges. */
  readonly range?: string
  /** 1 … 10,000: that part alone. */
  readonly part?: number
}

/** The bytes that a read gives: `offset` and `length` within `info.size`. */
export interface Extent {
  readonly offset: number
  readonly length: number
  /** True where the caller asked for less than the whole (a 206). */
  readonly partial: boolean
}

export interface ObjectReader {
  readonly info: VersionInfo
  readonly extent: Extent
  /** The next piece of plaintext, never empty, owned by the caller; undefined at the end of the
   * extent. Throws StoreCorrupt, StoreUnavailable. */
  read(): Promise<Buffer | undefined>
  /** Must be called when no more is read; safe more than once. */
  close(): void
}

export interface CopyInput {
  readonly from: ObjectRef & { readonly versionId?: string }
  readonly fromCipher: Cipher
  readonly fromConditions?: Conditions
  readonly cipher: Cipher
  /** Absent: taken over from the source. */
  readonly replace?: {
    readonly headers: ContentHeaders
    readonly metadata: Readonly<Record<string, string>>
  }
  readonly conditions?: Conditions
  /** Also where only the key's kind stays the same: seal the bytes anew (x-coffer-reseal). */
  readonly reseal?: boolean
  /** Absent: the source's algorithm, else none is added. */
  readonly checksum?: ChecksumAlgorithm
  /** True where something other than metadata changes for a copy onto itself (class, key …). */
  readonly changesSelf: boolean
}

export interface CopyResult {
  readonly info: VersionInfo
  readonly fromVersionId: string
}

export interface ListInput {
  readonly prefix?: string
  readonly delimiter?: string
  /** First name to show is greater than this (by UTF-8 bytes). A value that ends a common prefix skips all of it. */
  readonly after?: string
  /** 0 … 1,000: objects and common prefixes together. */
  readonly limit: number
}

export interface ListedObject {
  readonly object: string
  readonly timeMicros: number
  readonly size: number
  readonly etag: string
  readonly type: string
  readonly checksum: { algorithm: ChecksumAlgorithm; type: Checksum['type'] } | null
}

export interface Listing {
  /** In byte order; a string is a common prefix. */
  readonly entries: readonly (ListedObject | string)[]
  readonly truncated: boolean
  /** `after` of the next page, where truncated: the last entry's name or common prefix. */
  readonly next?: string
}

export interface ContainerInfo extends ContainerRef {
  readonly createdMicros: number
  readonly objects: number
  readonly bytes: number
}

export interface UploadInput {
  readonly cipher: Cipher
  readonly headers: ContentHeaders
  readonly metadata: Readonly<Record<string, string>>
  /** Absent: parts keep the checksums they bring, the whole gets none. */
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
  /** Only to prove that a key that came is the upload's: Complete needs none. */
  readonly cipher?: Cipher
  /** What the client says the whole has: x-amz-mp-object-size. */
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

/** Every verb of the service. Each checks the caller's right first, and changes nothing when it throws. */
export interface Service {
  /** The container a name means for this caller: the own account's first, then the node-wide index of
   * S3 names. Throws ContainerMissing. */
  resolve(caller: Caller, container: string): Promise<ContainerRef>

  listContainers(
    caller: Caller,
    account: string,
    input: { prefix?: string; after?: string; limit: number },
  ): Promise<{ entries: ContainerInfo[]; truncated: boolean }>
  /** Throws ContainerExists, ContainerTaken (only where `indexed`, S3's node-wide names). */
  createContainer(caller: Caller, ref: ContainerRef, options: { indexed: boolean }): Promise<void>
  /** Throws ContainerMissing. */
  headContainer(caller: Caller, ref: ContainerRef): Promise<ContainerInfo>
  /** Throws ContainerNotEmpty; unfinished uploads go with the container. */
  deleteContainer(caller: Caller, ref: ContainerRef): Promise<void>
  list(caller: Caller, ref: ContainerRef, input: ListInput): Promise<Listing>

  put(caller: Caller, ref: ObjectRef, input: PutInput): Promise<VersionInfo>
  head(
    caller: Caller,
    ref: ObjectRef,
    input: ReadInput,
  ): Promise<Omit<ObjectReader, 'read' | 'close'>>
  get(caller: Caller, ref: ObjectRef, input: ReadInput): Promise<ObjectReader>
  /** Deleting what is not there is no error. */
  delete(
    caller: Caller,
    ref: ObjectRef,
    input: { versionId?: string; conditions?: Conditions },
  ): Promise<void>
  copy(caller: Caller, ref: ObjectRef, input: CopyInput): Promise<CopyResult>
  /** Sizes and checksums of a finished multipart object's parts. The key is checked. */
  listObjectParts(
    caller: Caller,
    ref: ObjectRef,
    input: ReadInput & { afterPart: number; limit: number },
  ): Promise<{ info: VersionInfo; parts: PartInfo[]; truncated: boolean }>

  createUpload(caller: Caller, ref: ObjectRef, input: UploadInput): Promise<UploadInfo>
  headUpload(caller: Caller, ref: ObjectRef, uploadId: string): Promise<UploadInfo>
  putPart(
    caller: Caller,
    ref: ObjectRef,
    uploadId: string,
    part: number,
    input: { source: Source; cipher: Cipher; checksum?: ChecksumAlgorithm },
  ): Promise<PartInfo>
  copyPart(
    caller: Caller,
    ref: ObjectRef,
    uploadId: string,
    part: number,
    input: {
      from: ObjectRef & { versionId?: string }
      fromCipher: Cipher
      fromConditions?: Conditions
      /** First and last byte, inclusive, both within the source. */
      range?: { first: number; last: number }
      cipher: Cipher
    },
  ): Promise<PartInfo & { fromVersionId: string }>
  listParts(
    caller: Caller,
    ref: ObjectRef,
    uploadId: string,
    input: { afterPart: number; limit: number },
  ): Promise<{ upload: UploadInfo; parts: PartInfo[]; truncated: boolean }>
  completeUpload(
    caller: Caller,
    ref: ObjectRef,
    uploadId: string,
    input: CompleteInput,
  ): Promise<VersionInfo>
  abortUpload(caller: Caller, ref: ObjectRef, uploadId: string): Promise<void>
  listUploads(caller: Caller, ref: ContainerRef, input: UploadListInput): Promise<UploadListing>
}
