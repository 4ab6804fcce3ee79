// Deletes under conditions. The service judges ETags. A size and a time, which AWS has for directory buckets only, are
// compared here with what a HEAD returns. The ETag of that HEAD is then the condition of the delete.
import { CofferError, isCode } from '../../lib/errors.ts'
import { checkWrite } from '../../lib/service/conditions.ts'
import type { Conditions, DeleteResult, ObjectRef, VersionInfo } from '../../lib/service/types.ts'
import type { Node } from '../node.ts'
import { readS3Date } from './conditions.ts'
import type { Context } from './context.ts'
import { invalidArgument } from './s3-error.ts'

/** The headers with the size and the time that the object must have. */
export const SIZE_CONDITION = 'x-amz-if-match-size'
export const TIME_CONDITION = 'x-amz-if-match-last-modified-time'

export interface DeleteGuard {
  readonly versionId: string | undefined
  readonly conditions: Conditions | undefined
  readonly size: number | undefined
  /** The time that the object must have, in whole seconds since 1970. */
  readonly modifiedSeconds: number | undefined
}

/** Reads a size in bytes. Throws S3Error InvalidArgument. */
export function sizeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalidArgument('The size to match is no number.', name, text)
}

/** Reads a date in whole seconds since 1970. Throws S3Error InvalidArgument. */
export function secondsOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = readS3Date(text)
  if (seconds !== undefined) return seconds
  throw invalidArgument('The time to match is no date.', name, text)
}

const failed = (condition: string) => new CofferError('PreconditionFailed', { condition })

/**
 * The ETag of what is to be deleted, undefined where there is nothing. Throws PreconditionFailed where it has another
 * size or time, for a delete marker, which has neither, and where the conditions fail.
 */
async function matchingEtag(
  ctx: Context,
  node: Node,
  ref: ObjectRef,
  guard: DeleteGuard,
): Promise<string | undefined> {
  const { versionId, conditions, size, modifiedSeconds } = guard
  const first = size === undefined ? TIME_CONDITION : SIZE_CONDITION
  let info: VersionInfo
  try {
    // A delete needs no customer key, so that none is needed here.
    const input = { versionId, cipher: node.rootCipher, keyOptional: true }
    info = (await node.service.head(ctx.state.asker, ref, input)).info
  } catch (error) {
    if (isCode(error, 'VersionIsMarker')) throw failed(first)
    if (isCode(error, 'ObjectMissing') && error.details.marker !== undefined) throw failed(first)
    if (isCode(error, 'ObjectMissing') || isCode(error, 'VersionMissing')) return undefined
    throw error
  }
  if (size !== undefined && size !== info.size) throw failed(SIZE_CONDITION)
  const modified = Math.floor(info.timeMicros / 1_000_000)
  if (modifiedSeconds !== undefined && modifiedSeconds !== modified) throw failed(TIME_CONDITION)
  checkWrite(conditions, info, ref.object)
  return info.etag
}

/**
 * Deletes the object, or the one version. Returns undefined and does nothing where a size or a time is a condition and
 * there is nothing to delete: a missing object fails the condition on its ETag alone. Throws PreconditionFailed.
 */
export async function deleteGuarded(
  ctx: Context,
  node: Node,
  ref: ObjectRef,
  guard: DeleteGuard,
): Promise<DeleteResult | undefined> {
  const { versionId, size, modifiedSeconds } = guard
  let { conditions } = guard
  if (size !== undefined || modifiedSeconds !== undefined) {
    const etag = await matchingEtag(ctx, node, ref, guard)
    if (etag === undefined) return undefined
    conditions = { ...conditions, ifMatch: [etag] }
  }
  const input = { versionId, conditions, promote: true }
  return await node.service.delete(ctx.state.asker, ref, input)
}
