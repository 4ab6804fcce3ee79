// Buckets: list, create, head, locate, delete.
import { CofferError, isCode } from '../../../lib/errors.ts'
import { isBucketName } from '../../../lib/names.ts'
import type { ListedContainer } from '../../../lib/service/types.ts'
import { writeInTurns } from '../../../lib/turns.ts'
import { sendEmpty, sendXml } from '../answer.ts'
import { readCreateBucket } from '../documents.ts'
import { wholeNumber } from '../headers.ts'
import { PAGE_BUCKETS_MAX } from '../limits.ts'
import { ownerElement } from '../owners.ts'
import { invalidArgument, S3Error } from '../s3-error.ts'
import { bucketOf, settingsOf } from '../scope.ts'
import { readToken, writeToken } from '../tokens.ts'
import { node as element, isoTime, leaf, root, textOf } from '../xml-writer.ts'
import type { Handler } from './handler.ts'

const pagingParameters = ['max-buckets', 'continuation-token', 'prefix', 'bucket-region']

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html */
export const listBuckets: Handler = async (ctx, node) => {
  const { asker, caller } = ctx.state
  if (caller === null) throw new CofferError('AccessDenied')
  const { query } = ctx.state.s3
  const region = query.get('bucket-region') ?? node.config.region
  if (region !== node.config.region) {
    throw invalidArgument(
      `Argument value ${region} is not a valid AWS Region`,
      'bucket-region',
      region,
    )
  }
  const limit = wholeNumber('max-buckets', query.get('max-buckets'), {
    min: 1,
    max: PAGE_BUCKETS_MAX,
    message: `Argument max-buckets must be an integer between 1 and ${PAGE_BUCKETS_MAX}`,
  })
  const prefix = query.get('prefix')
  const page = await node.service.listContainers(asker, caller.account, {
    prefix,
    after: readToken(query.get('continuation-token')),
    limit: limit ?? PAGE_BUCKETS_MAX,
  })
  // Without a delimiter there are no common prefixes.
  const buckets = page.entries.filter((entry) => typeof entry !== 'string')
  const shownRegion = pagingParameters.some((name) => query.has(name)) ? region : undefined
  const bucket = ({ container, createdMicros }: ListedContainer) =>
    element(
      'Bucket',
      leaf('Name', container),
      leaf('CreationDate', isoTime(createdMicros)),
      leaf('BucketRegion', shownRegion),
    )
  const last = page.truncated ? buckets.at(-1) : undefined
  sendXml(
    ctx,
    root(
      'ListAllMyBucketsResult',
      ownerElement(node, caller.account),
      element('Buckets', ...(await writeInTurns(buckets, bucket))),
      leaf('ContinuationToken', last && writeToken(last.container)),
      leaf('Prefix', prefix),
    ),
  )
}

/**
 * Refuses a LocationConstraint that is not the node's own region. In us-east-1, AWS's oldest region, the name of that
 * region is refused too (D-LOCATION), and a name that is no region is invalid. Throws S3Error
 * InvalidLocationConstraint, IllegalLocationConstraintException.
 */
function requireLocation(location: string | undefined, region: string): void {
  if (location === undefined) return
  const oldest = 'us-east-1'
  const isRegion = /^(?:EU|[a-z]+(?:-[a-z]+)+-\d)$/.test(location) && location !== oldest
  if (region === oldest && !isRegion) {
    throw new S3Error(
      400,
      'InvalidLocationConstraint',
      'The specified location-constraint is not valid',
      { LocationConstraint: location },
    )
  }
  if (location === region) return
  throw new S3Error(
    400,
    'IllegalLocationConstraintException',
    `The ${location} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  )
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html */
export const createBucket: Handler = async (ctx, node, read) => {
  const { asker, caller } = ctx.state
  if (caller === null) throw new CofferError('AccessDenied')
  const { account } = caller
  const container = ctx.state.s3.bucket!
  await node.service.authorize(asker, 'createContainer', { account, container })
  const { region } = node.config
  requireLocation(await readCreateBucket(read), region)
  // A name that S3 does not allow can only be that of a container which Swift has made.
  if (!isBucketName(container)) await bucketOf(ctx, node)
  try {
    await node.service.createContainer(asker, { account, container }, { indexed: true })
  } catch (error) {
    // In us-east-1 AWS answers 200 to an owner who creates a bucket again, elsewhere it is an error.
    if (!isCode(error, 'ContainerExists') || region !== 'us-east-1') throw error
  }
  // Names of S3's own need no escape. Those of Swift's containers may hold characters that no header can.
  ctx.set('Location', `/${encodeURIComponent(container)}`)
  sendEmpty(ctx, 200)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
export const headBucket: Handler = async (ctx, node) => {
  await node.service.headContainer(ctx.state.asker, await bucketOf(ctx, node))
  ctx.set('x-amz-bucket-region', node.config.region)
  ctx.type = 'application/xml'
  ctx.status = 200
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html */
export const deleteBucket: Handler = async (ctx, node) => {
  await node.service.deleteContainer(ctx.state.asker, await bucketOf(ctx, node))
  sendEmpty(ctx, 204)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html */
export const getBucketLocation: Handler = async (ctx, node) => {
  await settingsOf(ctx, node, 'getLocation')
  const { region } = node.config
  const shown = region === 'us-east-1' ? '' : region
  sendXml(ctx, root('LocationConstraint', textOf(shown)))
}
