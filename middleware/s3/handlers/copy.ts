// CopyObject and UploadPartCopy.
import type { CopyInput, VersionInfo } from '../../../lib/service/types.ts'
import { quoted, setSealing, setWrittenVersion } from '../answer.ts'
import { checksumElement, readAlgorithm } from '../checksums.ts'
import { writeConditionsOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import { copyRangeOf, copySourceOf, judgeSource } from '../copy-source.ts'
import { contentHeaders, type Header, headerOf } from '../headers.ts'
import { sendWhenDone } from '../keep-alive.ts'
import { readMetadata } from '../metadata.ts'
import { invalidArgument } from '../s3-error.ts'
import { objectOf } from '../scope.ts'
import { isoTime, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'
import { uploadPartOf } from './parts.ts'

/**
 * The value of the header that says whether the copy takes its source's metadata or tags. Throws S3Error
 * InvalidArgument.
 */
function directive(header: Header, what: 'metadata' | 'tagging'): 'COPY' | 'REPLACE' {
  const name = `x-amz-${what}-directive`
  const value = header(name) ?? 'COPY'
  if (value === 'COPY' || value === 'REPLACE') return value
  throw invalidArgument(`Unknown ${what} directive.`, name, value)
}

/** True where the request names a storage class or an encryption: a copy onto itself then has a purpose. */
function changesSelf(ctx: Context, header: Header): boolean {
  const { own, source } = ctx.state.keys
  if (own !== null || source !== null) return true
  const names = ['x-amz-storage-class', 'x-amz-server-side-encryption', 'x-coffer-reseal']
  return names.some((name) => header(name) !== undefined)
}

/** Sets the header that names the source's version, where the source's bucket keeps versions. */
function setSourceVersion(ctx: Context, source: VersionInfo): void {
  if (source.versioned) ctx.set('x-amz-copy-source-version-id', source.versionId)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export const copyObject: Handler = async (ctx, node) => {
  const { asker, cipher } = ctx.state
  const header = headerOf(ctx)
  directive(header, 'tagging')
  const replaces = directive(header, 'metadata') === 'REPLACE'
  const algorithm = header('x-amz-checksum-algorithm')
  const ref = await objectOf(ctx, node)
  const description = replaces
    ? { headers: contentHeaders(header), metadata: readMetadata(ctx) }
    : undefined
  const input: CopyInput = {
    ...(await copySourceOf(ctx, node)),
    cipher,
    revise: description && (() => description),
    conditions: writeConditionsOf(ctx),
    reseal: header('x-coffer-reseal')?.toLowerCase() === 'true',
    checksum: algorithm === undefined ? undefined : readAlgorithm(algorithm),
    changesSelf: changesSelf(ctx, header),
  }
  setSealing(ctx, cipher.sealing)
  await sendWhenDone(ctx, async () => {
    const { info, source } = await judgeSource(input, node.service.copy(asker, ref, input))
    setWrittenVersion(ctx, info)
    setSourceVersion(ctx, source)
    return root(
      'CopyObjectResult',
      leaf('LastModified', isoTime(info.timeMicros)),
      leaf('ETag', quoted(info.etag)),
      checksumElement(info.checksum),
      leaf('ChecksumType', info.checksum?.type),
    )
  })
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
export const uploadPartCopy: Handler = async (ctx, node) => {
  const { asker, cipher } = ctx.state
  const { uploadId, part } = uploadPartOf(ctx)
  const range = copyRangeOf(ctx)
  const ref = await objectOf(ctx, node)
  const input = { ...(await copySourceOf(ctx, node)), range, cipher }
  setSealing(ctx, cipher.sealing)
  await sendWhenDone(ctx, async () => {
    const copied = node.service.copyPart(asker, ref, uploadId, part, input)
    const { source, ...info } = await judgeSource(input, copied)
    setSourceVersion(ctx, source)
    return root(
      'CopyPartResult',
      leaf('LastModified', isoTime(info.timeMicros)),
      leaf('ETag', quoted(info.etag)),
      checksumElement(info.checksum),
    )
  })
}
