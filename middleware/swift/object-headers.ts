// The headers of requests and answers that describe an object: those that are stored with it, its metadata, its
// expiry, its version and how it is sealed.
import type { ContentHeaders } from '../../lib/catalog/rows.ts'
import type { Description, VersionInfo } from '../../lib/service/types.ts'
import { headerValue, setStored } from '../http/stored-header.ts'
import { checkType, guessType } from './content-type.ts'
import type { Context } from './context.ts'
import { isMarked, shownEtag } from './etag.ts'
import { deleteAtOf } from './expiry.ts'
import { GATHERS_HEADER, gathersOf } from './gathers.ts'
import { headerOf, isTrue } from './headers.ts'
import { readMetadata, writeMetadata } from './metadata.ts'
import { objectOf, versionIdOf } from './object-ref.ts'
import { lastModified, swiftTime } from './times.ts'

/**
 * Headers that are stored as they are sent, and sent as they are stored. Swift: swift/obj/server.py, allowed_headers.
 */
const stored = {
  encoding: 'Content-Encoding',
  disposition: 'Content-Disposition',
  language: 'Content-Language',
  cacheControl: 'Cache-Control',
  expires: 'Expires',
  robots: 'X-Robots-Tag',
} as const satisfies Partial<Record<keyof ContentHeaders, string>>

const names = Object.keys(stored) as (keyof typeof stored)[]

/**
 * The type in a request, or the guessed one where the request has X-Detect-Content-Type. Undefined where no type was
 * sent. Throws SwiftError 400.
 */
export function sentTypeOf(ctx: Context, object: string): string | undefined {
  if (isTrue(headerOf(ctx, 'x-detect-content-type'))) return guessType(object)
  const sent = headerOf(ctx, 'content-type')
  return sent === undefined || sent === '' ? undefined : checkType(sent)
}

/** A request's description of its object, without the type. Throws SwiftError 400. */
export function readDescription(ctx: Context): Description {
  const headers: ContentHeaders = {}
  for (const name of names) {
    const value = headerOf(ctx, stored[name].toLowerCase())
    if (value !== undefined && value !== '') headers[name] = value
  }
  const deleteAtSeconds = deleteAtOf(ctx, Date.now())
  return {
    headers,
    metadata: readMetadata(ctx, 'object'),
    ...(deleteAtSeconds !== undefined && { deleteAtSeconds }),
    ...gathersOf(ctx),
  }
}

/** A PUT's description of its object. The type is guessed from the name where none was sent. Throws SwiftError 400. */
export function readPutDescription(ctx: Context): Description {
  const { object } = objectOf(ctx)
  const described = readDescription(ctx)
  const type = sentTypeOf(ctx, object) ?? guessType(object)
  return { ...described, headers: { ...described.headers, type } }
}

/** Sets the headers of metadata and expiry, which the answers to a read and to a COPY have. */
export function setDescription(ctx: Context, info: VersionInfo): void {
  writeMetadata(ctx, 'object', info.metadata)
  if (info.deleteAtSeconds !== undefined) ctx.set('X-Delete-At', String(info.deleteAtSeconds))
  if (info.gathers !== undefined) setStored(ctx, GATHERS_HEADER, info.gathers.sent)
}

function setIdentity(ctx: Context, info: VersionInfo): void {
  ctx.set('ETag', shownEtag(info))
  ctx.set('Last-Modified', lastModified(info.timeMicros))
  if (info.sealing === 'customer') ctx.set('X-Object-Encryption-Customer-Algorithm', 'AES256')
}

/** Sets the headers of the version that a write made. The id of the null version is not shown. */
export function setWritten(ctx: Context, info: VersionInfo): void {
  setIdentity(ctx, info)
  if (info.versioned && info.versionId !== 'null') ctx.set('X-Object-Version-Id', info.versionId)
}

/** Sets the version's id, and the Content-Location under which a read of the current version finds it later too. */
function setVersion(ctx: Context, info: VersionInfo): void {
  const isAsked = versionIdOf(ctx) !== undefined
  if (info.versioned || isAsked) ctx.set('X-Object-Version-Id', info.versionId)
  const { path } = ctx.state.target
  if (info.versioned && !isAsked && info.versionId !== 'null') {
    ctx.set('Content-Location', `${path}?version-id=${info.versionId}`)
  }
}

/** The type as it is shown, in a header and in the parts of an answer to several ranges. */
export const typeOf = ({ headers }: VersionInfo) =>
  headerValue(headers.type ?? 'application/octet-stream')

/** Sets the headers of GET and HEAD but those of length and range. */
export function setObjectHeaders(ctx: Context, info: VersionInfo): void {
  ctx.set('Content-Type', typeOf(info))
  for (const name of names) {
    const value = info.headers[name]
    if (value !== undefined) setStored(ctx, stored[name], value)
  }
  setDescription(ctx, info)
  setIdentity(ctx, info)
  setVersion(ctx, info)
  ctx.set('X-Timestamp', swiftTime(info.timeMicros))
  ctx.set('Accept-Ranges', 'bytes')
  if (info.manifest !== undefined) {
    // The mark means what it says, so that clients look for the segments.
    ctx.set('X-Static-Large-Object', 'True')
    ctx.set('X-Manifest-Etag', info.manifest.etag)
  } else if (isMarked(info) && !info.isGathered) setMark(ctx)
}

/**
 * Sets the mark of a large object, so that clients do not compare an ETag that is no MD5. python-swiftclient looks for
 * segments of a marked object when it overwrites it, unless there is a Content-Location (D-MARK-LOCATION).
 */
function setMark(ctx: Context): void {
  ctx.set('X-Static-Large-Object', 'True')
  if (!ctx.res.hasHeader('Content-Location')) {
    ctx.set('Content-Location', ctx.state.target.path)
  }
}
