// One object: put, get, head, delete.
import type { ReadInput } from '../../../lib/service/types.ts'
import { sendReader } from '../../send.ts'
import type { Context } from '../../state.ts'
import { quoted, sendEmpty, setChecksum, setObjectHeaders, setSealing } from '../answer.ts'
import { conditionsOf, writeConditionsOf } from '../conditions.ts'
import { deleteGuarded, secondsOf, sizeOf } from '../guarded-delete.ts'
import { contentHeaders, headerOf, partNumberOf, versionIdOf } from '../headers.ts'
import { readMetadata } from '../metadata.ts'
import { invalidRequest } from '../s3-error.ts'
import { objectOf } from '../scope.ts'
import type { Handler } from './handler.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export const putObject: Handler = async (ctx, node) => {
  const { caller, cipher, source, claimedChecksum } = ctx.state
  const header = headerOf(ctx)
  const info = await node.service.put(caller, await objectOf(ctx, node), {
    source,
    cipher,
    headers: contentHeaders(header),
    metadata: readMetadata(ctx),
    conditions: writeConditionsOf(header),
    checksum: claimedChecksum?.algorithm,
    sealMd5: header('content-md5') !== undefined,
  })
  ctx.set('ETag', quoted(info.etag))
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
  return {
    versionId: versionIdOf(query),
    cipher: ctx.state.cipher,
    conditions: conditionsOf(header),
    range,
    part,
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export const getObject: Handler = async (ctx, node) => {
  const input = readInput(ctx)
  const reader = await node.service.get(ctx.state.caller, await objectOf(ctx, node), input)
  try {
    setObjectHeaders(ctx, reader.info, reader.extent)
  } catch (error) {
    reader.close()
    throw error
  }
  await sendReader(ctx, reader)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html */
export const headObject: Handler = async (ctx, node) => {
  const input = readInput(ctx)
  const { service } = node
  const { info, extent } = await service.head(ctx.state.caller, await objectOf(ctx, node), input)
  setObjectHeaders(ctx, info, extent)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
export const deleteObject: Handler = async (ctx, node) => {
  const header = headerOf(ctx)
  const sizeHeader = 'x-amz-if-match-size'
  const timeHeader = 'x-amz-if-match-last-modified-time'
  await deleteGuarded(ctx, node, await objectOf(ctx, node), {
    versionId: versionIdOf(ctx.state.s3.query),
    // If-None-Match says nothing about a delete.
    ifMatch: writeConditionsOf(header)?.ifMatch,
    size: sizeOf(sizeHeader, header(sizeHeader)),
    modifiedSeconds: secondsOf(timeHeader, header(timeHeader)),
  })
  sendEmpty(ctx, 204)
}
