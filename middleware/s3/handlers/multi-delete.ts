// DeleteObjects: up to 1,000 keys, each with an answer of its own. The audit has a line for each key that was deleted,
// and one for each reason for which keys were refused.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
import { requireObjectNameLength } from '../../../lib/names.ts'
import type { ContainerRef, DeleteResult } from '../../../lib/service/types.ts'
import { spend } from '../../../lib/turns.ts'
import { auditEntry, codeOf } from '../../audit.ts'
import { noteFailure } from '../../late-failure.ts'
import type { Node } from '../../node.ts'
import { sendXml } from '../answer.ts'
import type { Context } from '../context.ts'
import { type DeleteEntry, readDelete, unquote } from '../documents.ts'
import { describeError } from '../errors.ts'
import { deleteGuarded, secondsOf, sizeOf } from '../guarded-delete.ts'
import { headerOf } from '../headers.ts'
import { invalidRequest } from '../s3-error.ts'
import { bucketOf } from '../scope.ts'
import { all, node as element, type Fragment, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'

/** Deletes under way at a time: enough that their commits share a sync of the catalog. */
const CONCURRENCY = 32
/** Steps of a turn (lib/turns.ts) that one key counts: its delete reads several rows, most of them in memory. */
const ENTRY_STEPS = 20

/** The result for one key. */
interface Outcome {
  readonly key: string
  readonly answer: Fragment
  /** The reason as the audit names it, for a key that was not deleted. */
  readonly refusal?: string
}

/**
 * The request must carry a digest of its body: a document that was damaged on its way could delete other keys. Throws
 * S3Error InvalidRequest.
 */
function requireDigest(ctx: Context): void {
  const { claimedChecksum } = ctx.state
  if (headerOf(ctx)('content-md5') !== undefined || claimedChecksum !== undefined) return
  throw invalidRequest('Missing required header for this request: Content-MD5 OR x-amz-checksum-*')
}

async function deleteEntry(
  ctx: Context,
  node: Node,
  ref: ContainerRef,
  { key, versionId, etag, size, modified }: DeleteEntry,
): Promise<DeleteResult | undefined> {
  requireObjectNameLength(key)
  const ifMatch = etag === '*' ? etag : etag === undefined ? undefined : [unquote(etag)]
  return await deleteGuarded(
    ctx,
    node,
    { ...ref, object: key },
    {
      versionId,
      conditions: ifMatch && { ifMatch },
      size: sizeOf('Size', size),
      modifiedSeconds: secondsOf('LastModifiedTime', modified),
    },
  )
}

/** The elements about the delete marker that the delete made or removed; none where there was none. */
function markerElements(deleted: DeleteResult | undefined): Fragment[] {
  if (!deleted?.isMarker) return []
  return [leaf('DeleteMarker', true), leaf('DeleteMarkerVersionId', deleted.versionId)]
}

/** Deletes one key. */
async function answerEntry(
  ctx: Context,
  node: Node,
  ref: ContainerRef,
  entry: DeleteEntry,
  quiet: boolean,
): Promise<Outcome> {
  const turn = spend(ENTRY_STEPS)
  if (turn !== undefined) await turn
  const { key } = entry
  const names = [leaf('Key', key), leaf('VersionId', entry.versionId)]
  try {
    const deleted = await deleteEntry(ctx, node, ref, entry)
    node.audit.write(auditEntry(ctx.state, 'ok', key))
    const answer = quiet ? all([]) : element('Deleted', ...names, ...markerElements(deleted))
    return { key, answer }
  } catch (error) {
    const { status, code, message } = describeError(ctx, error)
    noteFailure(ctx.state, codeOf(error), status)
    if (code === 'InternalError') {
      ctx.state.log.error({ requestId: ctx.state.requestId, err: error }, 'delete failed')
    }
    const answer = element('Error', ...names, leaf('Code', code), leaf('Message', message))
    return { key, answer, refusal: codeOf(error) }
  }
}

/** Writes a line of audit for each reason of refusal, with the first key and the number of keys. */
function auditRefusals(ctx: Context, node: Node, outcomes: readonly Outcome[]): void {
  const refused = new Map<string, { readonly first: string; count: number }>()
  for (const { key, refusal } of outcomes) {
    if (refusal === undefined) continue
    const alike = refused.get(refusal)
    if (alike === undefined) refused.set(refusal, { first: key, count: 1 })
    else alike.count++
  }
  for (const [refusal, { first, count }] of refused) {
    node.audit.write(auditEntry(ctx.state, refusal, first, count))
  }
}

/** A caller who may not write in the bucket is refused once, before the document is read (D-DELETE-ONCE). */
export const deleteObjects: Handler = async (ctx, node, read) => {
  const ref = await bucketOf(ctx, node)
  await node.service.authorize(ctx.state.asker, 'deleteObjects', ref)
  requireDigest(ctx)
  const { quiet, entries } = await readDelete(read)
  const outcomes: Outcome[] = []
  for (let i = 0; i < entries.length; i += CONCURRENCY) {
    const slice = entries.slice(i, i + CONCURRENCY)
    const done = slice.map((entry) => answerEntry(ctx, node, ref, entry, quiet))
    outcomes.push(...(await Promise.all(done)))
  }
  auditRefusals(ctx, node, outcomes)
  sendXml(ctx, root('DeleteResult', ...outcomes.map(({ answer }) => answer)))
}
