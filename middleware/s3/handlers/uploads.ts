// Multipart uploads: create, complete, abort, list.
import type { UploadInfo } from '../../../lib/service/types.ts'
import type { Node } from '../../node.ts'
import { quoted, sendEmpty, sendXml, setSealing, setWrittenVersion } from '../answer.ts'
import {
  checksumElement,
  checksumKind,
  claimedChecksum,
  readChecksumType,
  spelledAlgorithm,
  uploadChecksum,
} from '../checksums.ts'
import { writeConditionsOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import { readComplete } from '../documents.ts'
import { contentHeaders, headerOf, wholeNumber } from '../headers.ts'
import { sendWhenDone } from '../keep-alive.ts'
import { readMetadata } from '../metadata.ts'
import { initiatorElement, ownerElement } from '../owners.ts'
import { invalidArgument } from '../s3-error.ts'
import { bucketOf, objectOf } from '../scope.ts'
import { node as element, isoTime, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'
import { type Encode, encoderOf, entriesOf, pageLimit } from './listings.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html */
export const createUpload: Handler = async (ctx, node) => {
  const { asker, cipher } = ctx.state
  const header = headerOf(ctx)
  const checksum = uploadChecksum(header)
  const upload = await node.service.createUpload(asker, await objectOf(ctx, node), {
    cipher,
    headers: contentHeaders(header),
    metadata: readMetadata(ctx),
    checksum,
  })
  setSealing(ctx, cipher.sealing)
  if (checksum !== undefined) {
    ctx.set('x-amz-checksum-algorithm', spelledAlgorithm(checksum.algorithm))
    ctx.set('x-amz-checksum-type', checksum.type)
  }
  sendXml(
    ctx,
    root(
      'InitiateMultipartUploadResult',
      leaf('Bucket', ctx.state.s3.bucket),
      leaf('Key', ctx.state.s3.key),
      leaf('UploadId', upload.uploadId),
    ),
  )
}

/** The finished object's URL, as this client reaches the node. */
function locationOf(ctx: Context): string {
  const { target, s3 } = ctx.state
  const scheme = target.secure === 'direct' || target.secure === 'forwarded' ? 'https' : 'http'
  const key = encodeURIComponent(s3.key!).replaceAll('%2F', '/')
  return `${scheme}://${ctx.host}/${encodeURIComponent(s3.bucket!)}/${key}`
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html */
export const completeUpload: Handler = async (ctx, node, read) => {
  const { asker, cipher, keyMd5, s3 } = ctx.state
  const header = headerOf(ctx)
  const sizeHeader = 'x-amz-mp-object-size'
  const input = {
    conditions: writeConditionsOf(ctx),
    // Complete needs no key (D-KEY-PARTS). A key that came must be the upload's.
    cipher: keyMd5 === undefined ? undefined : cipher,
    size: wholeNumber(sizeHeader, header(sizeHeader), {
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      message: `Value for ${sizeHeader} header is invalid.`,
    }),
    checksum: claimedChecksum(header),
    checksumType: readChecksumType(header),
  }
  const ref = await objectOf(ctx, node)
  const uploadId = s3.query.get('uploadId')!
  await node.service.requireCompletable(asker, ref, uploadId)
  const parts = await readComplete(read)
  await sendWhenDone(ctx, async () => {
    const info = await node.service.completeUpload(asker, ref, uploadId, { ...input, parts })
    if (!ctx.headerSent) setSealing(ctx, info.sealing)
    setWrittenVersion(ctx, info)
    return root(
      'CompleteMultipartUploadResult',
      leaf('Location', locationOf(ctx)),
      leaf('Bucket', s3.bucket),
      leaf('Key', s3.key),
      leaf('ETag', quoted(info.etag)),
      checksumElement(info.checksum),
      leaf('ChecksumType', info.checksum?.type),
    )
  })
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html */
export const abortUpload: Handler = async (ctx, node) => {
  const uploadId = ctx.state.s3.query.get('uploadId')!
  await node.service.abortUpload(ctx.state.asker, await objectOf(ctx, node), uploadId)
  sendEmpty(ctx, 204)
}

const uploadElement = (node: Node, upload: UploadInfo, encode: Encode) =>
  element(
    'Upload',
    leaf('Key', encode(upload.object)),
    leaf('UploadId', upload.uploadId),
    initiatorElement(node, upload.initiator),
    ownerElement(node, upload.account),
    leaf('StorageClass', 'STANDARD'),
    leaf('Initiated', isoTime(upload.createdMicros)),
    ...checksumKind(upload.checksum),
  )

/** The id of the upload behind which a page begins. The parameter is ignored without `key-marker`. */
function uploadMarkerOf(query: ReadonlyMap<string, string>): string | undefined {
  const marker = query.get('upload-id-marker')
  if (!marker || !query.get('key-marker')) return undefined
  if (/^[0-9a-f]+$/.test(marker)) return marker
  throw invalidArgument('Invalid uploadId marker', 'upload-id-marker', marker)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
export const listUploads: Handler = async (ctx, node) => {
  const { bucket, query } = ctx.state.s3
  const encode = encoderOf(query)
  const limit = pageLimit(query, 'max-uploads', 1)
  const afterUpload = uploadMarkerOf(query)
  const ref = await bucketOf(ctx, node)
  const { entries, truncated } = await node.service.listUploads(ctx.state.asker, ref, {
    prefix: query.get('prefix'),
    delimiter: query.get('delimiter') || undefined,
    afterObject: query.get('key-marker') || undefined,
    afterUpload,
    limit,
  })
  const last = truncated ? entries.at(-1) : undefined
  const nextKey = typeof last === 'string' ? last : last?.object
  sendXml(
    ctx,
    root(
      'ListMultipartUploadsResult',
      leaf('Bucket', bucket),
      leaf('KeyMarker', encode(query.get('key-marker') ?? '')),
      leaf('UploadIdMarker', query.get('upload-id-marker') ?? ''),
      leaf('NextKeyMarker', nextKey === undefined ? undefined : encode(nextKey)),
      leaf('NextUploadIdMarker', typeof last === 'object' ? last.uploadId : undefined),
      leaf('Prefix', encode(query.get('prefix') ?? '')),
      leaf('Delimiter', encode(query.get('delimiter') ?? '') || undefined),
      leaf('MaxUploads', limit),
      leaf('EncodingType', query.get('encoding-type') || undefined),
      leaf('IsTruncated', truncated),
      ...(await entriesOf({ entries }, encode, (upload) => uploadElement(node, upload, encode))),
    ),
  )
}
