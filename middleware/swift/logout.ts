// Logout: `DELETE /auth/v1.0` with the token (D-LOGOUT). Swift's TempAuth has no logout, so that a token that leaked is
// valid until it expires.
import type { Handler } from './handlers/handler.ts'
import { requireLoginPath } from './login.ts'
import { challengeOf } from './resellers.ts'
import { SwiftError } from './swift-error.ts'

/**
 * Ends every token of the user whose token the request carries. Throws SwiftError: 401 for a request without a token,
 * 404 and 400 for a path that is no login.
 */
export const logout: Handler = async (ctx, node) => {
  const { caller, target } = ctx.state
  requireLoginPath(target.path)
  if (caller === null) throw new SwiftError(401, undefined, challengeOf(undefined))
  await node.tokens.logout(caller)
  ctx.status = 204
}
