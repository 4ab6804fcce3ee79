// A slab: the buffer in which a sealed record goes from who sealed it to the store, with room for what the store puts
// behind a record, so that neither of them copies it for the other.

/** Bytes behind a sealed record in which the store may write a trailer of its own: the buffer given to `write`
 * has at least this many bytes after the record. */
export const TRAILER_BYTES = 4
