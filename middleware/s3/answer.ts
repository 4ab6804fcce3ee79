// Response headers and bodies that several handlers share.
import type { Checksum, PartChecksum } from '../../lib/catalog/rows.ts'
import type { Extent, VersionInfo } from '../../lib/service/types.ts'
import { setStored } from '../http/stored-header.ts'
import { checksumHeader } from './checksums.ts'
import type { Context } from './context.ts'
import { writeMetadata } from './metadata.ts'
import { invalidArgument, invalidRequest } from './s3-error.ts'
import { DECLARATION, type Fragment } from './xml-writer.ts'

/** Answers 200 with an XML document. */
export function sendXml(ctx: Context, document: Fragment): void {
  ctx.status = 200
  ctx.type = 'application/xml'
  ctx.body = DECLARATION + document
}

/** Answers with a status and no body. */
export function sendEmpty(ctx: Context, status: 200 | 204): void {
  ctx.status = status
  if (status === 204) return
  ctx.body = ''
  ctx.remove('Content-Type')
}

/** An ETag in its quotes. */
export const quoted = (etag: string) => `"${etag}"`

/**
 * Sets the headers that show how the request's object is sealed: AES256 where the root key seals it, else the
 * algorithm and MD5 of the customer key that came.
 */
export function setSealing(ctx: Context, sealing: 'root' | 'customer'): void {
  if (sealing === 'root') {
    ctx.set('x-amz-server-side-encryption', 'AES256')
  } else if (ctx.state.keyMd5 !== undefined) {
    ctx.set('x-amz-server-side-encryption-customer-algorithm', 'AES256')
    ctx.set('x-amz-server-side-encryption-customer-key-MD5', ctx.state.keyMd5)
  }
}

/** Sets the version's id, where the bucket keeps versions or did. Other buckets' answers carry none. */
export function setVersion(ctx: Context, info: VersionInfo): void {
  if (info.versioned) ctx.set('x-amz-version-id', info.versionId)
}

/** Sets the id of a version that was just written, unless it is the null version (as AWS; ceph/s3-tests test it). */
export function setWrittenVersion(ctx: Context, info: VersionInfo): void {
  if (info.versionId !== 'null') setVersion(ctx, info)
}

/** Sets a checksum's headers. An object's checksum has a type, a part's has none. */
export function setChecksum(ctx: Context, checksum: PartChecksum | Checksum | null): void {
  if (checksum === null) return
  ctx.set(checksumHeader(checksum.algorithm), checksum.value)
  if ('type' in checksum) ctx.set('x-amz-checksum-type', checksum.type)
}

/** A time as a header has it, rounded down to whole seconds. */
export const httpDate = (micros: number) => new Date(Math.floor(micros / 1000)).toUTCString()

const overrides: Readonly<Record<string, string>> = {
  'response-content-type': 'Content-Type',
  'response-content-language': 'Content-Language',
  'response-expires': 'Expires',
  'response-cache-control': 'Cache-Control',
  'response-content-disposition': 'Content-Disposition',
  'response-content-encoding': 'Content-Encoding',
}

/**
 * The headers that a GET's query sets in place of the object's own (`response-content-type` and others). Throws
 * S3Error InvalidRequest for anonymous callers, InvalidArgument for a value that no header can hold.
 */
export function overriddenHeaders(ctx: Context): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [parameter, name] of Object.entries(overrides)) {
    const value = ctx.state.s3.query.get(parameter)
    if (value === undefined) continue
    if (ctx.state.signedBy === 'none') {
      throw invalidRequest(
        'Request specific response headers cannot be used for anonymous GET requests.',
      )
    }
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw invalidArgument(
        'Header value cannot be represented using ISO-8859-1.',
        parameter,
        encodeURIComponent(value.toWellFormed()),
      )
    }
    found[name] = value
  }
  return found
}

/** The headers of GetObject and HeadObject. Throws S3Error for overrides that cannot be. */
export function setObjectHeaders(ctx: Context, info: VersionInfo, extent: Extent): void {
  const { headers } = info
  const shown: Readonly<Record<string, string | undefined>> = {
    'Content-Type': headers.type ?? 'binary/octet-stream',
    'Content-Encoding': headers.encoding,
    'Content-Disposition': headers.disposition,
    'Content-Language': headers.language,
    'Cache-Control': headers.cacheControl,
    Expires: headers.expires,
    ...overriddenHeaders(ctx),
  }
  ctx.status = extent.partial ? 206 : 200
  for (const [name, value] of Object.entries(shown))
    if (value !== undefined) setStored(ctx, name, value)
  writeMetadata(ctx, info.metadata)
  ctx.set('Accept-Ranges', 'bytes')
  ctx.set('ETag', quoted(info.etag))
  ctx.set('Last-Modified', httpDate(info.timeMicros))
  setVersion(ctx, info)
  ctx.set('Content-Length', String(extent.length))
  if (extent.partial) {
    const last = extent.offset + extent.length - 1
    ctx.set('Content-Range', `bytes ${extent.offset}-${last}/${info.size}`)
  }
  if (info.part !== undefined && info.parts > 0) ctx.set('x-amz-mp-parts-count', String(info.parts))
  setSealing(ctx, info.sealing)
  if (ctx.get('x-amz-checksum-mode').toUpperCase() === 'ENABLED') setReadChecksum(ctx, info, extent)
}

/**
 * Sets the checksum of what is sent: the object's where the whole object is, a part's where one part is. A checksum of
 * anything else would fail in the client, which compares it with the bytes it read.
 */
function setReadChecksum(ctx: Context, info: VersionInfo, extent: Extent): void {
  if (info.part !== undefined && info.parts > 0) {
    setChecksum(ctx, info.part.checksum)
    if (info.checksum !== null) ctx.set('x-amz-checksum-type', info.checksum.type)
  } else if (extent.length === info.size) {
    setChecksum(ctx, info.checksum)
  }
}
