// The step between a version and its bytes: what stands where in its body. Segments of its own, as a write or a completed
// upload left them, or bytes of other objects. Whoever reads a body reads this list and looks at no layout.
import type { Asker } from '../auth/asker.ts'
import type { Layout, VersionRow } from '../catalog/rows.ts'
import type { BodySecret, Cipher } from '../crypto/cipher.ts'
import type { ContainerRef } from './container-types.ts'
import type { ProvenParts } from './part-list.ts'

/** Bytes within a whole. */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** Plaintext in pieces that the caller owns; undefined at the end. `close` gives all that is held back, and is safe more
 * than once. */
export interface PieceReader {
  read(): Promise<Buffer | undefined>
  close(): void
}

/** Bytes that are not the body's own. Both throw what keeps them from being read. */
export interface Linked {
  /** Looks whether the span could be read now, and holds nothing. */
  check(span: Span): Promise<void>
  open(span: Span): Promise<PieceReader>
}

/** `count` segments of `size` bytes each, numbered from `first` without gaps; numbers rise from run to run. */
export type SegmentRun = Layout[number] & {
  /** Absent: the body's own segments of those numbers. Else the one segment's bytes come from here. */
  readonly linked?: Linked
  /** Where the bytes are a span of the one own segment of that number: its size, and where they begin in it. */
  readonly inside?: { readonly size: number; readonly offset: number }
}

export interface ResolvedBody {
  /** Of all segments. */
  readonly size: number
  readonly segments: readonly SegmentRun[]
  /** What proves the body's own segments; null where they are one piece, or there are none. */
  readonly parts: ProvenParts | null
}

type ObjectName = ContainerRef & { readonly object: string }

/** A version that the asker may read, with what its key opened. */
export interface OpenedVersion {
  readonly ref: ObjectName
  readonly versionId: string
  readonly row: VersionRow
  readonly secret: BodySecret
}

/** Bytes of another object. It takes no reference of what it names. */
export interface Link {
  /** An object as it is at the time of the read, or one version of it. */
  readonly target: ObjectName & { readonly versionId?: string }
  /** Of the whole target, in bytes. */
  readonly size: number
  /** The target's ETag, or the MD5 of its content, which outlives a change of its key. Without quotes. */
  readonly etag: string
  /** Which of the target's bytes; absent: all. */
  readonly range?: Span
}

/** Who reads, and with which key; it goes with the read from object to object. */
export interface Asking {
  readonly asker: Asker
  readonly cipher: Cipher
  /** Segments whose bytes are those of the links' targets, as this asker may read them. Throws StoreCorrupt where a range
   * is none of its target's. */
  follow(links: readonly Link[]): SegmentRun[]
}

/** Says what stands where in a version's body. Throws StoreCorrupt, and what a lookup throws. */
export type Resolve = (opened: OpenedVersion, asking: Asking) => Promise<ResolvedBody>

/** True for a body that is nothing but its own segments: only such a one can be shared. */
export const isOwn = ({ segments }: ResolvedBody): boolean =>
  segments.every(({ linked }) => linked === undefined)
