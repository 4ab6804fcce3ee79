// The headers that name a copy's source.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
import { CofferError, isCode } from '../../lib/errors.ts'
import type { CopyInput } from '../../lib/service/types.ts'
import { decodePercent } from '../http/percent.ts'
import type { Node } from '../node.ts'
import { sourceConditionsOf } from './conditions.ts'
import type { Context } from './context.ts'
import { headerOf } from './headers.ts'
import { invalidArgument } from './s3-error.ts'
import { sourceOf } from './scope.ts'

const HEADER = 'x-amz-copy-source'

interface Named {
  readonly bucket: string
  readonly key: string
}

interface Source {
  /** What the header may name, in the order in which they are looked for. */
  readonly candidates: readonly Named[]
  readonly versionId: string | undefined
}

function decodeName(raw: string, plusIsSpace: boolean): Named {
  const path = decodePercent(raw, plusIsSpace)
  if (path === undefined) throw invalidArgument('Invalid copy source encoding', HEADER, HEADER)
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(path) ?? []
  if (bucket === undefined || key === undefined) {
    throw invalidArgument('Invalid copy source object key', HEADER, HEADER)
  }
  return { bucket, key }
}

/** The version behind `?versionId=`. Throws S3Error InvalidArgument. */
function decodeVersion(raw: string): string {
  const versionId = decodePercent(raw, false)
  if (versionId === undefined) throw invalidArgument('Invalid copy source encoding', HEADER, HEADER)
  if (versionId !== '') return versionId
  throw invalidArgument('Version id cannot be the empty string', 'versionId', '')
}

/**
 * Reads `/bucket/key` or `bucket/key`, percent-encoded, with or without `?versionId=`. A `?` that belongs to the key
 * comes encoded. A bare `+` gives two candidates (D-COPY-PLUS). The first has a plus, which a client means that does
 * not encode it. The second has a space, which AWS reads and form encoders (Java's URLEncoder, PHP's urlencode) mean.
 * Throws S3Error InvalidArgument.
 */
export function parseCopySource(value: string): Source {
  const mark = value.indexOf('?versionId=')
  const path = mark === -1 ? value : value.slice(0, mark)
  const versionId =
    mark === -1 ? undefined : decodeVersion(value.slice(mark + '?versionId='.length))
  const readings = path.includes('+') ? [false, true] : [false]
  return { candidates: readings.map((plusIsSpace) => decodeName(path, plusIsSpace)), versionId }
}

type From = CopyInput['from']

/** Codes of errors that mean that nothing has the name. */
const missing = [
  'ContainerMissing',
  'ContainerNameInvalid',
  'ObjectMissing',
  'VersionMissing',
] as const

const isMissing = (error: unknown) => missing.some((code) => isCode(error, code))

/** The object that a candidate names, undefined where there is none. Throws what reading that object throws. */
async function findSource(
  ctx: Context,
  node: Node,
  { bucket, key }: Named,
  versionId: string | undefined,
): Promise<From | undefined> {
  try {
    const ref = await sourceOf(ctx, node, bucket, key)
    const read = { versionId, cipher: node.rootCipher, keyOptional: true }
    await node.service.head(ctx.state.asker, ref, { ...read, action: 'copyFromObject' })
    return { ...ref, versionId }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** The first candidate that exists, else the first of all. A single candidate is not looked for. */
async function fromOf(ctx: Context, node: Node, { candidates, versionId }: Source): Promise<From> {
  if (candidates.length > 1) {
    for (const candidate of candidates) {
      const found = await findSource(ctx, node, candidate, versionId)
      if (found !== undefined) return found
    }
  }
  const { bucket, key } = candidates[0]!
  return { ...(await sourceOf(ctx, node, bucket, key)), versionId }
}

/** The source as the service takes it, with its key and its conditions. */
export async function copySourceOf(
  ctx: Context,
  node: Node,
): Promise<Pick<CopyInput, 'from' | 'fromCipher' | 'fromConditions'>> {
  const header = headerOf(ctx)
  return {
    from: await fromOf(ctx, node, parseCopySource(header(HEADER) ?? '')),
    fromCipher: ctx.state.sourceCipher,
    fromConditions: sourceConditionsOf(header),
  }
}

/**
 * Runs a copy and returns its result. A condition on the source that fails is 412, never 304, because a client that
 * asks for a copy holds no bytes that could be unmodified. Throws PreconditionFailed for NotModified, else what the
 * copy throws.
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
 * The range of `x-amz-copy-source-range`. Unlike in Range, both ends must be there. Throws S3Error InvalidArgument.
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
