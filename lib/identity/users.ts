// Users of the catalog: made, changed and removed. Users of users.yaml are seen beside them, and not changed here.
import { faultOfName } from '../auth/users.ts'
import { identityKeys } from '../catalog/identity-keys.ts'
import type { UserRow } from '../catalog/identity-rows.ts'
import { nowMicros, randomId } from '../names.ts'
import { draftEc2Credential } from './ec2-credentials.ts'
import type { UserFacts } from './node-users.ts'
import { draftProject, requireProjectId } from './projects.ts'
import { invalid, makeChange, missing, type Registry, readOnly, taken } from './registry.ts'
import { type Actor, managesProject, managesUser, requireGrant, requireRight } from './rights.ts'
import { decodeFound } from './row-forms.ts'
import { type UserName, userFor, userIdOf } from './user-names.ts'

/** Longest password, in characters, as in users.yaml. */
export const PASSWORD_CHARS_MAX = 1024
/** Most roles of a user. */
const ROLES_MAX = 64

export interface NewUser extends UserName {
  /** In the clear. Absent: the user has none, and logs in with what others make for it. */
  readonly password?: string
  readonly roles: readonly string[]
  readonly isEnabled?: boolean
  readonly description?: string
  readonly email?: string
}

export type UserPatch = Partial<Pick<NewUser, 'password' | 'isEnabled' | 'description' | 'email'>>

function requireNames({ account, user, roles }: NewUser): void {
  requireProjectId(account)
  const fault = faultOfName(user)
  if (fault !== null) throw invalid(`The name of a user ${fault}.`)
  for (const role of roles) requireRole(role)
  if (roles.length > ROLES_MAX) throw invalid(`A user has ${ROLES_MAX} roles at most.`)
}

function requireRole(role: string): void {
  const fault = faultOfName(role)
  if (fault !== null || role.includes(','))
    throw invalid(`The name of a role ${fault ?? 'has a comma'}.`)
}

/** The hash of a new password. Rejects with IdentityRefused `invalid`, StoreUnavailable where too many wait. */
async function hashOf({ checks }: Registry, password: string, address: string): Promise<string> {
  if (password === '') throw invalid('A password cannot be empty.')
  if ([...password].length > PASSWORD_CHARS_MAX) {
    throw invalid(`A password has ${PASSWORD_CHARS_MAX} characters at most.`)
  }
  return await checks.hash(password, address)
}

/**
 * Makes a user, with an access key where one was drawn. Its project must be there, unless `makesProject`. `address` is
 * who waits for the hash of the password. Rejects with IdentityRefused.
 */
export async function createUser(
  registry: Registry,
  actor: Actor,
  user: NewUser,
  {
    address,
    makesProject = false,
    key: drawn,
  }: {
    readonly address: string
    readonly makesProject?: boolean
    readonly key?: { readonly access: string; readonly secret: string }
  },
): Promise<UserFacts> {
  const { account, password, roles, isEnabled = true, description = '', email = '' } = user
  requireRight(managesProject(actor, account))
  requireNames(user)
  for (const role of roles) requireGrant(actor, account, role)
  const { catalog, users } = registry
  const hash = password === undefined ? null : await hashOf(registry, password, address)
  const key = identityKeys.user(account, user.user)
  await makeChange(registry, async (change) => {
    const [found, project] = await catalog.getMany([key, identityKeys.project(account)])
    if (found !== undefined || users.byName(account, user.user) !== undefined) {
      throw taken(`A user ${userIdOf(user)}`)
    }
    // The project's row is written again, so that a removal that saw no user conflicts. A project of the file has none.
    if (project !== undefined) change.touch(project)
    else if (users.project(account)?.isOfFile !== true) {
      if (!makesProject) throw missing(`project: ${account}`)
      await draftProject(registry, change, account, { description: '', isEnabled: true })
    }
    const userId = randomId()
    if (drawn !== undefined) {
      draftEc2Credential(registry, change, { account, user: user.user, userId }, drawn)
    }
    change.expect(key, undefined).put('user', key, {
      id: userId,
      createdMicros: nowMicros(),
      password: hash,
      roles: [...new Set(roles)],
      enabled: isEnabled,
      description,
      email,
    })
  })
  return users.factsOf(account, user.user)!
}

