// Times in the forms of Swift's answers, from microseconds since 1970.

/** X-Timestamp: seconds with five decimals. */
export function swiftTime(micros: number): string {
  const tens = Math.floor(micros / 10)
  const seconds = Math.floor(tens / 100_000)
  return `${seconds}.${String(tens - seconds * 100_000).padStart(5, '0')}`
}

/** Last-Modified: an HTTP date (RFC 9110 §5.6.7), rounded up, so that If-Modified-Since never misses a change. */
export function lastModified(micros: number): string {
  return new Date(Math.ceil(micros / 1e6) * 1000).toUTCString()
}

/** `last_modified` of listings: ISO 8601, UTC, microseconds, without a zone. */
export function isoMicros(micros: number): string {
  const seconds = Math.floor(micros / 1e6)
  const fraction = String(micros - seconds * 1e6).padStart(6, '0')
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}`
}

/** The second of Last-Modified in the form of listings, which entries of manifests have. */
export const isoSeconds = (micros: number) => isoMicros(Math.ceil(micros / 1e6) * 1e6)
