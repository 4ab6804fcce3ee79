// What the service takes and gives, in storage words. Dialects translate; nothing here knows HTTP.
import type { Asker } from '../auth/asker.ts'
import type { Source } from '../bytes/source.ts'
import type { Checksum, ChecksumAlgorithm, ContentHeaders, PartChecksum } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import type { Resource } from './access.ts'
import type { Action } from './actions.ts'
import type { Conditions, RangesFor } from './conditions.ts'
import type {
  AccountInfo,
  AccountSettings,
  ContainerInfo,
  ContainerListInput,
  ContainerListing,
  ContainerRef,
  ContainerSettings,
  ListInput,
  Listing,
  ObjectRef,
  VersionListInput,
  VersionListing,
} from './container-types.ts'
import type {
  CompleteInput,
  PartInfo,
  UploadInfo,
  UploadInput,
  UploadListInput,
  UploadListing,
} from './upload-types.ts'

export type { ConditionName, Conditions, RangesFor } from './conditions.ts'
export type * from './container-types.ts'
export type * from './upload-types.ts'

/** What a client says of an object beside its bytes. */
export interface Description {
  readonly headers: ContentHeaders
  readonly metadata: Readonly<Record<string, string>>
  /** From that second on a plain read finds nothing. Seconds since 1970. */
  readonly deleteAtSeconds?: number
}

export interface VersionInfo extends Description {
  readonly object: string
  /** `null` for the null version. */
  readonly versionId: string
  /** True where the container's versioning is or was enabled: only then do clients hear of version ids. */
  readonly versioned: boolean
  readonly timeMicros: number
  readonly size: number
  /** Without quotes; opaque for customer keys. */
  readonly etag: string
  /** Hex MD5 of the content, where it is known and the caller's key opened it. */
  readonly md5?: string
  readonly sealing: 'root' | 'customer'
  /** Parts of a multipart object; 0 for a plain one. */
  readonly parts: number
  readonly checksum: Checksum | null
  /** Checksum and ETag of the one part, where a part was asked for. */
  readonly part?: { readonly number: number; readonly checksum: PartChecksum | null }
}

export interface PutInput extends Description {
  readonly source: Source
  readonly cipher: Cipher
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
  /** Which extents are wanted, by the dialect's own rules. */
  readonly ranges?: Ranges
  /** The state for which `ranges` are meant: of an object in another all is read. */
  readonly rangesFor?: RangesFor
  /** 1 … 10,000: that part alone. */
  readonly part?: number
  /** Without a key, a version under a customer key is described all the same (Swift's HEAD). */
  readonly keyOptional?: boolean
}

export interface HeadInput extends ReadInput {
  /** What the object is looked at for, where that is not the look itself. */
  readonly action?: Action
}

/** Resolves what a client asked for against a size in bytes: at least one extent, in the order in which they
 * are to be sent. Throws RangeUnsatisfiable. */
export type Ranges = (sizeBytes: number) => readonly Extent[]

/** The bytes that a read gives: `offset` and `length` within `info.size`. */
export interface Extent {
  readonly offset: number
  readonly length: number
  /** True where the caller asked for a range or a part of the whole (a 206). Never of no bytes: no Content-Range can
   * name them (RFC 9110 §14.4), and a 206 needs one (§15.3.7). */
  readonly partial: boolean
}

export interface ObjectReader {
  readonly info: VersionInfo
  /** What is read: one extent unless `ranges` asked for several, which then follow one another. */
  readonly extents: readonly Extent[]
  /** The next piece of plaintext, never empty, never of two extents, owned by the caller; undefined at the
   * end of the last. Throws StoreCorrupt, StoreUnavailable. */
  read(): Promise<Buffer | undefined>
  /** Must be called when no more is read; safe more than once. */
  close(): void
}

export interface CopyInput {
  readonly from: ObjectRef & { readonly versionId?: string }
  readonly fromCipher: Cipher
  readonly fromConditions?: Conditions
  readonly cipher: Cipher
  /** What the copy says of itself. Absent: headers and metadata are taken over, an expiry is not. */
  readonly revise?: (source: VersionInfo) => Description
  /** Which bytes are copied; absent: all. More than one extent is Internal. */
  readonly ranges?: Ranges
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
  readonly source: VersionInfo
}

export interface DeleteInput {
  /** That version, for good; absent: the object, which leaves a delete marker where versions are kept. */
  readonly versionId?: string
  readonly conditions?: Conditions
  /** Only an object that expires at this very second; else PreconditionFailed. */
  readonly ifDeleteAtSeconds?: number
  /** When the current version goes by its id, the next newest becomes current (S3); else none does (Swift). */
  readonly promote: boolean
}

export interface DeleteResult {
  /** False: there was nothing of that name, or no such version; a delete marker may have been made all the same. */
  readonly existed: boolean
  /** Of the version that went, or of the delete marker that was made; undefined where versions were never kept. */
  readonly versionId?: string
  /** That version is, or was, a delete marker. */
  readonly isMarker: boolean
  /** The current version afterwards, if there is one; only where a version was deleted by its id. */
  readonly currentId?: string
}

