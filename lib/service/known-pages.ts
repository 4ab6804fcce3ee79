// Pages of parts' blob ids that were compared with their digests. A digest is that of its ids alone, whatever body they are
// of, so that what is kept can never be wrong: whoever reads from the page again reads the rows of the parts
// that it needs, and not those of the whole page (D-KNOWN-PAGES).

/** Pages that are kept: 4 KB each, those of twelve objects of 10,000 parts. */
const PAGES_MAX = 500
const ID_BYTES = 16

/** Ids of each page, joined, by its digest in hex; the one that was used last is at the end. */
const pages = new Map<string, Buffer>()

/** Keeps the ids of a page whose digest was compared. */
export function keepPage(digest: Buffer, blobIds: readonly string[]): void {
  const [oldest] = pages.keys()
  if (oldest !== undefined && pages.size >= PAGES_MAX) pages.delete(oldest)
  pages.set(digest.toString('hex'), Buffer.from(blobIds.join(''), 'hex'))
}

/** The id at each place of the page, from 0; undefined where the page is not kept. */
export function knownPage(digest: Buffer): ((place: number) => string) | undefined {
  const key = digest.toString('hex')
  const ids = pages.get(key)
  if (ids === undefined) return undefined
  pages.delete(key)
  pages.set(key, ids)
  return (place) => ids.toString('hex', place * ID_BYTES, (place + 1) * ID_BYTES)
}
