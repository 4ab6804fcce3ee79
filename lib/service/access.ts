// Who may do what, until containers carry policies of their own: an account belongs to its admins.
import type { Caller } from '../auth/identity.ts'
import { CofferError } from '../errors.ts'

/** Throws AccessDenied unless the caller may read (or write) everything in the account. */
export function authorize(caller: Caller, account: string, right: 'read' | 'write'): void {
  if (caller === null) throw new CofferError('AccessDenied')
  const { roles } = caller
  if (roles.includes('reseller_admin')) return
  if (right === 'read' && roles.includes('reseller_reader')) return
  if (caller.account === account && roles.includes('admin')) return
  throw new CofferError('AccessDenied')
}

/** `account:user`, as rows and the audit name a writer. */
export function writerOf(caller: Caller): string {
  return caller === null ? '' : `${caller.account}:${caller.user}`
}
