// Conditional headers, parsed; the service judges them.
import type { Conditions, RangesFor } from '../../lib/service/types.ts'
import { onlyLineOf, readHttpDate } from '../http/http-date.ts'
import type { Context } from './context.ts'
import { type Header, headerOf } from './headers.ts'
import { headerNotImplemented } from './s3-error.ts'

/** Prefix of the headers that set conditions on a copy's source. */
const SOURCE_PREFIX = 'x-amz-copy-source-'

interface Tag {
  /** Without quotes. */
  readonly text: string
  readonly weak: boolean
  readonly quoted: boolean
}

/**
 * Reads a list of ETags (RFC 9110 §8.8.3). An ETag may come without quotes, because some clients of S3 send it so. A
 * comma within quotes belongs to the ETag.
 */
function parseTags(value: string): Tag[] {
  const tags: Tag[] = []
  for (const [whole, mark, quoted] of value.matchAll(/[ \t]*(W\/)?"([^"]*)"[ \t]*(?=,|$)|[^,]+/g)) {
    if (quoted !== undefined) {
      tags.push({ text: quoted, weak: mark !== undefined, quoted: true })
      continue
    }
    const [, weak, text] = /^(W\/)?(.*)$/s.exec(whole.trim())!
    if (text !== '') tags.push({ text: text!, weak: weak !== undefined, quoted: false })
  }
  return tags
}

/** The ETags of If-Match without the weak ones, which match nothing (RFC 9110 §8.8.3.2). */
function strongTagsOf(value: string | undefined): Conditions['ifMatch'] {
  return value === undefined ? undefined : chosen(parseTags(value).filter(({ weak }) => !weak))
}

/** The ETags of If-None-Match. A weak one is compared as a strong one, because every object's ETag is strong. */
function tagsOf(value: string | undefined): Conditions['ifNoneMatch'] {
  return value === undefined ? undefined : chosen(parseTags(value))
}

const isAny = ({ text, quoted }: Tag) => text === '*' && !quoted
const chosen = (tags: readonly Tag[]) => (tags.some(isAny) ? '*' : tags.map(({ text }) => text))

/**
 * The date of a header in microseconds since 1970. Undefined where the header cannot be read or came several times:
 * such a condition is ignored (RFC 9110 §13.1.3, §13.1.4).
 */
function microsOf(ctx: Context, name: string): number | undefined {
  const text = onlyLineOf(ctx.req, name)
  const seconds = text === undefined ? undefined : readHttpDate(text)
  return seconds === undefined ? undefined : seconds * 1_000_000
}

/** The date of a header of S3's own in microseconds since 1970; ISO 8601 is read too. Undefined for anything else. */
function sourceMicrosOf(value: string | undefined): number | undefined {
  const seconds = value === undefined ? undefined : readS3Date(value)
  return seconds === undefined ? undefined : seconds * 1_000_000
}

/** Whole seconds since 1970 of a date as S3's own headers and documents carry it: HTTP's forms, and ISO 8601 with a
 * zone. Undefined for anything else. */
export function readS3Date(text: string): number | undefined {
  const seconds = readHttpDate(text)
  if (seconds !== undefined) return seconds
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)$/.test(text)) return undefined
  const millis = Date.parse(text)
  return Number.isNaN(millis) ? undefined : Math.floor(millis / 1000)
}

/** The conditions, undefined where none is set. */
function someOf(
  found: { [K in keyof Conditions]: Conditions[K] | undefined },
): Conditions | undefined {
  const set = Object.entries(found).filter(([, value]) => value !== undefined)
  return set.length === 0 ? undefined : (Object.fromEntries(set) as Conditions)
}

/** The conditions of a read; undefined where it sets none. */
export function conditionsOf(ctx: Context): Conditions | undefined {
  const header = headerOf(ctx)
  return someOf({
    ifMatch: strongTagsOf(header('if-match')),
    ifNoneMatch: tagsOf(header('if-none-match')),
    ifModifiedSinceMicros: microsOf(ctx, 'if-modified-since'),
    ifUnmodifiedSinceMicros: microsOf(ctx, 'if-unmodified-since'),
  })
}

/** The conditions of a copy's source; undefined where none are set. */
export function sourceConditionsOf(header: Header): Conditions | undefined {
  const of = (name: string) => header(SOURCE_PREFIX + name)
  return someOf({
    ifMatch: strongTagsOf(of('if-match')),
    ifNoneMatch: tagsOf(of('if-none-match')),
    ifModifiedSinceMicros: sourceMicrosOf(of('if-modified-since')),
    ifUnmodifiedSinceMicros: sourceMicrosOf(of('if-unmodified-since')),
  })
}

/**
 * The conditions of a write. If-Modified-Since is ignored on writes (RFC 9110 §13.1.3). Throws S3Error NotImplemented
 * for `"*"` in If-None-Match, as AWS does: no object has that ETag, and the client that sends it means `*` without
 * quotes.
 */
export function writeConditionsOf(ctx: Context): Conditions | undefined {
  const { ifModifiedSinceMicros: _, ...found } = conditionsOf(ctx) ?? {}
  if (found.ifNoneMatch !== '*' && found.ifNoneMatch?.includes('*')) {
    throw headerNotImplemented('If-None-Match')
  }
  return someOf(found)
}

/**
 * The state of the object that If-Range names (RFC 9110 §13.1.5). Undefined without the header, null for a value that
 * fits no object: a weak ETag, several ETags, what is neither an ETag nor a date.
 */
export function rangesForOf(ctx: Context): RangesFor | null | undefined {
  const value = headerOf(ctx)('if-range')
  if (value === undefined) return undefined
  const seconds = readHttpDate(value)
  if (seconds !== undefined) return { modifiedSeconds: seconds }
  const [tag, ...more] = parseTags(value)
  if (tag === undefined || more.length > 0 || tag.weak || isAny(tag)) return null
  return { etag: tag.text }
}
