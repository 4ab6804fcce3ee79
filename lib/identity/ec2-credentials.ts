// Access keys of users for S3, as `openstack ec2 credentials` makes them. The secret is sealed under the root key,
// because signatures are computed from it.
import { randomBytes } from 'node:crypto'
import { identityKeys } from '../catalog/identity-keys.ts'
import { nowMicros } from '../names.ts'
import { ec2Context } from './node-users.ts'
import { IdentityRefused } from './refused.ts'
import { type Change, limit, makeChange, missing, type Registry } from './registry.ts'
import type { Actor } from './rights.ts'
import { decodeFound } from './row-forms.ts'
import { requireActsFor, type UserName, userIdOf } from './user-names.ts'

/** Most access keys of a user: with its other credentials they fit into one commit, which removes the user. */
export const EC2_CREDENTIALS_MAX = 40

/** An access key with its secret, for whoever may have it. */
export interface Ec2Credential extends UserName {
  readonly access: string
  readonly secret: string
}

/**
 * The `userId` for a credential of the user. Where the user has a row, the change expects it: a commit that only expects
 * a row conflicts with its removal. Throws IdentityRefused `missing`.
 */
export async function expectUser(
  registry: Registry,
  change: Change,
  { account, user }: UserName,
): Promise<string> {
  const userId = registry.users.rowIdOf(account, user)
  if (userId === '') return userId
  const key = identityKeys.user(account, user)
  const found = await registry.catalog.get(key)
  const row = decodeFound('user', found, registry.macs)
  if (row === undefined || row.id !== userId) throw missing(`user: ${userIdOf({ account, user })}`)
  change.expect(key, found)
  return userId
}

/** Adds an access key to a change. It is sealed there, because a rewrap waits for changes that were begun. */
export function draftEc2Credential(
  { cipher }: Registry,
  change: Change,
  owner: UserName & { readonly userId: string },
  { access, secret }: Pick<Ec2Credential, 'access' | 'secret'>,
): void {
  const key = identityKeys.ec2Credential(access)
  const bytes = Buffer.from(secret)
  const sealed = cipher.seal(ec2Context(owner.account, access), bytes)
  bytes.fill(0)
  const row = { ...owner, createdMicros: nowMicros(), sealed }
  change.expect(key, undefined).put('ec2Credential', key, row)
}

/** Makes an access key. `drawn` is of other lengths for `coffer user key add`. Rejects with IdentityRefused. */
export async function createEc2Credential(
  registry: Registry,
  actor: Actor,
  name: UserName,
  drawn: { readonly access: string; readonly secret: string } = {
    access: randomBytes(16).toString('hex'),
    secret: randomBytes(16).toString('hex'),
  },
): Promise<Ec2Credential> {
  requireActsFor(registry, actor, userIdOf(name))
  const { account, user } = name
  const { access, secret } = drawn
  await makeChange(registry, async (change) => {
    const userId = await expectUser(registry, change, name)
    if (countOf(registry, name) >= EC2_CREDENTIALS_MAX) {
      throw limit('EC2 credentials of this user', EC2_CREDENTIALS_MAX)
    }
    draftEc2Credential(registry, change, { account, user, userId }, { access, secret })
  })
  return { account, user, access, secret }
}

/** The access keys of a user, with their secrets. */
export function listEc2Credentials(
  registry: Registry,
  actor: Actor,
  name: UserName,
): Ec2Credential[] {
  requireActsFor(registry, actor, userIdOf(name))
  const found: Ec2Credential[] = []
  for (const [access, row] of registry.directory.ec2) {
    if (row.account === name.account && row.user === name.user) found.push(opened(registry, access))
  }
  return found
}

/** One access key of a user. Throws IdentityRefused `missing`. */
export function ec2CredentialFor(
  registry: Registry,
  actor: Actor,
  name: UserName,
  access: string,
): Ec2Credential {
  requireActsFor(registry, actor, userIdOf(name))
  requireTheirs(registry, name, access)
  return opened(registry, access)
}

/** Removes an access key of a user. Rejects with IdentityRefused `missing`, `forbidden`. */
export async function deleteEc2Credential(
  registry: Registry,
  actor: Actor,
  name: UserName,
  access: string,
): Promise<void> {
  requireActsFor(registry, actor, userIdOf(name))
  requireTheirs(registry, name, access)
  const key = identityKeys.ec2Credential(access)
  await makeChange(registry, async (change) => {
    const row = await registry.catalog.get(key)
    if (row === undefined) throw missing(`credential: ${access}`)
    change.expect(key, row).del(key)
  })
}

/** Who has that access key, for the operator's command. */
export function holderOf({ directory }: Registry, access: string): UserName | undefined {
  return directory.ec2.get(access)
}

function requireTheirs({ directory }: Registry, { account, user }: UserName, access: string): void {
  const row = directory.ec2.get(access)
  if (row?.account !== account || row.user !== user) {
    throw new IdentityRefused('missing', `Could not find credential: ${access}.`)
  }
}

function opened({ directory, cipher }: Registry, access: string): Ec2Credential {
  const { account, user, sealed } = directory.ec2.get(access)!
  const bytes = cipher.open(ec2Context(account, access), sealed)
  const secret = bytes.toString()
  bytes.fill(0)
  return { account, user, access, secret }
}

const countOf = ({ directory }: Registry, { account, user }: UserName) =>
  [...directory.ec2.values()].filter((row) => row.account === account && row.user === user).length
