// What the service takes and gives, in storage words. Dialects translate; nothing here knows HTTP.
import type { Caller } from '../auth/identity.ts'
import type { Source } from '../bytes/source.ts'
import type { Checksum, ChecksumAlgorithm, ContentHeaders, PartChecksum } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import type { Right, Scope } from './access.ts'
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
  /** Value of the Referer header, which a container's read list may name. */
  readonly referrer?: string
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
  /** Value of the Referer header, which the source's read list may name. */
  readonly referrer?: string
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

/** Every verb of the service. Each checks the caller's right first, and changes nothing when it throws. */
export interface Service {
  /** The container a name means for this caller: the own account's first, then the node-wide index of
   * S3 names. Throws ContainerMissing. */
  resolve(caller: Caller, container: string): Promise<ContainerRef>

  /** Throws AccessDenied unless the caller has the right. Every verb asks for its own; this is for whoever reads
   * what a verb needs only once it is known that the verb may be done. */
  authorize(caller: Caller, scope: Scope, right: Right): Promise<void>
  /** True for whoever may do everything in the account and see its secrets: its admins, and those its ACL
   * makes such. */
  isOwner(caller: Caller, account: string): Promise<boolean>
  headAccount(caller: Caller, account: string): Promise<AccountInfo>
  /** Makes the account where there is none. Throws MetadataTooLarge, MetadataTooMany. */
  updateAccount(caller: Caller, account: string, settings: AccountSettings): Promise<void>

  listContainers(
    caller: Caller,
    account: string,
    input: ContainerListInput,
  ): Promise<ContainerListing>
  /** Throws ContainerExists, ContainerTaken (only where `indexed`, S3's node-wide names). */
  createContainer(caller: Caller, ref: ContainerRef, options: { indexed: boolean }): Promise<void>
  /** Creates the container, or changes the one that is there. Throws MetadataTooLarge, MetadataTooMany. */
  putContainer(
    caller: Caller,
    ref: ContainerRef,
    settings: ContainerSettings,
  ): Promise<{ created: boolean }>
  /** Throws ContainerMissing, MetadataTooLarge, MetadataTooMany. */
  updateContainer(caller: Caller, ref: ContainerRef, settings: ContainerSettings): Promise<void>
  /** Throws ContainerMissing. */
  headContainer(
    caller: Caller,
    ref: ContainerRef,
    input?: { referrer?: string },
  ): Promise<ContainerInfo>
  /** Throws ContainerNotEmpty; unfinished uploads go with the container. */
  deleteContainer(caller: Caller, ref: ContainerRef): Promise<void>
  list(caller: Caller, ref: ContainerRef, input: ListInput): Promise<Listing>
  listVersions(caller: Caller, ref: ContainerRef, input: VersionListInput): Promise<VersionListing>

  put(caller: Caller, ref: ObjectRef, input: PutInput): Promise<VersionInfo>
  head(
    caller: Caller,
    ref: ObjectRef,
    input: ReadInput,
  ): Promise<Omit<ObjectReader, 'read' | 'close'>>
  get(caller: Caller, ref: ObjectRef, input: ReadInput): Promise<ObjectReader>
  /** Changes what the current version says of itself, in place: no new version, and its time moves on.
   * Throws ObjectMissing; KeyWrong or KeyNotApplicable where a customer key came that is not the version's. */
  update(
    caller: Caller,
    ref: ObjectRef,
    input: { cipher: Cipher; revise: (current: VersionInfo) => Description },
  ): Promise<VersionInfo>
  /** Deleting what is not there is no error. */
  delete(caller: Caller, ref: ObjectRef, input: DeleteInput): Promise<DeleteResult>
  /** Makes a version that is there the current one. Throws VersionMissing, VersionInvalid, VersionIsMarker. */
  makeCurrent(caller: Caller, ref: ObjectRef, versionId: string): Promise<VersionInfo>
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
      referrer?: string
      /** First and last byte, inclusive, both within the source. */
      range?: { first: number; last: number }
      cipher: Cipher
    },
  ): Promise<PartInfo & { source: VersionInfo }>
  listParts(
    caller: Caller,
    ref: ObjectRef,
    uploadId: string,
    input: { afterPart: number; limit: number },
  ): Promise<{ upload: UploadInfo; parts: PartInfo[]; truncated: boolean }>
  /** Throws what completeUpload would without looking at its input: AccessDenied, ContainerMissing, UploadMissing. */
  requireCompletable(caller: Caller, ref: ObjectRef, uploadId: string): Promise<void>
  completeUpload(
    caller: Caller,
    ref: ObjectRef,
    uploadId: string,
    input: CompleteInput,
  ): Promise<VersionInfo>
  abortUpload(caller: Caller, ref: ObjectRef, uploadId: string): Promise<void>
  listUploads(caller: Caller, ref: ContainerRef, input: UploadListInput): Promise<UploadListing>
}
