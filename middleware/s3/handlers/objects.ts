// One object: put, get, head, delete.
import { resolveRange } from '../../../lib/service/range.ts'
import type { ReadInput } from '../../../lib/service/types.ts'
import { sendReader } from '../../http/send.ts'
import {
  overriddenHeaders,
  quoted,
  sendEmpty,
  setChecksum,
  setObjectHeaders,
  setSealing,
  setWrittenVersion,
} from '../answer.ts'
import { conditionsOf, rangesForOf, writeConditionsOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import {
  deleteGuarded,
  SIZE_CONDITION,
  secondsOf,
  sizeOf,
  TIME_CONDITION,
} from '../guarded-delete.ts'
import { contentHeaders, headerOf, partNumberOf, versionIdOf } from '../headers.ts'
import { readMetadata } from '../metadata.ts'
import { invalidRequest } from '../s3-error.ts'
import { objectOf } from '../scope.ts'
import type { Handler } from './handler.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export const putObject: Handler = async (ctx, node) => {
  const { asker, cipher, source, claimedChecksum } = ctx.state
  const header = headerOf(ctx)
  const info = await node.service.put(asker, await objectOf(ctx, node), {
    source,
    cipher,
    headers: contentHeaders(header),
    metadata: readMetadata(ctx),
    conditions: writeConditionsOf(ctx),
    checksum: claimedChecksum?.algorithm,
    sealMd5: header('content-md5') !== undefined,
  })
  ctx.set('ETag', quoted(info.etag))
  setWrittenVersion(ctx, info)
  setSealing(ctx, info.sealing)
  setChecksum(ctx, info.checksum)
  sendEmpty(ctx, 200)
}

function readInput(ctx: Context): ReadInput {
  const { query } = ctx.state.s3
  const header = headerOf(ctx)
  const range = header('range')
  const part = partNumberOf(query)
  if (range !== undefined && part !== undefined) {
    throw invalidRequest('Cannot specify both Range header and partNumber query parameter')
  }
  // A wrong override is an error whether the conditions hold or not (RFC 9110 §13.2.1).
  overriddenHeaders(ctx)
  const rangesFor = rangesForOf(ctx)
  return {
    versionId: versionIdOf(query),
    cipher: ctx.state.cipher,
    conditions: conditionsOf(ctx),
    ...(rangesFor !== null && { ranges: (size) => [resolveRange(range, size)], rangesFor }),
    part,
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export const getObject: Handler = async (ctx, node) => {
  const input = readInput(ctx)
  const reader = await node.service.get(ctx.state.asker, await objectOf(ctx, node), input)
  try {
    setObjectHeaders(ctx, reader.info, reader.extents[0]!)
  } catch (error) {
    reader.close()
    throw error
  }
  await sendReader(ctx, node, reader)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html */
export const headObject: Handler = async (ctx, node) => {
  const input = readInput(ctx)
  const { service } = node
  const { info, extents } = await service.head(ctx.state.asker, await objectOf(ctx, node), input)
  setObjectHeaders(ctx, info, extents[0]!)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
export const deleteObject: Handler = async (ctx, node) => {
  const header = headerOf(ctx)
  const versionId = versionIdOf(ctx.state.s3.query)
  const deleted = await deleteGuarded(ctx, node, await objectOf(ctx, node), {
    versionId,
    conditions: writeConditionsOf(ctx),
    size: sizeOf(SIZE_CONDITION, header(SIZE_CONDITION)),
    modifiedSeconds: secondsOf(TIME_CONDITION, header(TIME_CONDITION)),
  })
  if (deleted?.versionId !== undefined) ctx.set('x-amz-version-id', deleted.versionId)
  if (deleted?.isMarker) ctx.set('x-amz-delete-marker', 'true')
  sendEmpty(ctx, 204)
}
