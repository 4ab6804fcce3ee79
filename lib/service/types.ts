// The types of the service's inputs and results, in storage words. Dialects translate them; nothing here is of HTTP.
import type { Asker } from '../auth/asker.ts'
import type { Source } from '../bytes/source.ts'
import type { ChecksumAlgorithm } from '../catalog/rows.ts'
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
import type { ManifestInput, ManifestWritten, ReadManifest } from './manifest-types.ts'
import type {
  CompleteInput,
  PartInfo,
  UploadInfo,
  UploadInput,
  UploadListInput,
  UploadListing,
} from './upload-types.ts'
import type { Description, VersionInfo } from './version-types.ts'

export type { ConditionName, Conditions, RangesFor } from './conditions.ts'
export type * from './container-types.ts'
export type * from './manifest-types.ts'
export type * from './upload-types.ts'
export type * from './version-types.ts'

export interface PutInput extends Description {
  readonly source: Source
  readonly cipher: Cipher
  readonly conditions?: Conditions
  /**
   * The checksum that is computed over the body and kept with the version. The source verifies what the client sent.
   */
  readonly checksum?: ChecksumAlgorithm
  /** Seal the content's MD5 inside the wrap also under a customer key (Swift wrote it, Content-MD5 came). */
  readonly sealMd5?: boolean
}

export interface ReadInput {
  readonly versionId?: string
  readonly cipher: Cipher
  readonly conditions?: Conditions
  /** Resolves the extents to read by the dialect's rules. */
  readonly ranges?: Ranges
  /** The state for which `ranges` holds. All of an object in another state is read. */
  readonly rangesFor?: RangesFor
  /** The number of the one part to read, 1 to 10,000. */
  readonly part?: number
  /** Without a key, a version under a customer key is described all the same (Swift's HEAD). */
  readonly keyOptional?: boolean
  /** True: the object's own bytes, also where it gathers those of others. */
  readonly raw?: boolean
}

export interface HeadInput extends ReadInput {
  /** What the object is looked at for, where that is not the look itself. */
  readonly action?: Action
}

/**
 * Resolves a client's ranges against a size in bytes. Returns at least one extent, in the order in which they are sent.
 * Throws RangeUnsatisfiable.
 */
export type Ranges = (sizeBytes: number) => readonly Extent[]

/** The bytes that a read gives: `offset` and `length` within `info.size`. */
export interface Extent {
  readonly offset: number
  readonly length: number
  /**
   * True for a range or a part of the whole, which is a 206. Never true for an extent of no bytes: a 206 needs a
   * Content-Range (RFC 9110 §15.3.7), and none can name no bytes (§14.4).
   */
  readonly partial: boolean
}

export interface ObjectReader {
  readonly info: VersionInfo
  /** The extents that are read, one after the other. */
  readonly extents: readonly Extent[]
  /**
   * The next piece of plaintext, undefined behind the last extent. A piece is never empty and never of two extents. The
   * caller owns it. Throws StoreCorrupt, StoreUnavailable.
   */
  read(): Promise<Buffer | undefined>
  /** Must be called when no more is read. A second call does nothing. */
  close(): void
}

export interface CopyInput {
  readonly from: ObjectRef & { readonly versionId?: string }
  readonly fromCipher: Cipher
  readonly fromConditions?: Conditions
  readonly cipher: Cipher
  /** Makes the copy's description. Absent: the source's headers and metadata, without its expiry. */
  readonly revise?: (source: VersionInfo) => Description
  /** Resolves the bytes to copy, in one extent. Absent: all. Several extents throw Internal. */
  readonly ranges?: Ranges
  readonly conditions?: Conditions
  /** True: the bytes are sealed anew also where the kind of key stays the same. */
  readonly reseal?: boolean
  /** True: the source's own bytes, also where it gathers those of others. */
  readonly raw?: boolean
  /** The algorithm of the copy's checksum. Absent: the source's, or none where it has none. */
  readonly checksum?: ChecksumAlgorithm
  /** True where something other than metadata changes for a copy onto itself (class, key …). */
  readonly changesSelf: boolean
}

export interface CopyResult {
  readonly info: VersionInfo
  readonly source: VersionInfo
}

export interface DeleteInput {
  /** The version to remove. Absent: the object is deleted, and a delete marker made where versions are kept. */
  readonly versionId?: string
  readonly conditions?: Conditions
  /** The expiry that the object must have, in seconds since 1970. Another one throws PreconditionFailed. */
  readonly ifDeleteAtSeconds?: number
  /**
   * True: when the current version is removed by its id, the next newest becomes current (S3). False: none does
   * (Swift).
   */
  readonly promote: boolean
}

export interface DeleteResult {
  /** False where there was no such object or version. A delete marker may have been made in that case too. */
  readonly existed: boolean
  /** Id of the removed version or of the delete marker that was made. Undefined where versions were never kept. */
  readonly versionId?: string
  /** True where that version is, or was, a delete marker. */
  readonly isMarker: boolean
  /** Id of the version that is current afterwards, if there is one. Only where a version was removed by its id. */
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
  /** Deletes an object, or removes a version. A missing one is no error. */
  delete(asker: Asker, ref: ObjectRef, input: DeleteInput): Promise<DeleteResult>
  /** Deletes objects of one container soon, each unless it is written before. At most 1,000. Throws ContainerMissing. */
  deleteLater(asker: Asker, ref: ContainerRef, objects: readonly string[]): Promise<void>
  /** Makes a version that is there the current one. Throws VersionMissing, VersionInvalid, VersionIsMarker. */
  makeCurrent(asker: Asker, ref: ObjectRef, versionId: string): Promise<VersionInfo>
  copy(asker: Asker, ref: ObjectRef, input: CopyInput): Promise<CopyResult>
  /** Writes an object whose bytes are those of others. Throws ObjectTooLarge, DigestMismatch. */
  putManifest(asker: Asker, ref: ObjectRef, input: ManifestInput): Promise<ManifestWritten>
  /** What an object is made of. No customer key is needed; one that comes is checked, and shows more. */
  getManifest(
    asker: Asker,
    ref: ObjectRef,
    input: Pick<HeadInput, 'versionId' | 'cipher' | 'action'>,
  ): Promise<ReadManifest>
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
  /** `cipher` is the customer's, where a key came: it must be the upload's. */
  listParts(
    asker: Asker,
    ref: ObjectRef,
    uploadId: string,
    input: { afterPart: number; limit: number; cipher?: Cipher | undefined },
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
