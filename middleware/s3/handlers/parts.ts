// Parts of an unfinished upload: put one, list them.
import type { PartInfo } from '../../../lib/service/types.ts'
import { quoted, sendEmpty, sendXml, setChecksum, setSealing } from '../answer.ts'
import { checksumElement, checksumKind } from '../checksums.ts'
import type { Context } from '../context.ts'
import { partNumberOf, wholeNumber } from '../headers.ts'
import { INTEGER_MAX, PART_NUMBER_MAX } from '../limits.ts'
import { initiatorElement, ownerElement } from '../owners.ts'
import { invalidArgument } from '../s3-error.ts'
import { objectOf } from '../scope.ts'
import { node as element, isoTime, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'
import { pageLimit } from './listings.ts'

/** The upload's id and the part's number. Throws S3Error InvalidArgument. */
export function uploadPartOf(ctx: Context): { uploadId: string; part: number } {
  const { query } = ctx.state.s3
  const part = partNumberOf(query)
  if (part === undefined) throw invalidArgument('This operation needs a part number.', 'partNumber')
  return { uploadId: query.get('uploadId')!, part }
}

/** The part number behind which a list of parts begins. Throws S3Error InvalidArgument. */
export function partMarkerOf(name: string, text: string | undefined): number {
  const bounds = {
    min: 0,
    max: INTEGER_MAX,
    message: `Argument ${name} must be an integer between 0 and ${INTEGER_MAX}`,
  }
  return Math.min(wholeNumber(name, text, bounds) ?? 0, PART_NUMBER_MAX)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export const uploadPart: Handler = async (ctx, node) => {
  const { asker, cipher, source, claimedChecksum } = ctx.state
  const { uploadId, part } = uploadPartOf(ctx)
  const input = { source, cipher, checksum: claimedChecksum?.algorithm }
  const ref = await objectOf(ctx, node)
  const info = await node.service.putPart(asker, ref, uploadId, part, input)
  ctx.set('ETag', quoted(info.etag))
  setSealing(ctx, cipher.sealing)
  setChecksum(ctx, info.checksum)
  sendEmpty(ctx, 200)
}

const partElement = ({ part, timeMicros, etag, size, checksum }: PartInfo) =>
  element(
    'Part',
    leaf('PartNumber', part),
    leaf('LastModified', isoTime(timeMicros)),
    leaf('ETag', quoted(etag)),
    leaf('Size', size),
    checksumElement(checksum),
  )

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html */
export const listParts: Handler = async (ctx, node) => {
  const { bucket, key, query } = ctx.state.s3
  const uploadId = query.get('uploadId')!
  const limit = pageLimit(query, 'max-parts', 1)
  const afterPart = partMarkerOf('part-number-marker', query.get('part-number-marker') || undefined)
  const ref = await objectOf(ctx, node)
  const { asker, cipher, keyMd5 } = ctx.state
  // The list needs no key. One that came must be the upload's (D-KEY-PARTS).
  const input = { afterPart, limit, cipher: keyMd5 === undefined ? undefined : cipher }
  const found = await node.service.listParts(asker, ref, uploadId, input)
  const { upload, parts, truncated } = found
  sendXml(
    ctx,
    root(
      'ListPartsResult',
      leaf('Bucket', bucket),
      leaf('Key', key),
      leaf('UploadId', uploadId),
      initiatorElement(node, upload.initiator),
      ownerElement(node, ref.account),
      leaf('StorageClass', 'STANDARD'),
      leaf('PartNumberMarker', afterPart),
      leaf('NextPartNumberMarker', parts.at(-1)?.part ?? 0),
      leaf('MaxParts', limit),
      leaf('IsTruncated', truncated),
      ...checksumKind(upload.checksum),
      ...parts.map(partElement),
    ),
  )
}
