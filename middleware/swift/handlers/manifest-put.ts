// PUT with `multipart-manifest=put`: writes an object that is made of others, after a look at each of them.
// Swift: swift/common/middleware/slo.py, handle_multipart_put.
import type { ManifestProblem, ObjectRef, VersionInfo } from '../../../lib/service/types.ts'
import { holdBody } from '../../http/answer-memory.ts'
import { announced } from '../../http/received-body.ts'
import type { Node } from '../../node.ts'
import { chooseDocument } from '../accept.ts'
import { sendEmpty } from '../answer.ts'
import { type BulkError, bulkDocument } from '../bulk-document.ts'
import { writeConditionsOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import { statusOf } from '../errors.ts'
import { shownEtag, unquote } from '../etag.ts'
import { headerOf, isTrue } from '../headers.ts'
import { answerWithHeartbeat } from '../heartbeat.ts'
import { MANIFEST_BYTES_MAX } from '../limits.ts'
import { readEntries, type SentEntry } from '../manifest-entries.ts'
import { readManifestItems, requireManifestLength } from '../manifest-json.ts'
import { etagOfText, manifestText } from '../manifest-text.ts'
import { readPutDescription, setWritten } from '../object-headers.ts'
import { objectOf } from '../object-ref.ts'
import { sentenceOf, titleOf } from '../pages.ts'
import { quotePath } from '../quote.ts'
import { SwiftError } from '../swift-error.ts'
import { lastModified } from '../times.ts'
import type { Handler } from './handler.ts'

/** Memory that a manifest takes while it is read, looked at and written, for each byte of its JSON. */
const MEMORY_FACTOR = 4

const reasons = {
  range: 'Unsatisfiable Range',
  empty: 'Too small; each segment must be at least 1 byte.',
  size: 'Size Mismatch',
  etag: 'Etag Mismatch',
} as const

/** What is said of a problem: a reason, or the status of a look at the object. */
export function reasonOf(ctx: Context, why: ManifestProblem['why']): string {
  if (typeof why === 'string') return reasons[why]
  const status = statusOf(ctx, why)
  return `${status} ${titleOf(status)}`
}

/** How the size and ETag of a manifest's document are found. */
export async function measureManifest(entries: Parameters<typeof manifestText>[0]) {
  const text = await manifestText(entries)
  return { bytes: text.length, etag: etagOfText(text) }
}

type Written = { readonly info: VersionInfo } | { readonly errors: readonly BulkError[] }

async function write(
  ctx: Context,
  node: Node,
  ref: ObjectRef,
  input: { readonly entries: readonly SentEntry[]; readonly description: Description },
): Promise<Written> {
  const { entries, description } = input
  const claimed = unquote(headerOf(ctx, 'etag') ?? '')
  const { info, problems } = await node.service.putManifest(ctx.state.asker, ref, {
    ...description,
    entries,
    cipher: ctx.state.cipher,
    conditions: writeConditionsOf(ctx),
    ...(claimed !== '' && { etag: claimed }),
    measure: measureManifest,
  })
  if (info !== undefined) return { info }
  return {
    errors: problems.map(({ index, why }) => {
      const { path } = entries[index] as { path: string }
      return [quotePath(path), reasonOf(ctx, why)]
    }),
  }
}

type Description = ReturnType<typeof readPutDescription>

/** The refusal of a manifest whose entries cannot be taken: a document with the reason of each. */
export function refusalOfProblems(ctx: Context, errors: readonly BulkError[]): SwiftError {
  const { format, contentType } = chooseDocument(headerOf(ctx, 'accept'))
  const text = bulkDocument(format, 'upload', {}, errors)
  return new SwiftError(400, text, { 'Content-Type': contentType })
}

/** https://docs.openstack.org/api-ref/object-store/#create-or-replace-object */
export const putManifest: Handler = async (ctx, node) => {
  const { asker, source } = ctx.state
  if (headerOf(ctx, 'x-copy-from') !== undefined) {
    throw new SwiftError(405, 'Multipart Manifest PUTs cannot be COPY requests')
  }
  const { length } = announced(ctx.req)
  requireManifestLength(length)
  const ref = objectOf(ctx)
  writeConditionsOf(ctx)
  const { gathers, ...description } = readPutDescription(ctx)
  if (gathers !== undefined) {
    throw new SwiftError(400, 'X-Object-Manifest cannot come with multipart-manifest=put')
  }
  // Nobody is read from who may not write.
  await node.service.authorize(asker, 'putObject', ref)
  await holdBody(node, ctx.res, MEMORY_FACTOR * (length ?? MANIFEST_BYTES_MAX))
  const entries = await readEntries(await readManifestItems(source), ref)
  const input = { entries, description }
  if (!isTrue(ctx.state.swift.query.get('heartbeat'))) {
    const written = await write(ctx, node, ref, input)
    if ('errors' in written) throw refusalOfProblems(ctx, written.errors)
    setWritten(ctx, written.info)
    return sendEmpty(ctx, 201)
  }
  await answerWithHeartbeat(ctx, async () => {
    const written = await write(ctx, node, ref, input)
    if ('errors' in written) {
      return { status: 400, fields: { 'Response Body': sentenceOf(400) }, errors: written.errors }
    }
    const { info } = written
    const fields = {
      Etag: shownEtag(info),
      'Last Modified': lastModified(info.timeMicros),
      'Response Body': '',
    }
    return { status: 201, fields, errors: [] }
  })
}
