// Application credentials: a password of its own with some of its user's roles, which a program has in the place of the
// user's password. The secret is kept as a hash, and shown once.
import { randomBytes } from 'node:crypto'
import { identityKeys } from '../catalog/identity-keys.ts'
import type { AppCredentialRow } from '../catalog/identity-rows.ts'
import { nowMicros, randomId } from '../names.ts'
import { expectUser } from './ec2-credentials.ts'
import { invalid, limit, makeChange, missing, type Registry, taken } from './registry.ts'
import { type Actor, isSelf, requireRight } from './rights.ts'
import { requireActsFor, type UserName, userIdOf } from './user-names.ts'
import { PASSWORD_CHARS_MAX } from './users.ts'

/** Most application credentials of a user, as for EC2 credentials. */
export const APP_CREDENTIALS_MAX = 40
/** Bytes of a secret that is drawn, as Keystone draws it. */
const SECRET_BYTES = 64

export type AppCredentialFacts = Omit<AppCredentialRow, 'secret' | 'userId'> & {
  readonly id: string
}

export interface NewAppCredential {
  readonly name: string
  readonly description?: string
  /** Absent: one is drawn. */
  readonly secret?: string
  /** Absent: all roles that the user has. */
  readonly roles?: readonly string[]
  readonly expiresSeconds?: number | null
  readonly isUnrestricted?: boolean
}

const factsOf = (id: string, { secret: _, userId: __, ...facts }: AppCredentialRow) => ({
  id,
  ...facts,
})

/** A user makes its own alone. Returns the secret, which is nowhere else. Rejects with IdentityRefused. */
export async function createAppCredential(
  registry: Registry,
  actor: Actor,
  name: UserName,
  asked: NewAppCredential,
  address: string,
): Promise<AppCredentialFacts & { readonly secret: string }> {
  const { account, user } = name
  requireRight(isSelf(actor, account, user))
  const facts = requireActsFor(registry, actor, userIdOf(name))
  const roles = asked.roles ?? facts.roles
  const held = new Set(actor === 'operator' ? [] : actor.roles)
  for (const role of roles) if (!held.has(role)) throw invalid(`You do not have the role ${role}.`)
  const { expiresSeconds = null } = asked
  if (expiresSeconds !== null && expiresSeconds * 1000 <= Date.now()) {
    throw invalid('expires_at is in the past.')
  }
  const secret = asked.secret ?? randomBytes(SECRET_BYTES).toString('base64url')
  if ([...secret].length > PASSWORD_CHARS_MAX) {
    throw invalid(`A secret has ${PASSWORD_CHARS_MAX} characters at most.`)
  }
  const hash = await registry.checks.hash(secret, address)
  const id = randomId()
  const key = identityKeys.appCredential(id)
  const row = {
    account,
    user,
    createdMicros: nowMicros(),
    name: asked.name,
    description: asked.description ?? '',
    secret: hash,
    roles: [...new Set(roles)],
    expiresSeconds,
    unrestricted: asked.isUnrestricted ?? false,
  }
  const whole = await makeChange(registry, async (change) => {
    const userId = await expectUser(registry, change, name)
    const others = listed(registry, name)
    if (others.some((each) => each.name === asked.name)) {
      throw taken(`An application credential ${asked.name}`)
    }
    if (others.length >= APP_CREDENTIALS_MAX) {
      throw limit('application credentials of this user', APP_CREDENTIALS_MAX)
    }
    const whole = { ...row, userId }
    change.expect(key, undefined).put('appCredential', key, whole)
    return whole
  })
  return { ...factsOf(id, whole), secret }
}

const listed = ({ directory }: Registry, { account, user }: UserName) =>
  Array.from(directory.delegates, ([id, row]) => factsOf(id, row)).filter(
    (row) => row.account === account && row.user === user,
  )

/** The application credentials of a user, without their secrets. Throws IdentityRefused. */
export function listAppCredentials(
  registry: Registry,
  actor: Actor,
  name: UserName,
): AppCredentialFacts[] {
  requireActsFor(registry, actor, userIdOf(name))
  return listed(registry, name)
}

/** Throws IdentityRefused `missing`. */
export function appCredentialFor(
  registry: Registry,
  actor: Actor,
  name: UserName,
  id: string,
): AppCredentialFacts {
  const found = listAppCredentials(registry, actor, name).find((each) => each.id === id)
  if (found === undefined) throw missing(`application credential: ${id}`)
  return found
}

/** Removes one; tokens that were issued by it end. Rejects with IdentityRefused `missing`, `forbidden`. */
export async function deleteAppCredential(
  registry: Registry,
  actor: Actor,
  name: UserName,
  id: string,
): Promise<void> {
  appCredentialFor(registry, actor, name, id)
  const key = identityKeys.appCredential(id)
  await makeChange(registry, async (change) => {
    const row = await registry.catalog.get(key)
    if (row === undefined) throw missing(`application credential: ${id}`)
    change.expect(key, row).del(key)
  })
}

/** The id of a user's application credential of that name; undefined where there is none. */
export const idOfAppCredential = (registry: Registry, name: UserName, credential: string) =>
  listed(registry, name).find((each) => each.name === credential)?.id
