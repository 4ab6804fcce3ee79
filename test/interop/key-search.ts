// Looks for a customer key in files, in every form in which it could have been written down.
import { closeSync, openSync, readSync } from 'node:fs'

const PIECE_BYTES = 4 << 20

/** The forms of a key: raw, base64 (also in URLs, and percent-encoded), hex. */
export function formsOf(key: Buffer): Buffer[] {
  const base64 = key.toString('base64')
  const texts = [
    base64,
    base64.replace(/=+$/, ''),
    key.toString('base64url'),
    encodeURIComponent(base64),
    key.toString('hex'),
    key.toString('hex').toUpperCase(),
  ]
  return [key, ...texts.map((text) => Buffer.from(text))]
}

/** True where the file holds one of `forms`. */
export function holdsAny(file: string, forms: readonly Buffer[]): boolean {
  const longest = Math.max(...forms.map((form) => form.length))
  const window = Buffer.alloc(PIECE_BYTES + longest)
  const handle = openSync(file, 'r')
  try {
    // The end of each piece is kept in front of the next, for what lies across the two.
    let kept = 0
    for (;;) {
      const read = readSync(handle, window, kept, PIECE_BYTES, null)
      if (read === 0) return false
      const text = window.subarray(0, kept + read)
      if (forms.some((form) => text.includes(form))) return true
      kept = Math.min(longest - 1, text.length)
      text.copy(window, 0, text.length - kept)
    }
  } finally {
    closeSync(handle)
  }
}
