// Request headers as the handlers read them. Values are byte strings, one character a byte. The parameters of a V4
// presigned URL that stand for headers are among them: middleware/auth.ts has put them there.
import type { ContentHeaders } from '../../lib/catalog/rows.ts'
import type { Context } from './context.ts'
import { PART_NUMBER_MAX } from './limits.ts'
import { invalidArgument } from './s3-error.ts'

/** Looks up a header by its lower-case name. */
export type Header = (name: string) => string | undefined

export function headerOf(ctx: Context): Header {
  const { headers } = ctx.req
  return (name) => {
    const sent = headers[name]
    return Array.isArray(sent) ? sent.join(',') : sent
  }
}

/** Names of all headers that begin with `prefix`, lower case, whole. */
export function headerNames(ctx: Context, prefix: string): string[] {
  return Object.keys(ctx.req.headers).filter((name) => name.startsWith(prefix))
}

const DEFAULT_TYPE = 'binary/octet-stream'

/**
 * The headers that are stored with an object. `aws-chunked` is taken out of Content-Encoding, because it says how the
 * body was sent and not what the body is.
 */
export function contentHeaders(header: Header): ContentHeaders {
  const encoding = (header('content-encoding') ?? '')
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked')
    .join(', ')
  const found = {
    type: header('content-type') || DEFAULT_TYPE,
    encoding,
    disposition: header('content-disposition'),
    language: header('content-language'),
    cacheControl: header('cache-control'),
    expires: header('expires'),
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value))
}

interface Bounds {
  readonly min: number
  readonly max: number
  readonly message: string
}

/**
 * Reads a whole number from a parameter or header. Throws S3Error InvalidArgument, with the message of `bounds`,
 * where the text is no whole number or lies outside them.
 */
export function wholeNumber(
  name: string,
  text: string | undefined,
  bounds: Bounds,
): number | undefined {
  if (text === undefined) return undefined
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (number >= bounds.min && number <= bounds.max) return number
  throw invalidArgument(bounds.message, name, text)
}

/** `partNumber` of the query, 1 to PART_NUMBER_MAX. Throws S3Error InvalidArgument. */
export function partNumberOf(query: ReadonlyMap<string, string>): number | undefined {
  return wholeNumber('partNumber', query.get('partNumber'), {
    min: 1,
    max: PART_NUMBER_MAX,
    message: `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`,
  })
}

/** `versionId` of the query. Throws S3Error InvalidArgument for an empty one. */
export function versionIdOf(query: ReadonlyMap<string, string>): string | undefined {
  const versionId = query.get('versionId')
  if (versionId === '')
    throw invalidArgument('Version id cannot be the empty string', 'versionId', '')
  return versionId
}
