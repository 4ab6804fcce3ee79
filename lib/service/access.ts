// Who may do what: an account belongs to its admins, and those it names in its ACL; a container's lists let
// others read or write its objects. What a caller may not know of looks forbidden, whether it exists or not.
import { accountNamed, groupAllowed, parseAcl, referrerAllowed } from '../auth/acl.ts'
import type { Caller } from '../auth/identity.ts'
import { rowKeys } from '../catalog/keys.ts'
import { accountRow, containerRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import type { AccountAcl, ContainerAcl } from './container-types.ts'
import { decoded, type Stores } from './stores.ts'

/** `own`: an account's or container's settings; the others say what is touched, and how. A version is one that
 * the request names by its id, or a list of them: a container's lists open its objects as they are now, not what they
 * once were. `readUploads`: which uploads are under way, and whose. */
export type Right =
  | 'own'
  | 'readAccount'
  | 'readContainer'
  | 'writeContainer'
  | 'readObject'
  | 'writeObject'
  | 'readVersion'
  | 'readUploads'
  | 'deleteVersion'

/** The right that a read asks for, which names a version or none. */
export const readRightOf = (versionId: string | undefined): Right =>
  versionId === undefined ? 'readObject' : 'readVersion'

/** What a right is asked for. */
export interface Scope {
  readonly account: string
  readonly container?: string
}

/** What somebody is to a whole account. */
type Standing = 'owner' | 'writer' | 'reader' | 'none'

/**
 * Throws AccessDenied unless the caller has the right. Nothing is read for an account's own admins; then
 * undefined is returned instead of a promise. `referrer`: the Referer header's value, for read lists that name hosts.
 */
export function authorize(
  stores: Stores,
  caller: Caller,
  scope: Scope,
  right: Right,
  referrer?: string,
): Promise<void> | undefined {
  if (covers(standingByRole(caller, scope.account), right)) return undefined
  return authorizeByLists(stores, caller, scope, right, referrer)
}

/** True for whoever may do everything in the account and see its secrets. */
export async function isOwner(stores: Stores, caller: Caller, account: string): Promise<boolean> {
  if (caller === null) return false
  if (standingByRole(caller, account) === 'owner') return true
  const row = decoded(accountRow, await stores.catalog.get(rowKeys.account(account)))
  return isOwnerBy(caller, account, row?.acl ?? null)
}

/** The same, of an account whose ACL is at hand. */
export function isOwnerBy(caller: Caller, account: string, acl: AccountAcl | null): boolean {
  return (
    standingByRole(caller, account) === 'owner' || standingByAccountAcl(caller, acl) === 'owner'
  )
}

/** `account:user`, as rows and the audit name a writer. */
export function writerOf(caller: Caller): string {
  return caller === null ? '' : `${caller.account}:${caller.user}`
}

function covers(standing: Standing, right: Right): boolean {
  if (standing === 'owner') return true
  if (right === 'own') return false
  return standing === 'writer' || (standing === 'reader' && right.startsWith('read'))
}

function standingByRole(caller: Caller, account: string): Standing {
  if (caller === null) return 'none'
  const { roles } = caller
  if (roles.includes('reseller_admin')) return 'owner'
  if (caller.account === account && roles.includes('admin')) return 'owner'
  return roles.includes('reseller_reader') ? 'reader' : 'none'
}

function standingByAccountAcl(caller: Caller, acl: AccountAcl | null): Standing {
  if (caller === null || acl === null) return 'none'
  if (accountNamed(caller, acl.admin)) return 'owner'
  if (accountNamed(caller, acl.readWrite)) return 'writer'
  return accountNamed(caller, acl.readOnly) ? 'reader' : 'none'
}

/** Asks the account's ACL and the container's lists, as far as they can grant the right, in one read. */
async function authorizeByLists(
  { catalog }: Stores,
  caller: Caller,
  { account, container }: Scope,
  right: Right,
  referrer: string | undefined,
): Promise<void> {
  const keys: string[] = []
  const asked = container !== undefined && containerRights.has(right)
  if (asked) keys.push(rowKeys.container(account, container))
  if (caller !== null) keys.push(rowKeys.account(account))
  const rows = keys.length === 0 ? [] : await catalog.getMany(keys)
  const lists = asked ? decoded(containerRow, rows.shift())?.acl : undefined
  const acl = decoded(accountRow, rows.shift())?.acl ?? null
  if (covers(standingByAccountAcl(caller, acl), right)) return
  if (lists !== undefined && listsGrant(lists, right, caller, referrer)) return
  throw new CofferError('AccessDenied')
}

/** What a container's lists can grant. */
const containerRights: ReadonlySet<Right> = new Set([
  'readContainer',
  'readObject',
  'readUploads',
  'writeObject',
])

function listsGrant(
  acl: ContainerAcl,
  right: Right,
  caller: Caller,
  referrer: string | undefined,
): boolean {
  const { groups, referrers, listings } = parseAcl(right === 'writeObject' ? acl.write : acl.read)
  if (caller !== null && groupAllowed(caller, groups)) return true
  // A referrer reads objects; to list them the list must say so, and names of uploads are for known callers.
  if (right === 'readUploads') return false
  if (right === 'readContainer' && !listings) return false
  return referrerAllowed(referrer, referrers)
}
