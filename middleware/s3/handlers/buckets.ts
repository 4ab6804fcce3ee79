// Buckets: list, create, head, locate, delete.
import type { Identity } from '../../../lib/auth/identity.ts'
import { CofferError, isCode } from '../../../lib/errors.ts'
import { isBucketName } from '../../../lib/names.ts'
import type { ContainerInfo, ListInput } from '../../../lib/service/types.ts'
import type { Node } from '../../state.ts'
import { sendEmpty, sendXml } from '../answer.ts'
import { readCreateBucket } from '../documents.ts'
import { wholeNumber } from '../headers.ts'
import { ownerElement } from '../owners.ts'
import { invalidArgument, S3Error } from '../s3-error.ts'
import { bucketOf } from '../scope.ts'
import { readToken, writeToken } from '../tokens.ts'
import { node as element, isoTime, leaf, root, textOf } from '../xml-writer.ts'
import type { Handler } from './handler.ts'

const BUCKETS_MAX = 10_000
/** The service lists no more at a time. */
const PAGE_MAX = 1000

const pagingParameters = ['max-buckets', 'continuation-token', 'prefix', 'bucket-region']

/** The caller's containers, as many pages of the service as the client's one page takes. */
async function readBuckets(node: Node, caller: Identity, start: Omit<ListInput, 'delimiter'>) {
  const entries: ContainerInfo[] = []
  let truncated = true
  let { after } = start
  while (truncated && entries.length < start.limit) {
    const limit = Math.min(PAGE_MAX, start.limit - entries.length)
    const { prefix } = start
    const page = await node.service.listContainers(caller, caller.account, { prefix, after, limit })
    entries.push(...page.entries)
    truncated = page.truncated
    after = page.entries.at(-1)?.container
  }
  return { entries, truncated }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html */
export const listBuckets: Handler = async (ctx, node) => {
  const { caller } = ctx.state
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
    max: BUCKETS_MAX,
    message: 'Argument max-buckets must be an integer between 1 and 10000',
  })
  const prefix = query.get('prefix')
  const { entries, truncated } = await readBuckets(node, caller, {
    prefix,
    after: readToken(query.get('continuation-token')),
    limit: limit ?? BUCKETS_MAX,
  })
  const shownRegion = pagingParameters.some((name) => query.has(name)) ? region : undefined
  const bucket = ({ container, createdMicros }: ContainerInfo) =>
    element(
      'Bucket',
      leaf('Name', container),
      leaf('CreationDate', isoTime(createdMicros)),
      leaf('BucketRegion', shownRegion),
    )
  const last = entries.at(-1)
  sendXml(
    ctx,
    root(
      'ListAllMyBucketsResult',
      ownerElement(node, caller.account),
      element('Buckets', ...entries.map(bucket)),
      leaf('ContinuationToken', truncated && last ? writeToken(last.container) : undefined),
      leaf('Prefix', prefix),
    ),
  )
}

/** AWS answers a constraint that names its oldest region, and any that is none, differently. */
function requireLocation(location: string | undefined, region: string): void {
  if (location === undefined) return
  if (location === 'us-east-1' || !/^(?:EU|[a-z]+(?:-[a-z]+)*(?:-\d)?)$/.test(location)) {
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
export const createBucket: Handler = async (ctx, node, document) => {
  const { caller } = ctx.state
  if (caller === null) throw new CofferError('AccessDenied')
  const { region } = node.config
  requireLocation(readCreateBucket(document), region)
  const container = ctx.state.s3.bucket!
  // A container of the other dialect may have any name: then it is there already.
  if (!isBucketName(container)) await bucketOf(ctx, node)
  try {
    const ref = { account: caller.account, container }
    await node.service.createContainer(caller, ref, { indexed: true })
  } catch (error) {
    // In its oldest region AWS lets the owner create a bucket again; elsewhere it is an error.
    if (!isCode(error, 'ContainerExists') || region !== 'us-east-1') throw error
  }
  ctx.set('Location', `/${container}`)
  sendEmpty(ctx, 200)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
export const headBucket: Handler = async (ctx, node) => {
  await node.service.headContainer(ctx.state.caller, await bucketOf(ctx, node))
  ctx.set('x-amz-bucket-region', node.config.region)
  ctx.type = 'application/xml'
  ctx.status = 200
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html */
export const deleteBucket: Handler = async (ctx, node) => {
  await node.service.deleteContainer(ctx.state.caller, await bucketOf(ctx, node))
  sendEmpty(ctx, 204)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html */
export const getBucketLocation: Handler = async (ctx, node) => {
  await node.service.headContainer(ctx.state.caller, await bucketOf(ctx, node))
  const { region } = node.config
  const shown = region === 'us-east-1' ? '' : region
  sendXml(ctx, root('LocationConstraint', textOf(shown)))
}
