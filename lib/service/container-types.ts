// The types of the service's inputs and results for accounts, containers and listings, in storage words.
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

/** Changes of metadata: values by lower-case name without a dialect's prefix. Null removes an item. Others stay. */
export type MetadataChanges = Readonly<Record<string, string | null>>

export interface AccountInfo {
  readonly account: string
  /** Microseconds since 1970. Undefined where nothing was ever written to the account. */
  readonly createdMicros: number | undefined
  readonly containers: number
  readonly objects: number
  readonly bytes: number
  readonly metadata: Readonly<Record<string, string>>
  readonly acl: AccountAcl | null
}

export interface AccountSettings {
  readonly metadata?: MetadataChanges
  /** Null removes the ACL. */
  readonly acl?: AccountAcl | null
}

/** Lists of others who may read or write a container's objects, in the form of `lib/auth/acl.ts`. '' names nobody. */
export interface ContainerAcl {
  readonly read: string
  readonly write: string
}

/** Null where versions were never kept. A container that kept versions is enabled or suspended for ever. */
export type Versioning = 'enabled' | 'suspended' | null

export interface ContainerSettings {
  readonly metadata?: MetadataChanges
  /** The lists that are replaced. */
  readonly acl?: Partial<ContainerAcl>
  readonly versioning?: 'enabled' | 'suspended'
}

/** What a container's row and its counters say: what listings show. */
export interface ListedContainer extends ContainerRef {
  readonly createdMicros: number
  /** Time of the last change of settings, in microseconds since 1970. */
  readonly modifiedMicros: number
  /** Number of objects that a plain GET shows. */
  readonly objects: number
  /** Bytes of all versions. */
  readonly bytes: number
  /** Number of versions and delete markers, current ones among them. */
  readonly versions: number
  readonly acl: ContainerAcl
  readonly versioning: Versioning
}

export interface ContainerInfo extends ListedContainer {
  readonly metadata: Readonly<Record<string, string>>
}

/** The input of a listing, in byte order of names, backwards where `reverse`. */
interface PageInput {
  readonly prefix?: string
  readonly delimiter?: string
  /**
   * The name behind which the page begins, in the direction of the listing. A common prefix skips all names in it. ''
   * is no bound.
   */
  readonly after?: string
  /** The name before which the listing ends, in its direction. '' is no bound. */
  readonly until?: string
  readonly reverse?: boolean
  /** Entries and common prefixes of the page, 0 to 10,000. */
  readonly limit: number
}

export type ContainerListInput = PageInput

export interface ContainerListing {
  /** A string is a common prefix. */
  readonly entries: readonly (ListedContainer | string)[]
  readonly truncated: boolean
}

export interface ListInput extends PageInput {
  /** True: only objects directly below `prefix`, neither common prefixes nor the object whose name is the prefix. */
  readonly childrenOnly?: boolean
}

export interface ListedObject {
  readonly object: string
  readonly timeMicros: number
  readonly size: number
  readonly etag: string
  readonly type: string
  readonly checksum: { algorithm: ChecksumAlgorithm; type: Checksum['type'] } | null
  /** ETag of a manifest's document. Absent for what is none. */
  readonly manifest?: string
}

export interface Listing {
  /** The objects of the page, in the order of the listing. A string is a common prefix. */
  readonly entries: readonly (ListedObject | string)[]
  readonly truncated: boolean
  /** `after` for the next page, where `truncated`: the last entry's name or common prefix. */
  readonly next?: string
}

export interface VersionListInput {
  readonly prefix?: string
  readonly delimiter?: string
  /** The page begins behind `afterVersion` of this object, or behind all its versions. */
  readonly afterObject?: string
  /** A version id, or `null`. Only with `afterObject`. */
  readonly afterVersion?: string
  /** True: names backwards, and each name's versions oldest first. */
  readonly reverse?: boolean
  /** Entries of the page, 0 to 10,000. */
  readonly limit: number
}

export interface ListedVersion extends ListedObject {
  /** `null` for the null version. */
  readonly versionId: string
  readonly isLatest: boolean
  /** True for a delete marker, which has neither size, ETag nor type. */
  readonly isMarker: boolean
}

export interface VersionListing {
  /** The versions of the page, by name, then newest first. A string is a common prefix. */
  readonly entries: readonly (ListedVersion | string)[]
  readonly truncated: boolean
  /** Where the next page begins, where `truncated`. Without a version it begins behind a common prefix. */
  readonly next?: { readonly object: string; readonly versionId?: string }
}
