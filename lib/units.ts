// Bytes as text, in the configuration and on the command line. K, M, G, T and P are powers of 1000, Ki, Mi, Gi,
// Ti and Pi of 1024 (IEC 80000-13). A B may follow.

const letters = ['K', 'M', 'G', 'T', 'P']

/** The form of such a text. It does not match `Mb`, which means bits. */
export const BYTES_PATTERN = '^([0-9]{1,16})([.][0-9]{1,9})? ?([KMGTPkmgtp]i?)?B?$'

/** What such a value may be, in words. */
export const BYTES_FORM = 'a whole number of bytes, or one with a unit, as 64 MiB'

/** `64 MiB`, `1.5G`, `500k` or `4096` as a number. Null for any other text, and for one that is no whole
 * number of bytes. */
export function readBytes(text: string): number | null {
  const match = new RegExp(BYTES_PATTERN).exec(text)
  if (match === null) return null
  const [, whole, fraction = '.', prefix = ''] = match
  const power = BigInt(prefix === '' ? 0 : letters.indexOf(prefix[0]!.toUpperCase()) + 1)
  const unit = (prefix.endsWith('i') ? 1024n : 1000n) ** power
  // Computed in integers, because 1.1 times a billion is inexact in floating point.
  const decimals = fraction.slice(1)
  const scale = 10n ** BigInt(decimals.length)
  const scaled = BigInt(whole! + decimals) * unit
  const bytes = Number(scaled / scale)
  return scaled % scale === 0n && Number.isSafeInteger(bytes) ? bytes : null
}

/** The shortest exact text with a binary unit: 67108864 as `64 MiB`, 100 as `100`. */
export function writeBytes(bytes: number): string {
  let value = bytes
  let power = 0
  while (value > 0 && value % 1024 === 0 && power < letters.length) {
    value /= 1024
    power++
  }
  return power === 0 ? String(value) : `${value} ${letters[power - 1]}iB`
}
