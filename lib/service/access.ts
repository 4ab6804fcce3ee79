// Who may do what, decided here and nowhere else: an account belongs to its admins, and those it names in its ACL; a
// container's lists let others read or write its objects. Rows say so only where their MAC holds. What somebody may not
// know of looks forbidden, whether it exists or not.
import { accountNamed, groupAllowed, parseAcl, referrerAllowed } from '../auth/acl.ts'
import type { Asker } from '../auth/asker.ts'
import type { Caller } from '../auth/identity.ts'
import { rowKeys } from '../catalog/keys.ts'
import { accountRow, containerRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { type Action, actionOn, type Right, rightOf } from './actions.ts'
import type { AccountAcl, ContainerAcl } from './container-types.ts'
import { judged, type Stores } from './stores.ts'

/** What an action touches, as far as the request names it. */
export interface Resource {
  readonly account: string
  readonly container?: string
  readonly object?: string
  /** Only where the request names a version by its id. */
  readonly versionId?: string | undefined
}

/** What somebody may do in all of an account; each includes those before it. A `writer` changes containers and objects,
 * an `owner` also who may what, and a `reseller` also whether there is an account. */
const accountAccess = ['none', 'reader', 'writer', 'owner', 'reseller'] as const
type AccountAccess = (typeof accountAccess)[number]

/** What gives a right. */
interface Rule {
  /** The least access to the whole account that has it. */
  readonly access: AccountAccess
  /** The list of the container whose users have it too. */
  readonly list?: 'read' | 'write'
  /** Whoever the list lets in by their referrer has it: always, or where the list allows listings (`.rlistings`). */
  readonly referrers?: 'always' | 'withListings'
}

const rules: Readonly<Record<Right, Rule>> = {
  manage: { access: 'reseller' },
  own: { access: 'owner' },
  readAccount: { access: 'reader' },
  readContainer: { access: 'reader', list: 'read', referrers: 'withListings' },
  writeContainer: { access: 'writer' },
  readObject: { access: 'reader', list: 'read', referrers: 'always' },
  writeObject: { access: 'writer', list: 'write' },
  readVersion: { access: 'reader' },
  // Names of uploads are for known callers: no referrer has them.
  readUploads: { access: 'reader', list: 'read' },
  deleteVersion: { access: 'writer' },
}

/**
 * Throws AccessDenied unless the asker may do that to what it touches. Nothing is read for an account's own admins; then
 * undefined is returned instead of a promise.
 */
export function authorize(
  stores: Stores,
  asker: Asker,
  action: Action,
  ref: Resource,
): Promise<void> | undefined {
  const allowed = isAllowed(stores, asker, action, ref)
  return allowed === true ? undefined : requireAllowed(allowed)
}

async function requireAllowed(allowed: Promise<boolean>): Promise<void> {
  if (!(await allowed)) throw new CofferError('AccessDenied')
}

/** The decision itself. Of an action on objects, where `ref` names a version, the action on that version is meant. */
export function isAllowed(
  stores: Stores,
  asker: Asker,
  action: Action,
  ref: Resource,
): true | Promise<boolean> {
  const rule = rules[rightOf[actionOn(action, ref.versionId)]]
  if (ownsByRole(stores, asker, ref.account) && hasByRole(stores, asker, rule, ref)) return true
  return isAllowedByRows(stores, asker, rule, ref)
}

/** Which roles own the account of their user, as the configuration says. */
export type Roles = Pick<Stores, 'operatorRoles'>

/** True for those who may use rows that nobody proves, and set them anew: what they may is in no row (D-MAC-ANEW). */
export const ownsByRole = (stores: Roles, asker: Asker, account: string) =>
  includes(accessByRoles(stores, asker, account), 'owner')

/** What uses an object's rows: a request, or the node itself, which removes what is due. */
export type Actor = Asker | 'node'

/** Throws AccessDenied where the MAC of an object's row does not hold, unless whoever uses it owns the account by role. */
export function requireProven(stores: Roles, actor: Actor, account: string, holds: boolean): void {
  if (!holds && actor !== 'node' && !ownsByRole(stores, actor, account))
    throw new CofferError('AccessDenied')
}

const hasByRole = (stores: Roles, asker: Asker, rule: Rule, { account }: Resource) =>
  includes(accessByRoles(stores, asker, account), rule.access)

/** `account:user`, as rows and the audit name a writer. */
export function writerOf({ caller }: Asker): string {
  return caller === null ? '' : `${caller.account}:${caller.user}`
}

const includes = (access: AccountAccess, least: AccountAccess) =>
  accountAccess.indexOf(access) >= accountAccess.indexOf(least)

function accessByRoles(
  { operatorRoles = [] }: Roles,
  { caller }: Asker,
  account: string,
): AccountAccess {
  if (caller === null) return 'none'
  const { roles } = caller
  if (roles.includes('reseller_admin')) return 'reseller'
  const isOperator = () => operatorRoles.some((role) => roles.includes(role))
  if (caller.account === account && (roles.includes('admin') || isOperator())) return 'owner'
  return roles.includes('reseller_reader') ? 'reader' : 'none'
}

function accessByAccountAcl(caller: Caller, acl: AccountAcl | null): AccountAccess {
  if (caller === null || acl === null) return 'none'
  if (accountNamed(caller, acl.admin)) return 'owner'
  if (accountNamed(caller, acl.readWrite)) return 'writer'
  return accountNamed(caller, acl.readOnly) ? 'reader' : 'none'
}

/**
 * Looks into the account's ACL and the container's lists, as far as they can grant the right, in one read. A row whose MAC
 * does not hold grants nothing, and in a container with such a row nothing is allowed.
 */
async function isAllowedByRows(
  stores: Stores,
  asker: Asker,
  rule: Rule,
  ref: Resource,
): Promise<boolean> {
  const { catalog, macs } = stores
  const { account, container } = ref
  const { caller } = asker
  const keys: string[] = []
  const asked = container !== undefined && (rule.list !== undefined || caller !== null)
  if (asked) keys.push(rowKeys.container(account, container))
  if (caller !== null) keys.push(rowKeys.account(account))
  const rows = keys.length === 0 ? [] : await catalog.getMany(keys)
  const held = asked ? judged(containerRow, rows.shift(), macs) : undefined
  const owner = judged(accountRow, rows.shift(), macs)
  if (held?.holds === false) return false
  if (hasByRole(stores, asker, rule, ref)) return true
  if (includes(accessByAccountAcl(caller, owner?.row.acl ?? null), rule.access)) return true
  return held !== undefined && isAllowedByContainer(held.row.acl, asker, rule)
}

function isAllowedByContainer(acl: ContainerAcl, { caller, referrer }: Asker, rule: Rule): boolean {
  if (rule.list === undefined) return false
  const { groups, referrers, listings } = parseAcl(rule.list === 'write' ? acl.write : acl.read)
  if (caller !== null && groupAllowed(caller, groups)) return true
  if (rule.referrers === undefined) return false
  if (rule.referrers === 'withListings' && !listings) return false
  return referrerAllowed(referrer, referrers)
}
