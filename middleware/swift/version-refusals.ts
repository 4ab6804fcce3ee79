// Swift's refusals of a version id that no version has. A container that never kept versions has another one.
import { isCode } from '../../lib/errors.ts'
import type { ContainerRef } from '../../lib/service/types.ts'
import type { Node } from '../node.ts'
import type { Context } from './context.ts'
import { objectOf, versionIdOf } from './object-ref.ts'
import { SwiftError } from './swift-error.ts'

const isHidden = (error: unknown) =>
  isCode(error, 'AccessDenied') || isCode(error, 'ContainerMissing')

/**
 * The error to throw for a version that does not exist: a 400 where the container never kept versions and the caller
 * may read its settings, else `error`. The id `null` is legal in every container.
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

/** Runs `act`, which names a version in that container. Throws Swift's refusal where there is no such version. */
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
