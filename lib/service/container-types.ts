// What the service takes and gives for accounts, containers and listings, in storage words.
import type { AccountAcl } from '../auth/acl.ts'
import type { Checksum, ChecksumAlgorithm } from '../catalog/rows.ts'

export type { AccountAcl }

export interface ContainerRef {
  readonly account: string
  readonly container: string
}

export interface ObjectRef extends ContainerRef {
  readonly object: string
}

/** Values by lower-case name without any dialect's prefix; null removes an item, others stay. */
export type MetadataChanges = Readonly<Record<string, string | null>>

export interface AccountInfo {
  readonly account: string
  /** Undefined: nothing was ever written to it; a read makes nothing. Microseconds since 1970. */
  readonly createdMicros: number | undefined
  readonly containers: number
  readonly objects: number
  readonly bytes: number
  readonly metadata: Readonly<Record<string, string>>
  readonly acl: AccountAcl | null
}

export interface AccountSettings {
  readonly metadata?: MetadataChanges
  /** Null clears it. */
  readonly acl?: AccountAcl | null
}

/** Who else may read or write a container's objects: lists as `lib/auth/acl.ts` has cleaned them, '' for nobody. */
export interface ContainerAcl {
  readonly read: string
  readonly write: string
}

/** Null: never asked for. Once it was, it can be suspended, not undone. */
export type Versioning = 'enabled' | 'suspended' | null

export interface ContainerSettings {
  readonly metadata?: MetadataChanges
  /** The lists that are to be replaced. */
  readonly acl?: Partial<ContainerAcl>
  readonly versioning?: 'enabled' | 'suspended'
}

/** What a container's row and its counters say: what listings show. */
export interface ListedContainer extends ContainerRef {
  readonly createdMicros: number
  /** Time of the last change of settings. */
  readonly modifiedMicros: number
  /** Objects that a plain GET shows. */
  readonly objects: number
  /** Of all versions. */
  readonly bytes: number
  /** Versions and delete markers, current ones included. */
  readonly versions: number
  readonly acl: ContainerAcl
  readonly versioning: Versioning
}

export interface ContainerInfo extends ListedContainer {
  readonly metadata: Readonly<Record<string, string>>
}

/** A page of names: in byte order, backwards where `reverse`. */
interface PageInput {
  readonly prefix?: string
  readonly delimiter?: string
  /** Where the page begins, exclusive, in the direction of the listing. A value that ends a common prefix
   * skips all of it. '' is no bound. */
  readonly after?: string
  /** Where the listing ends, exclusive, in its direction. '' is no bound. */
  readonly until?: string
  readonly reverse?: boolean
  /** 0 … 10,000: entries and common prefixes together. */
  readonly limit: number
}

export type ContainerListInput = PageInput

export interface ContainerListing {
  /** A string is a common prefix. */
  readonly entries: readonly (ListedContainer | string)[]
  readonly truncated: boolean
}

export interface ListInput extends PageInput {
  /** Objects directly below `prefix` and `delimiter`: no common prefixes, and not the object called as the prefix itself. */
  readonly childrenOnly?: boolean
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
  /** In the order of the listing; a string is a common prefix. */
  readonly entries: readonly (ListedObject | string)[]
  readonly truncated: boolean
  /** `after` of the next page, where truncated: the last entry's name or common prefix. */
  readonly next?: string
}

export interface VersionListInput {
  readonly prefix?: string
  readonly delimiter?: string
  /** The page goes on behind this version of this object, or behind all of its versions. */
  readonly afterObject?: string
  /** A version id, or `null`. Only with `afterObject`. */
  readonly afterVersion?: string
  /** Names backwards, and each name's versions from the oldest on. */
  readonly reverse?: boolean
  /** 0 … 10,000. */
  readonly limit: number
}

export interface ListedVersion extends ListedObject {
  /** `null` for the null version. */
  readonly versionId: string
  readonly isLatest: boolean
  /** A delete marker: without size, ETag and type. */
  readonly isMarker: boolean
}

export interface VersionListing {
  /** By name, then newest first; a string is a common prefix. */
  readonly entries: readonly (ListedVersion | string)[]
  readonly truncated: boolean
  /** Where the next page goes on, where truncated. Without a version: behind a common prefix. */
  readonly next?: { readonly object: string; readonly versionId?: string }
}