/** Every verb of the service. Each decides first whether the asker may, and changes nothing when it throws. */
export interface Service {
  /** The container a name means for this asker: the own account's first, then the node-wide index of
   * S3 names. Throws ContainerMissing. */
  resolve(asker: Asker, container: string): Promise<ContainerRef>

  /** Throws AccessDenied unless the asker may do that. Every verb does so for its own action; this is for whoever reads
   * what a verb needs only once it is known that the verb may be done. */
  authorize(asker: Asker, action: Action, ref: Resource): Promise<void>
  /** The same as an answer: for what is shown or heeded only where it is allowed. */
  isAllowed(asker: Asker, action: Action, ref: Resource): Promise<boolean>
  headAccount(asker: Asker, account: string): Promise<AccountInfo>
  /** Makes the account where there is none. Throws MetadataTooLarge, MetadataTooMany. */
  updateAccount(asker: Asker, account: string, settings: AccountSettings): Promise<void>

  listContainers(
    asker: Asker,
    account: string,
    input: ContainerListInput,
  ): Promise<ContainerListing>
  /** Throws ContainerExists, ContainerTaken (only where `indexed`, S3's node-wide names). */
  createContainer(asker: Asker, ref: ContainerRef, options: { indexed: boolean }): Promise<void>
  /** Creates the container, or changes the one that is there. Throws MetadataTooLarge, MetadataTooMany. */
  putContainer(
    asker: Asker,
    ref: ContainerRef,
    settings: ContainerSettings,
  ): Promise<{ created: boolean }>
  /** Throws ContainerMissing, MetadataTooLarge, MetadataTooMany. */
  updateContainer(asker: Asker, ref: ContainerRef, settings: ContainerSettings): Promise<void>
  /** `action`: what for, where that is not to look at the container itself. Throws ContainerMissing. */
  headContainer(asker: Asker, ref: ContainerRef, action?: Action): Promise<ContainerInfo>
  /** Throws ContainerNotEmpty; unfinished uploads go with the container. */
  deleteContainer(asker: Asker, ref: ContainerRef): Promise<void>
  list(asker: Asker, ref: ContainerRef, input: ListInput): Promise<Listing>
  listVersions(asker: Asker, ref: ContainerRef, input: VersionListInput): Promise<VersionListing>

  put(asker: Asker, ref: ObjectRef, input: PutInput): Promise<VersionInfo>
  head(
    asker: Asker,
    ref: ObjectRef,
    input: HeadInput,
  ): Promise<Omit<ObjectReader, 'read' | 'close'>>
  get(asker: Asker, ref: ObjectRef, input: ReadInput): Promise<ObjectReader>
  /** Changes what the current version says of itself, in place: no new version, and its time moves on.
   * Throws ObjectMissing; KeyWrong or KeyNotApplicable where a customer key came that is not the version's. */
  update(
    asker: Asker,
    ref: ObjectRef,
    input: { cipher: Cipher; revise: (current: VersionInfo) => Description },
  ): Promise<VersionInfo>
  /** Deleting what is not there is no error. */
  delete(asker: Asker, ref: ObjectRef, input: DeleteInput): Promise<DeleteResult>
  /** Makes a version that is there the current one. Throws VersionMissing, VersionInvalid, VersionIsMarker. */
  makeCurrent(asker: Asker, ref: ObjectRef, versionId: string): Promise<VersionInfo>
  copy(asker: Asker, ref: ObjectRef, input: CopyInput): Promise<CopyResult>
  /** Sizes and checksums of a finished multipart object's parts. The key is checked. */
  listObjectParts(
    asker: Asker,
    ref: ObjectRef,
    input: ReadInput & { afterPart: number; limit: number },
  ): Promise<{ info: VersionInfo; parts: PartInfo[]; truncated: boolean }>

  createUpload(asker: Asker, ref: ObjectRef, input: UploadInput): Promise<UploadInfo>
  putPart(
    asker: Asker,
    ref: ObjectRef,
    uploadId: string,
    part: number,
    input: { source: Source; cipher: Cipher; checksum?: ChecksumAlgorithm },
  ): Promise<PartInfo>
  copyPart(
    asker: Asker,
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
  ): Promise<PartInfo & { source: VersionInfo }>
  listParts(
    asker: Asker,
    ref: ObjectRef,
    uploadId: string,
    input: { afterPart: number; limit: number },
  ): Promise<{ upload: UploadInfo; parts: PartInfo[]; truncated: boolean }>
  /** Throws what completeUpload would without looking at its input: AccessDenied, ContainerMissing, UploadMissing. */
  requireCompletable(asker: Asker, ref: ObjectRef, uploadId: string): Promise<void>
  completeUpload(
    asker: Asker,
    ref: ObjectRef,
    uploadId: string,
    input: CompleteInput,
  ): Promise<VersionInfo>
  abortUpload(asker: Asker, ref: ObjectRef, uploadId: string): Promise<void>
  listUploads(asker: Asker, ref: ContainerRef, input: UploadListInput): Promise<UploadListing>
}
