// GET and HEAD of an object.
import { type Code, CofferError, isCode } from '../../../lib/errors.ts'
import type { ReadInput } from '../../../lib/service/types.ts'
import { sendReader } from '../../http/send.ts'
import type { Node } from '../../node.ts'
import { contentRange, frameExtents } from '../byteranges.ts'
import { conditionsOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import { isMarked } from '../etag.ts'
import { headerOf } from '../headers.ts'
import { setObjectHeaders, typeOf } from '../object-headers.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { pageOf } from '../pages.ts'
import { swiftRanges } from '../ranges.ts'
import { refusingVersion } from '../version-refusals.ts'
import type { Handler } from './handler.ts'
import { asksForManifest, sendEmptyManifest, sendManifest } from './manifest.ts'

/** The service's input for GET and HEAD. A HEAD needs no key (`keyOptional`), but a key that comes is checked. */
export function readInput(ctx: Context): ReadInput {
  return {
    versionId: versionIdOf(ctx),
    cipher: ctx.state.cipher,
    conditions: conditionsOf(ctx),
    raw: asksForManifest(ctx),
    ...(ctx.method === 'HEAD'
      ? { keyOptional: true }
      : { ranges: swiftRanges(headerOf(ctx, 'range')) }),
  }
}

/** Statuses of reads that find the object and send no byte of it, by the service's code. */
const unread: Partial<Record<Code, 304 | 412 | 416>> = {
  NotModified: 304,
  PreconditionFailed: 412,
  RangeUnsatisfiable: 416,
}

/**
 * Answers a read whose conditions or range do not fit with the object's headers and without its bytes. Returns false
 * and does nothing where the error means something else. Swift: swift/common/swob.py,
 * _get_conditional_response_status and _response_iter.
 */
async function answerUnread(
  ctx: Context,
  node: Node,
  input: ReadInput,
  error: unknown,
): Promise<boolean> {
  if (isCode(error, 'ObjectMissing') && input.conditions?.ifMatch === '*') {
    ctx.status = 412
    ctx.body = ''
    return true
  }
  const status = error instanceof CofferError ? unread[error.code] : undefined
  if (status === undefined) return false
  const plain = { ...input, conditions: undefined, ranges: undefined }
  const { info } = await node.service.head(ctx.state.asker, objectOf(ctx), plain)
  // The object was replaced meanwhile. Its new ETag in a 304 would mark the client's old copy as a copy of the new
  // object.
  if (isCode(error, 'NotModified') && error.details.modifiedMicros !== info.timeMicros) return false
  setObjectHeaders(ctx, info)
  ctx.status = status
  if (status === 416) {
    ctx.set('Content-Range', `bytes */${info.size}`)
    ctx.set('Content-Type', 'text/html; charset=UTF-8')
  }
  ctx.body = status === 416 ? pageOf(status) : ''
  return true
}

/**
 * Runs a read. Where its conditions or its range fail, it answers the request and returns undefined. Throws what the
 * read throws.
 */
async function reading<T>(
  ctx: Context,
  node: Node,
  input: ReadInput,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await refusingVersion(ctx, node, objectOf(ctx), read)
  } catch (error) {
    if (await answerUnread(ctx, node, input, error)) return undefined
    throw error
  }
}

/**
 * Answers `?multipart-manifest=get` where the object is a manifest, or bears the mark of one, and returns true. On other
 * objects the parameter is ignored, as in Swift.
 */
async function answerManifest(ctx: Context, node: Node): Promise<boolean> {
  if (!asksForManifest(ctx)) return false
  const { asker } = ctx.state
  const ref = objectOf(ctx)
  const input = { ...readInput(ctx), ranges: undefined, keyOptional: true }
  const manifest = await reading(ctx, node, input, () =>
    node.service.getManifest(asker, ref, input),
  )
  if (manifest === undefined) return true
  const { info, entries } = manifest
  if (entries !== undefined) {
    await sendManifest(ctx, { info, entries })
    return true
  }
  if (!isMarked(info)) return false
  // The conditions are those of a read of the object.
  const found = await reading(ctx, node, input, () => node.service.head(asker, ref, input))
  if (found !== undefined) sendEmptyManifest(ctx, found.info)
  return true
}

/** https://docs.openstack.org/api-ref/object-store/#show-object-metadata */
export const headObject: Handler = async (ctx, node) => {
  if (await answerManifest(ctx, node)) return
  const input = readInput(ctx)
  const found = await reading(ctx, node, input, () =>
    node.service.head(ctx.state.asker, objectOf(ctx), input),
  )
  if (found === undefined) return
  setObjectHeaders(ctx, found.info)
  ctx.status = 200
  ctx.set('Content-Length', String(found.info.size))
}

/** https://docs.openstack.org/api-ref/object-store/#get-object-content-and-metadata */
export const getObject: Handler = async (ctx, node) => {
  if (await answerManifest(ctx, node)) return
  const input = readInput(ctx)
  const reader = await reading(ctx, node, input, () =>
    node.service.get(ctx.state.asker, objectOf(ctx), input),
  )
  if (reader === undefined) return
  const { info, extents } = reader
  const [first] = extents
  const isMultiple = extents.length > 1
  const framed = isMultiple ? frameExtents(extents, typeOf(info), info.size) : undefined
  try {
    setObjectHeaders(ctx, info)
    ctx.status = first!.partial ? 206 : 200
    if (framed !== undefined) ctx.set('Content-Type', framed.type)
    else if (first!.partial) ctx.set('Content-Range', contentRange(first!, info.size))
    ctx.set('Content-Length', String(framed?.length ?? first!.length))
  } catch (error) {
    reader.close()
    throw error
  }
  await sendReader(ctx, node, reader, framed?.framing)
}