/** The row of a user that can be changed, in a commit that expects it. Throws IdentityRefused. */
async function changeRow(
  registry: Registry,
  name: UserName,
  changed: (row: UserRow) => UserRow,
): Promise<UserFacts> {
  const { account, user } = name
  const { catalog, users, macs } = registry
  if (users.factsOf(account, user)?.isOfFile) throw readOnly(`The user ${userIdOf(name)}`)
  const key = identityKeys.user(account, user)
  await makeChange(registry, async (change) => {
    const found = await catalog.get(key)
    const row = decodeFound('user', found, macs)
    if (row === undefined) throw missing(`user: ${userIdOf(name)}`)
    change.expect(key, found).put('user', key, changed(row))
  })
  return users.factsOf(account, user)!
}

/** Changes what an administrator may change. A new password ends the user's earlier tokens. */
export async function updateUser(
  registry: Registry,
  actor: Actor,
  name: UserName,
  patch: UserPatch,
  address: string,
): Promise<UserFacts> {
  const facts = userFor(registry, actor, userIdOf(name))
  requireRight(managesUser(actor, facts))
  if (facts.isOfFile) throw readOnly(`The user ${userIdOf(name)}`)
  const { password } = patch
  const hash = password === undefined ? undefined : await hashOf(registry, password, address)
  return await changeRow(registry, name, (row) => ({
    ...row,
    ...(hash !== undefined && { password: hash }),
    ...(patch.isEnabled !== undefined && { enabled: patch.isEnabled }),
    ...(patch.description !== undefined && { description: patch.description }),
    ...(patch.email !== undefined && { email: patch.email }),
  }))
}

/** Changes the password of a user who has just proven the old one. */
export async function changeOwnPassword(
  registry: Registry,
  name: UserName,
  password: string,
  address: string,
): Promise<void> {
  const hash = await hashOf(registry, password, address)
  await changeRow(registry, name, (row) => ({ ...row, password: hash }))
}

/** Gives a user a role in its own project. */
export async function addRole(registry: Registry, actor: Actor, name: UserName, role: string) {
  requireRole(role)
  const facts = userFor(registry, actor, userIdOf(name))
  requireRight(managesUser(actor, facts))
  requireGrant(actor, name.account, role)
  await changeRow(registry, name, (row) => {
    const roles = [...new Set([...row.roles, role])]
    if (roles.length > ROLES_MAX) throw invalid(`A user has ${ROLES_MAX} roles at most.`)
    return { ...row, roles }
  })
}

/** Takes a role away. Throws IdentityRefused `missing` where the user has it not. */
export async function removeRole(registry: Registry, actor: Actor, name: UserName, role: string) {
  const facts = userFor(registry, actor, userIdOf(name))
  requireRight(managesUser(actor, facts))
  requireGrant(actor, name.account, role)
  await changeRow(registry, name, (row) => {
    const roles = row.roles.filter((each) => each !== role)
    if (roles.length === row.roles.length) throw missing(`role assignment with role: ${role}`)
    return { ...row, roles }
  })
}

/** Removes a user and its credentials. What its account stores stays. */
export async function deleteUser(registry: Registry, actor: Actor, name: UserName): Promise<void> {
  const { account, user } = name
  const facts = userFor(registry, actor, userIdOf(name))
  requireRight(managesUser(actor, facts))
  if (facts.isOfFile) throw readOnly(`The user ${userIdOf(name)}`)
  const { catalog, directory } = registry
  const key = identityKeys.user(account, user)
  await makeChange(registry, async (change) => {
    const found = await catalog.get(key)
    if (found === undefined) throw missing(`user: ${userIdOf(name)}`)
    change.expect(key, found).del(key)
    const isTheirs = (row: UserName) => row.account === account && row.user === user
    // What another node adds meanwhile expects the user's row; what it has added is dead without that row.
    for (const [access, row] of directory.ec2) {
      if (isTheirs(row)) change.del(identityKeys.ec2Credential(access))
    }
    for (const [id, row] of directory.delegates) {
      if (isTheirs(row)) change.del(identityKeys.appCredential(id))
    }
  })
}
