// What listings show, before it is text, JSON or XML.

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
}

export interface VersionEntry extends ObjectEntry {
  readonly version_id: string
  readonly is_latest: boolean
}

export type ListingEntry = ContainerEntry | ObjectEntry | VersionEntry | Subdir

/** How a listing is written: its entries one after the other, and what stands around and between them. */
export interface ListingFormat {
  readonly head: string
  show(entry: ListingEntry): string
  readonly separator: string
  readonly tail: string
}

/** The level that is listed, by which XML calls its root, and its name. */
export interface Listed {
  readonly level: 'account' | 'container'
  readonly name: string
}
