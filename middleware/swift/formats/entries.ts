// The entries of listings, before they are written as text, JSON or XML.

export interface Subdir {
  readonly subdir: string
}

export interface ContainerEntry {
  readonly name: string
  readonly count: number
  readonly bytes: number
  readonly last_modified: string
}

export interface ObjectEntry {
  readonly bytes: number
  readonly hash: string
  readonly name: string
  readonly content_type: string
  readonly last_modified: string
  /** Of a large object, in quotes; `hash` is then that of its manifest. */
  readonly slo_etag?: string
}

export interface VersionEntry extends ObjectEntry {
  readonly version_id: string
  readonly is_latest: boolean
}

export type ListingEntry = ContainerEntry | ObjectEntry | VersionEntry | Subdir

/** A way to write a listing: each entry, and the texts in front of, between and behind the entries. */
export interface ListingFormat {
  readonly head: string
  show(entry: ListingEntry): string
  readonly separator: string
  readonly tail: string
}

/** The level that is listed, which is the name of XML's root element, and the name of what is listed. */
export interface Listed {
  readonly level: 'account' | 'container'
  readonly name: string
}
