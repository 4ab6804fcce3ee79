// DeleteObjects: up to 1,000 keys, each answered and audited by itself.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
import type { ContainerRef, DeleteResult } from '../../../lib/service/types.ts'
import { auditEntry, codeOf } from '../../audit.ts'
import { noteFailure } from '../../late-failure.ts'
import type { Context, Node } from '../../state.ts'
import { sendXml } from '../answer.ts'
import { type DeleteEntry, readDelete, unquote } from '../documents.ts'
import { describeError } from '../errors.ts'
import { deleteGuarded, secondsOf, sizeOf } from '../guarded-delete.ts'
import { headerOf } from '../headers.ts'
import { invalidRequest } from '../s3-error.ts'
import { bucketOf, requireKeyLength } from '../scope.ts'
import { all, node as element, type Fragment, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'

/** As many deletes under way at a time: they end up in the same groups of commits. */
const CONCURRENCY = 32

/** A body that deletes must not be damaged on its way. Throws S3Error InvalidRequest. */
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
  requireKeyLength(key)
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

/** What a delete says of versions, where the bucket keeps them: the marker that it made or removed. */
function markerElements(deleted: DeleteResult | undefined): Fragment[] {
  if (!deleted?.isMarker) return []
  return [leaf('DeleteMarker', true), leaf('DeleteMarkerVersionId', deleted.versionId)]
}

/** Deletes one key and says what became of it. */
async function answerEntry(
  ctx: Context,
  node: Node,
  ref: ContainerRef,
  entry: DeleteEntry,
  quiet: boolean,
): Promise<Fragment> {
  const names = [leaf('Key', entry.key), leaf('VersionId', entry.versionId)]
  try {
    const deleted = await deleteEntry(ctx, node, ref, entry)
    node.audit.write(auditEntry(ctx.state, 'ok', entry.key))
    return quiet ? all([]) : element('Deleted', ...names, ...markerElements(deleted))
  } catch (error) {
    node.audit.write(auditEntry(ctx.state, codeOf(error), entry.key))
    const { status, code, message } = describeError(ctx, error)
    noteFailure(ctx.state, codeOf(error), status)
    if (code === 'InternalError') {
      ctx.state.log.error({ requestId: ctx.state.requestId, err: error }, 'delete failed')
    }
    return element('Error', ...names, leaf('Code', code), leaf('Message', message))
  }
}

export const deleteObjects: Handler = async (ctx, node, document) => {
  requireDigest(ctx)
  const { quiet, entries } = readDelete(document)
  const ref = await bucketOf(ctx, node)
  const answers: Fragment[] = []
  for (let i = 0; i < entries.length; i += CONCURRENCY) {
    const slice = entries.slice(i, i + CONCURRENCY)
    const done = slice.map((entry) => answerEntry(ctx, node, ref, entry, quiet))
    answers.push(...(await Promise.all(done)))
  }
  sendXml(ctx, root('DeleteResult', ...answers))
}
