// The types of manifests: objects whose bytes are those of other objects of their account, one behind the other, with some
// of their own in between.
import type { Cipher } from '../crypto/cipher.ts'
import type { CofferError } from '../errors.ts'
import type { Conditions } from './conditions.ts'
import type { Span } from './resolve.ts'
import type { Description, VersionInfo } from './version-types.ts'

/** Bytes of another object, as they were when the manifest was written. */
export interface ManifestLink {
  readonly container: string
  readonly object: string
  /** Of the whole object, in bytes. */
  readonly size: number
  /** Hex MD5 of its content where that is known, of a manifest that of its entries' ETags; else its ETag. */
  readonly etag: string
  readonly timeMicros: number
  readonly type: string
  /** True for an object that is a manifest itself. */
  readonly isManifest: boolean
  /** Which of its bytes; null for all. */
  readonly range: Span | null
}

/** Bytes of the manifest's own. */
export interface OwnBytes {
  readonly ownBytes: number
  /** Absent where the key that opens them did not come. */
  readonly data?: Buffer
}

export type ManifestEntry = ManifestLink | OwnBytes

/** Bytes of another object that a new manifest takes. */
export interface WantedLink {
  readonly container: string
  readonly object: string
  /** The ETag that it must have; null for any. */
  readonly etag: string | null
  /** The size in bytes that it must have; null for any. */
  readonly size: number | null
  /** The bytes of it, given its size; undefined where it has none of them. Null for all. */
  readonly range: ((size: number) => Span | undefined) | null
}

export interface ManifestInput extends Description {
  /** At least one link, or nothing at all. */
  readonly entries: readonly (WantedLink | { readonly data: Buffer })[]
  readonly cipher: Cipher
  readonly conditions?: Conditions | undefined
  /** The hex MD5 of the entries' ETags, as the client expects it. */
  readonly etag?: string | undefined
  /** Size in bytes and ETag of the document that shows these entries without a key. */
  readonly measure: (entries: readonly ManifestEntry[]) => Promise<{ bytes: number; etag: string }>
}

/** Why an entry cannot be taken: none of its bytes were asked for, no byte of it, another size, another ETag, or what a
 * look at the object throws. */
export interface ManifestProblem {
  /** Of the entry. */
  readonly index: number
  readonly why: 'range' | 'empty' | 'size' | 'etag' | CofferError
}

/** The version, or why there is none. */
export type ManifestWritten =
  | { readonly info: VersionInfo; readonly problems?: undefined }
  | { readonly info?: undefined; readonly problems: readonly ManifestProblem[] }

export interface ReadManifest {
  readonly info: VersionInfo
  /** Undefined for an object that is no manifest. */
  readonly entries: readonly ManifestEntry[] | undefined
}
