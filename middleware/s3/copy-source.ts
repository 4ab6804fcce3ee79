// The headers that name a copy's source.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
import { CofferError, isCode } from '../../lib/errors.ts'
import type { CopyInput } from '../../lib/service/types.ts'
import { decodePercent } from '../percent.ts'
import type { Context, Node } from '../state.ts'
import { sourceConditionsOf } from './conditions.ts'
import { headerOf, referrerOf } from './headers.ts'
import { invalidArgument } from './s3-error.ts'
import { sourceOf } from './scope.ts'

const HEADER = 'x-amz-copy-source'

interface Named {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
}

/**
 * Reads `/bucket/key` or `bucket/key`, percent-encoded, with `?versionId=` behind it; a `?` that belongs
 * to the key is encoded. Throws S3Error InvalidArgument.
 */
export function parseCopySource(value: string): Named {
  const mark = value.indexOf('?versionId=')
  const path = decodePercent(mark === -1 ? value : value.slice(0, mark), false)
  if (path === undefined) throw invalidArgument('Invalid copy source encoding', HEADER, HEADER)
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(path) ?? []
  if (bucket === undefined || key === undefined) {
    throw invalidArgument('Invalid copy source object key', HEADER, HEADER)
  }
  const versionId = mark === -1 ? undefined : value.slice(mark + '?versionId='.length)
  if (versionId === '') {
    throw invalidArgument('Version id cannot be the empty string', 'versionId', '')
  }
  return { bucket, key, versionId }
}

/** The source as the service takes it, with its key and its conditions. */
export async function copySourceOf(
  ctx: Context,
  node: Node,
): Promise<Pick<CopyInput, 'from' | 'fromCipher' | 'fromConditions' | 'referrer'>> {
  const header = headerOf(ctx)
  const { bucket, key, versionId } = parseCopySource(header(HEADER) ?? '')
  return {
    from: { ...(await sourceOf(ctx, node, bucket, key)), versionId },
    fromCipher: ctx.state.sourceCipher,
    fromConditions: sourceConditionsOf(header),
    referrer: referrerOf(ctx),
  }
}

/**
 * What a copy gives. Its source's conditions are a precondition, whichever fails: the client has no copy
 * of its own that 304 could speak of. Throws PreconditionFailed for NotModified, else what the copy throws.
 */
export async function judgeSource<T>(
  { fromConditions }: Pick<CopyInput, 'fromConditions'>,
  copied: Promise<T>,
): Promise<T> {
  try {
    return await copied
  } catch (error) {
    if (!isCode(error, 'NotModified')) throw error
    const condition =
      fromConditions?.ifNoneMatch === undefined ? 'ifModifiedSinceMicros' : 'ifNoneMatch'
    throw new CofferError('PreconditionFailed', { condition }, error)
  }
}

/**
 * `x-amz-copy-source-range`: both ends must be given, unlike in Range. Throws S3Error InvalidArgument.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
 */
export function copyRangeOf(ctx: Context): { first: number; last: number } | undefined {
  const name = `${HEADER}-range`
  const value = headerOf(ctx)(name)
  if (value === undefined) return undefined
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(value)
  const [first, last] = [Number(match?.[1]), Number(match?.[2])]
  if (match !== null && first <= last) return { first, last }
  throw invalidArgument(
    'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    name,
    value,
  )
}
