// A request as signatures cover it: the raw request line and headers as byte strings (one character for each
// byte, as Node's parser returns them). Nothing is decoded or normalised, and no HTTP types occur.

export interface SignedRequest {
  /** Upper case. */
  readonly method: string
  /** With its leading slash, up to `?`. */
  readonly rawPath: string
  /** The part behind `?`, or ''. */
  readonly rawQuery: string
  /** The host that the request is routed by: lower case, without its port; one host where several lines came. */
  readonly host: string
  /** In the order of the request. Names have any case, and repeated headers come as often as they were sent. */
  readonly headers: readonly (readonly [string, string])[]
  /** The server's clock, milliseconds since 1970. */
  readonly nowMs: number
}

/** A query parameter, canonically encoded (unreserved characters plain, all others %XX). */
export type Parameter = readonly [name: string, value: string]

/** The headers of a customer key. `x-amz-copy-source-` may stand before `server-side`. */
export const ssecHeaders: ReadonlySet<string> = new Set([
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-server-side-encryption-customer-key',
  'x-amz-server-side-encryption-customer-key-md5',
])

// A customer key in any spelling (also as metadata, by a client's mistake), and Swift's tokens and passwords: a
// client may sign any header that it sends.
const secretName =
  /[-_]encryption[-_](?:customer[-_])?key(?:[-_]md5)?$|^x-(?:auth|storage|service)-(?:token|key|pass)$|^x-amz-security-token$|^authorization$|^(?:x-amz-)?signature$/

/** True for headers and query parameters whose value must not reach an error, a log or a row. */
export function isSecretName(name: string): boolean {
  return secretName.test(name.toLowerCase())
}

/** Replaces a secret in the canonical request of an error document. */
export const MASK = '***'

/**
 * Header values by lower-case name: without spaces and tabs at both ends, runs of them collapsed to one space,
 * repeated headers joined by commas. Only ASCII blanks count, because a byte 0xA0 is part of a UTF-8 letter.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function headerFields(headers: SignedRequest['headers']): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [rawName, rawValue] of headers) {
    const name = rawName.toLowerCase()
    const value = /^[ \t]|[ \t]$|[ \t]{2}|\t/.test(rawValue)
      ? rawValue.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '')
      : rawValue
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : `${before},${value}`)
  }
  return fields
}

const encoded = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  return /[A-Za-z0-9._~-]/.test(char)
    ? char
    : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})
// Unreserved characters, and upper-case %XX of others: decoding and encoding would not change such a text.
const canonicalAlready =
  /^(?:[A-Za-z0-9._~-]|%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF]))*$/

/** Value of a hex digit by character code; NaN for any other character. */
function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN
}

/** Undoes percent-encoding. A `%` without two hex digits behind it stays as it is. */
export function percentDecode(text: string): string {
  let out = ''
  let done = 0
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at + 1)) {
    const byte = nibble(text.charCodeAt(at + 1)) * 16 + nibble(text.charCodeAt(at + 2))
    if (Number.isNaN(byte)) continue
    out += text.slice(done, at) + String.fromCharCode(byte)
    done = at + 3
    at += 2
  }
  return done === 0 ? text : out + text.slice(done)
}

/** Decodes and encodes once, as AWS's UriEncode does. */
export function canonicalEncode(text: string): string {
  if (canonicalAlready.test(text)) return text
  const bytes = percentDecode(text)
  let out = ''
  for (let i = 0; i < bytes.length; i++) out += encoded[bytes.charCodeAt(i)] ?? '%3F'
  return out
}

/** The path, each segment encoded once. `.`, `..`, empty segments and `%2F` stay as they are. */
export function canonicalPath(rawPath: string): string {
  if (/^[A-Za-z0-9._~/-]*$/.test(rawPath)) return rawPath
  return rawPath.split('/').map(canonicalEncode).join('/')
}

/** The query's parameters in the order of the request, canonically encoded. `+` is a space, and `a` is `a=`. */
export function queryParameters(rawQuery: string): Parameter[] {
  const parameters: Parameter[] = []
  for (const piece of rawQuery.split('&')) {
    if (piece === '') continue
    const spaced = piece.includes('+') ? piece.replaceAll('+', '%20') : piece
    const at = spaced.indexOf('=')
    parameters.push(
      at < 0
        ? [canonicalEncode(spaced), '']
        : [canonicalEncode(spaced.slice(0, at)), canonicalEncode(spaced.slice(at + 1))],
    )
  }
  return parameters
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** The parameters sorted by encoded name, then by encoded value, joined by `&`. */
export function canonicalQuery(parameters: readonly Parameter[]): string {
  return [...parameters]
    .sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** The decoded value of the first parameter of that name, as a byte string. */
export function parameterOf(parameters: readonly Parameter[], name: string): string | undefined {
  const found = parameters.find((parameter) => parameter[0] === name)
  return found && percentDecode(found[1])
}
