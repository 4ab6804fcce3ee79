// What requests say of an object, and what answers say of one: the headers that travel with it, its
// metadata, when it ends, which version it is and how it is sealed.
import type { ContentHeaders } from '../../lib/catalog/rows.ts'
import type { Description, VersionInfo } from '../../lib/service/types.ts'
import { headerValue, setStored } from '../http/stored-header.ts'
import { checkType, guessType } from './content-type.ts'
import type { Context } from './context.ts'
import { isMarked, shownEtag } from './etag.ts'
import { deleteAtOf } from './expiry.ts'
import { headerOf, isTrue } from './headers.ts'
import { readMetadata, writeMetadata } from './metadata.ts'
import { objectOf, versionIdOf } from './object-ref.ts'
import { lastModified, swiftTime } from './times.ts'

/** Stored as sent, and sent as stored. Swift: swift/obj/server.py, allowed_headers. */
const stored = {
  encoding: 'Content-Encoding',
  disposition: 'Content-Disposition',
  language: 'Content-Language',
  cacheControl: 'Cache-Control',
  expires: 'Expires',
  robots: 'X-Robots-Tag',
} as const satisfies Partial<Record<keyof ContentHeaders, string>>

const names = Object.keys(stored) as (keyof typeof stored)[]

/** The type that a request gives its object: the one sent, unless it is to be guessed; undefined where none
 * was sent. Throws SwiftError 400. */
export function sentTypeOf(ctx: Context, object: string): string | undefined {
  if (isTrue(headerOf(ctx, 'x-detect-content-type'))) return guessType(object)
  const sent = headerOf(ctx, 'content-type')
  return sent === undefined || sent === '' ? undefined : checkType(sent)
}

/** What a request says of an object, but for the type. Throws SwiftError 400. */
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
  }
}

/** What a PUT says of its object; its name tells the type where the client does not. Throws SwiftError 400. */
export function readPutDescription(ctx: Context): Description {
  const { object } = objectOf(ctx)
  const described = readDescription(ctx)
  const type = sentTypeOf(ctx, object) ?? guessType(object)
  return { ...described, headers: { ...described.headers, type } }
}

/** Sets metadata and expiry: what answers to a read and to a COPY show alike. */
export function setDescription(ctx: Context, info: VersionInfo): void {
  writeMetadata(ctx, 'object', info.metadata)
  if (info.deleteAtSeconds !== undefined) ctx.set('X-Delete-At', String(info.deleteAtSeconds))
}

function setIdentity(ctx: Context, info: VersionInfo): void {
  ctx.set('ETag', shownEtag(info))
  ctx.set('Last-Modified', lastModified(info.timeMicros))
  if (info.sealing === 'customer') ctx.set('X-Object-Encryption-Customer-Algorithm', 'AES256')
}

/** Sets what the answer to a write tells of the version that it made. A null version has no id to tell. */
export function setWritten(ctx: Context, info: VersionInfo): void {
  setIdentity(ctx, info)
  if (info.versioned && info.versionId !== 'null') ctx.set('X-Object-Version-Id', info.versionId)
}

/** Which version it is, and where a version that is only current now stays to be found. */
function setVersion(ctx: Context, info: VersionInfo): void {
  const isAsked = versionIdOf(ctx) !== undefined
  if (info.versioned || isAsked) ctx.set('X-Object-Version-Id', info.versionId)
  const { path } = ctx.state.target
  if (info.versioned && !isAsked && info.versionId !== 'null') {
    ctx.set('Content-Location', `${path}?version-id=${info.versionId}`)
  }
}

/** The type that is shown, in a header or in a part of an answer to several ranges. */
export const typeOf = ({ headers }: VersionInfo) =>
  headerValue(headers.type ?? 'application/octet-stream')

/** Sets all that GET and HEAD tell of an object; length and ranges apart. */
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
  if (isMarked(info)) setMark(ctx)
}

/**
 * Keeps clients from comparing an ETag that is no MD5. With the mark, python-swiftclient looks for segments
 * to delete when it overwrites; a Content-Location keeps it from that, for there are none.
 */
function setMark(ctx: Context): void {
  ctx.set('X-Static-Large-Object', 'True')
  if (!ctx.res.hasHeader('Content-Location')) {
    ctx.set('Content-Location', ctx.state.target.path)
  }
}
