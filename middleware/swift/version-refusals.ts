// What Swift answers to a version id where there is no such version: something else where there could be none.
import { isCode } from '../../lib/errors.ts'
import type { ContainerRef } from '../../lib/service/types.ts'
import type { Node } from '../node.ts'
import type { Context } from './context.ts'
import { objectOf, versionIdOf } from './object-ref.ts'
import { SwiftError } from './swift-error.ts'

const isHidden = (error: unknown) =>
  isCode(error, 'AccessDenied') || isCode(error, 'ContainerMissing')

/**
 * What to throw for a version that is not there: a 400 where the container never kept versions and the
 * caller may know that, else the error itself. `null` may be asked for everywhere.
 */
export async function refusalOf(
  ctx: Context,
  node: Node,
  error: unknown,
  container: ContainerRef = objectOf(ctx),
): Promise<unknown> {
  if (versionIdOf(ctx) === 'null') return error
  try {
    const { versioning } = await node.service.headContainer(ctx.state.asker, container)
    if (versioning !== null) return error
  } catch (failure) {
    return isHidden(failure) ? error : failure
  }
  return new SwiftError(400, 'version-aware operations require that the container is versioned')
}

/** Does what names a version in that container, and throws what Swift says where there is none. */
export async function refusingVersion<T>(
  ctx: Context,
  node: Node,
  container: ContainerRef,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw isCode(error, 'VersionMissing') ? await refusalOf(ctx, node, error, container) : error
  }
}
