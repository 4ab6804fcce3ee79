// Deletes under conditions. The service knows ETags; size and time, which AWS has for directory buckets
// only, are held against the listing's entry, whose ETag then guards the delete itself.
import { CofferError } from '../../lib/errors.ts'
import type { Conditions, ObjectRef } from '../../lib/service/types.ts'
import type { Context, Node } from '../state.ts'
import { invalidArgument } from './s3-error.ts'

export interface DeleteGuard {
  readonly versionId: string | undefined
  readonly ifMatch: Conditions['ifMatch']
  readonly size: number | undefined
  /** Whole seconds since 1970: what a header can say. */
  readonly modifiedSeconds: number | undefined
}

/** Reads a size in bytes. Throws S3Error InvalidArgument. */
export function sizeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalidArgument('The size to match is no number.', name, text)
}

/** Reads a date, as whole seconds. Throws S3Error InvalidArgument. */
export function secondsOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const millis = Date.parse(text)
  if (!Number.isNaN(millis)) return Math.floor(millis / 1000)
  throw invalidArgument('The time to match is no date.', name, text)
}

const failed = (condition: string) => new CofferError('PreconditionFailed', { condition })

/** The ETag of the current version, if it is of that size and time; undefined where there is none. */
async function matchingEtag(
  ctx: Context,
  node: Node,
  ref: ObjectRef,
  { ifMatch, size, modifiedSeconds }: DeleteGuard,
): Promise<string | undefined> {
  const page = await node.service.list(ctx.state.caller, ref, { prefix: ref.object, limit: 1 })
  const entry = page.entries[0]
  if (typeof entry !== 'object' || entry.object !== ref.object) return undefined
  if (size !== undefined && size !== entry.size) throw failed('x-amz-if-match-size')
  const modified = Math.floor(entry.timeMicros / 1_000_000)
  if (modifiedSeconds !== undefined && modifiedSeconds !== modified) {
    throw failed('x-amz-if-match-last-modified-time')
  }
  const matches = ifMatch === undefined || ifMatch === '*' || ifMatch.includes(entry.etag)
  if (!matches) throw failed('ifMatch')
  return entry.etag
}

/** Deletes the object unless a condition fails; one that is not there fails none but an ETag's. */
export async function deleteGuarded(
  ctx: Context,
  node: Node,
  ref: ObjectRef,
  guard: DeleteGuard,
): Promise<void> {
  const { versionId, size, modifiedSeconds } = guard
  let { ifMatch } = guard
  if (size !== undefined || modifiedSeconds !== undefined) {
    const etag = await matchingEtag(ctx, node, ref, guard)
    if (etag === undefined) return
    ifMatch = [etag]
  }
  const conditions = ifMatch === undefined ? undefined : { ifMatch }
  await node.service.delete(ctx.state.caller, ref, { versionId, conditions })
}
