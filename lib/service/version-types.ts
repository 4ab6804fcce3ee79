// What a version says of itself to whoever may read it.
import type { Checksum, ContentHeaders, Gathers, PartChecksum } from '../catalog/rows.ts'

/** A client's description of an object: its headers, metadata and expiry. */
export interface Description {
  readonly headers: ContentHeaders
  readonly metadata: Readonly<Record<string, string>>
  /** The time, in seconds since 1970, from which on a plain read does not find the object. */
  readonly deleteAtSeconds?: number
  /** Which objects' bytes a read gives, instead of the object's own. */
  readonly gathers?: Gathers
}

export interface VersionInfo extends Description {
  readonly object: string
  /** `null` for the null version. */
  readonly versionId: string
  /** True where the container's versioning is or was enabled. Only then are clients shown version ids. */
  readonly versioned: boolean
  readonly timeMicros: number
  readonly size: number
  /** The ETag without quotes. It is random for versions under a customer key. */
  readonly etag: string
  /** Hex MD5 of the content, of a manifest that of its entries' ETags, where it is known and the caller's key opened
   * it. */
  readonly md5?: string
  readonly sealing: 'root' | 'customer'
  /** Parts of a multipart object; 0 for any other. */
  readonly parts: number
  /** Size in bytes and ETag of the document in which a manifest is shown without a key. Absent for what is none. */
  readonly manifest?: { readonly bytes: number; readonly etag: string }
  /** True where size and ETag are those of the objects that `gathers` names. */
  readonly isGathered?: boolean
  readonly checksum: Checksum | null
  /** The part that a read selects, and its checksum. */
  readonly part?: { readonly number: number; readonly checksum: PartChecksum | null }
}
