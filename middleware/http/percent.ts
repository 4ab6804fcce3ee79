// Strict percent-decoding of the request line, for both dialects. A text that cannot be decoded is refused and never
// guessed at, so that no two spellings that a client might confuse reach different names.

// `ignoreBOM` keeps a byte-order mark: a name may begin with one.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Value of an ASCII hex digit, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

/**
 * Decodes percent-encoded UTF-8. `raw` has one character a byte, as Node gives it. Undefined where an
 * escape is broken or the bytes are no UTF-8 (RFC 3986 §2.1, RFC 3629).
 */
export function decodePercent(raw: string, plusIsSpace: boolean): string | undefined {
  if (!/[%+\x80-\uffff]/.test(raw)) return raw
  const bytes = Buffer.allocUnsafe(raw.length)
  let length = 0
  for (let i = 0; i < raw.length; i++) {
    let code = raw.charCodeAt(i)
    if (code > 0xff) return undefined
    if (code === 0x25) {
      const high = hexDigit(raw.charCodeAt(i + 1))
      const low = hexDigit(raw.charCodeAt(i + 2))
      if (high < 0 || low < 0) return undefined
      code = high * 16 + low
      i += 2
    } else if (code === 0x2b && plusIsSpace) {
      code = 0x20
    }
    bytes[length++] = code
  }
  try {
    return utf8.decode(bytes.subarray(0, length))
  } catch {
    return undefined
  }
}
