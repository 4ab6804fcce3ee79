// What a request addresses, in the service's words, and the check of the owner that it expects.
import { CofferError, isCode } from '../../lib/errors.ts'
import { isBucketName, requireObjectNameLength } from '../../lib/names.ts'
import type { Action } from '../../lib/service/actions.ts'
import type { ContainerInfo, ContainerRef, ObjectRef } from '../../lib/service/types.ts'
import type { Node } from '../node.ts'
import type { Context } from './context.ts'
import { headerOf } from './headers.ts'
import { S3Error } from './s3-error.ts'

/**
 * Finds the container that a bucket's name means. Throws ContainerMissing, ContainerNameInvalid for a name that is
 * not legal in S3, and what `requireOwner` throws.
 */
async function findBucket(
  ctx: Context,
  node: Node,
  bucket: string,
  ownerHeader: string,
): Promise<ContainerRef> {
  let ref: ContainerRef
  try {
    ref = await node.service.resolve(ctx.state.asker, bucket)
  } catch (error) {
    if (!isCode(error, 'ContainerMissing') || isBucketName(bucket)) throw error
    throw new CofferError('ContainerNameInvalid', { container: bucket }, error)
  }
  requireOwner(node, ref, headerOf(ctx)(ownerHeader))
  return ref
}

/** The request's bucket. Throws what `findBucket` throws. */
export async function bucketOf(ctx: Context, node: Node): Promise<ContainerRef> {
  return await findBucket(ctx, node, ctx.state.s3.bucket!, 'x-amz-expected-bucket-owner')
}

/** What is set for the request's bucket, for an action on one of its settings or of its object's. Throws AccessDenied:
 * a public bucket's settings are not public. */
export async function settingsOf(ctx: Context, node: Node, action: Action): Promise<ContainerInfo> {
  const { key: object, query } = ctx.state.s3
  const bucket = await bucketOf(ctx, node)
  const ref =
    object === undefined ? bucket : { ...bucket, object, versionId: query.get('versionId') }
  return await node.service.headContainer(ctx.state.asker, ref, action)
}

/** The request's object. Throws ObjectNameTooLong, and what `findBucket` throws. */
export async function objectOf(ctx: Context, node: Node): Promise<ObjectRef> {
  const object = ctx.state.s3.key!
  requireObjectNameLength(object)
  return { ...(await bucketOf(ctx, node)), object }
}

/** The object that a copy reads. */
export async function sourceOf(
  ctx: Context,
  node: Node,
  bucket: string,
  object: string,
): Promise<ObjectRef> {
  requireObjectNameLength(object)
  const header = 'x-amz-source-expected-bucket-owner'
  return { ...(await findBucket(ctx, node, bucket, header)), object }
}

/**
 * Compares the owner that the client expects, an account's id or canonical id, with the real one. Throws AccessDenied
 * for another owner, S3Error InvalidBucketOwnerAWSAccountID for a value that can be neither id: a number without
 * AWS's twelve digits, or characters that coffer's ids never have.
 */
function requireOwner(node: Node, ref: ContainerRef, expected: string | undefined): void {
  if (expected === undefined) return
  if (expected === ref.account || expected === node.users.owner(ref.account).canonicalId) return
  const wellFormed = /^[\w.:@-]{1,256}$/.test(expected) && !/^(?!\d{12}$)\d+$/.test(expected)
  if (wellFormed) throw new CofferError('AccessDenied')
  throw new S3Error(
    400,
    'InvalidBucketOwnerAWSAccountID',
    `The value of the expected bucket owner parameter must be an AWS Account ID... [${expected}]`,
  )
}
