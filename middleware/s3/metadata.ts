// User metadata of requests and answers. The service keeps values as byte strings. S3 shows a value beyond ASCII as RFC
// 2047 encoded words, and decodes such words in requests.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html#UserMetadata
import { CofferError } from '../../lib/errors.ts'
import { setStored } from '../http/stored-header.ts'
import type { Context } from './context.ts'
import { headerNames, headerOf } from './headers.ts'
import { METADATA_BYTES_MAX } from './limits.ts'
import { S3Error } from './s3-error.ts'

const PREFIX = 'x-amz-meta-'

const ENCODED_WORD = /=\?([A-Za-z0-9-]+)\?([bBqQ])\?([^? ]*)\?=/g
// A stored value may go into a header: printable ASCII, blanks, and bytes above ASCII.
const PRINTABLE = /^[\t\x20-\x7e\x80-\xff]*$/

const fatalUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function isUtf8(bytes: Buffer): boolean {
  try {
    fatalUtf8.decode(bytes)
    return true
  } catch {
    return false
  }
}

function decodeQ(text: string): Buffer {
  const bytes = text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1')
}

/** The UTF-8 bytes that one encoded word stands for, undefined where it cannot be read. */
function decodeWord(charset: string, encoding: string, text: string): Buffer | undefined {
  const bytes = encoding.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : decodeQ(text)
  switch (charset.toLowerCase()) {
    case 'utf-8':
    case 'us-ascii':
      return isUtf8(bytes) ? bytes : undefined
    case 'iso-8859-1':
      return Buffer.from(bytes.toString('latin1'))
    default:
      return undefined
  }
}

/**
 * A sent value as it is stored: encoded words become the UTF-8 bytes that they stand for. A word that cannot be read,
 * or that stands for a control character, stays as it was sent.
 */
export function decodeValue(sent: string): string {
  if (!sent.includes('=?')) return sent
  // Blanks between two encoded words are not part of the text (RFC 2047 §6.2).
  const joined = sent.replace(/(\?=)[ \t]+(?==\?)/g, '$1')
  const decoded = joined.replace(ENCODED_WORD, (word, charset, encoding, text) => {
    return decodeWord(charset, encoding, text)?.toString('latin1') ?? word
  })
  return decoded !== joined && PRINTABLE.test(decoded) ? decoded : sent
}

/** A stored value as a header. A value that is no UTF-8 is sent as it is stored. */
export function encodeValue(stored: string): string {
  if (/^[\t\x20-\x7e]*$/.test(stored)) return stored
  const bytes = Buffer.from(stored, 'latin1')
  return isUtf8(bytes) ? `=?UTF-8?B?${bytes.toString('base64')}?=` : stored
}

/**
 * User metadata of a request. Throws CofferError MetadataTooLarge, and S3Error InvalidArgument for
 * `x-amz-meta-encryption-key` and the like, which would store a key in the clear.
 */
export function readMetadata(ctx: Context): Record<string, string> {
  const header = headerOf(ctx)
  const metadata: Record<string, string> = {}
  let size = 0
  for (const whole of headerNames(ctx, PREFIX)) {
    const name = whole.slice(PREFIX.length)
    if (/^encryption[-_]key$|encryption[-_]customer[-_]key/.test(name)) {
      throw keyAsMetadata(whole)
    }
    const value = decodeValue(header(whole)!)
    metadata[name] = value
    size += name.length + value.length
  }
  if (size > METADATA_BYTES_MAX) {
    throw new CofferError('MetadataTooLarge', { size, limit: METADATA_BYTES_MAX })
  }
  return metadata
}

function keyAsMetadata(header: string): S3Error {
  return new S3Error(
    400,
    'InvalidArgument',
    'A key must not be sent as metadata, where it would be stored in the clear. Send it in x-amz-server-side-encryption-customer-algorithm, -key and -key-MD5.',
    { ArgumentName: header },
  )
}

/** Sets the metadata as response headers, names in lower case. */
export function writeMetadata(ctx: Context, metadata: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(metadata)) {
    setStored(ctx, PREFIX + name, encodeValue(value))
  }
}
