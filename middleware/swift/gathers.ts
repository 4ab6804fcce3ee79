// X-Object-Manifest: a read gives the bytes of all objects of a container whose names have a prefix (dynamic large objects).
import type { Description } from '../../lib/service/types.ts'
import { decodePercent } from '../http/percent.ts'
import type { Context } from './context.ts'
import { headerOf } from './headers.ts'
import { SwiftError } from './swift-error.ts'

export const GATHERS_HEADER = 'X-Object-Manifest'

/**
 * What the request says that its object gathers: `container/prefix`, percent-encoded. Throws SwiftError 400 for a value of
 * another form. Swift: swift/common/middleware/dlo.py, _validate_x_object_manifest_header.
 */
export function gathersOf(ctx: Pick<Context, 'req'>): Pick<Description, 'gathers'> {
  const sent = headerOf(ctx, GATHERS_HEADER.toLowerCase())
  if (sent === undefined || sent === '') return {}
  const parts = /^([^/]+)\/([^/].*)$/.exec(sent)
  const container = parts === null ? undefined : decodePercent(parts[1]!, false)
  const prefix = parts === null ? undefined : decodePercent(parts[2]!, false)
  const isSound =
    container && prefix && !/[?&]/.test(sent) && !`${container}${prefix}`.includes('\0')
  if (!isSound) {
    throw new SwiftError(400, 'X-Object-Manifest must be in the format container/prefix')
  }
  return { gathers: { container, prefix, sent } }
}
