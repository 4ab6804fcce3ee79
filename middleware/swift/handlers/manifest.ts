// `multipart-manifest=get` and `=delete`. A manifest is shown as the list of its segments, and deleted with them. An object
// that only bears the mark of a large one, because its ETag is no MD5, is shown as an empty list, for it has no segments
// that a client could reach (D-MANIFEST-GET). Swift: swift/common/middleware/slo.py.
import { isCode } from '../../../lib/errors.ts'
import { checkRead } from '../../../lib/service/conditions.ts'
import type { ReadManifest, VersionInfo } from '../../../lib/service/types.ts'
import { sendText } from '../answer.ts'
import { conditionsOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import { etagOfText, manifestText } from '../manifest-text.ts'
import { setObjectHeaders } from '../object-headers.ts'

export const asksForManifest = ({ state }: Context) =>
  state.swift.query.get('multipart-manifest') === 'get'

export const asksForDeletion = ({ state }: Context) =>
  state.swift.query.get('multipart-manifest') === 'delete'

const JSON_TYPE = 'application/json; charset=utf-8'

/**
 * Answers `?multipart-manifest=get` on an object that only bears the mark with an empty list. Clients delete listed
 * segments by name when they delete the object. Parts have no names, and rclone 1.60 crashes on items without one.
 */
export function sendEmptyManifest(ctx: Context, info: VersionInfo): void {
  setObjectHeaders(ctx, info)
  sendText(ctx, JSON_TYPE, '[]')
}

/** Answers with a manifest's document, which has an ETag of its own. With `format=raw` it can be sent again. */
export async function sendManifest(
  ctx: Context,
  { info, entries }: ReadManifest & { readonly entries: NonNullable<ReadManifest['entries']> },
): Promise<void> {
  const isRaw = ctx.state.swift.query.get('format') === 'raw'
  const text = await manifestText(entries, isRaw ? 'raw' : 'shown')
  const etag = etagOfText(text)
  setObjectHeaders(ctx, info)
  ctx.set('ETag', etag)
  ctx.remove('X-Manifest-Etag')
  const type = isRaw ? ctx.response.get('Content-Type') : JSON_TYPE
  const status = judge(ctx, { etag, timeMicros: info.timeMicros })
  if (status === undefined) {
    sendText(ctx, type, text)
    return
  }
  ctx.set('Content-Type', type)
  ctx.status = status
  ctx.body = ''
}

/** The status of an answer whose conditions do not hold for the document. */
function judge(ctx: Context, judged: Parameters<typeof checkRead>[1]): 304 | 412 | undefined {
  try {
    checkRead(conditionsOf(ctx), judged)
    return undefined
  } catch (error) {
    if (isCode(error, 'NotModified')) return 304
    if (isCode(error, 'PreconditionFailed')) return 412
    throw error
  }
}
