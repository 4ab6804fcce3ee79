// Who may name a version. Swift keeps versions in a container of their own, without a list of who may read
// it: what a container's lists allow is its current objects, not what they once were.
import { CofferError } from '../../lib/errors.ts'
import type { Context, Node } from '../state.ts'
import { versionIdOf } from './object-ref.ts'

/** True where a version other than whichever is current is named. `null` was never kept apart. */
const namesVersion = (ctx: Context) => !['null', undefined].includes(versionIdOf(ctx))

/** For requests that read a version by its id. Throws AccessDenied unless the caller may read all of the
 * account. */
export async function requireVersionReader(
  ctx: Context,
  node: Node,
  account: string,
): Promise<void> {
  if (namesVersion(ctx)) await node.service.headAccount(ctx.state.caller, account)
}

/** For requests that delete a version by its id. Throws AccessDenied unless the account is the caller's. */
export async function requireVersionOwner(
  ctx: Context,
  node: Node,
  account: string,
): Promise<void> {
  if (!namesVersion(ctx) || (await node.service.isOwner(ctx.state.caller, account))) return
  throw new CofferError('AccessDenied')
}
