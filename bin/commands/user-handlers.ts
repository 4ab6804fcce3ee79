// The node's side of `coffer user`: handlers for its control socket, which change users of the catalog as the operator.
// Where no node runs, the command opens the catalog and calls the same handlers.
import { drawSecrets } from '../../lib/auth/users-file.ts'
import { type ControlHandlers, ControlRefused } from '../../lib/control.ts'
import {
  createEc2Credential,
  deleteEc2Credential,
  holderOf,
} from '../../lib/identity/ec2-credentials.ts'
import { IdentityRefused } from '../../lib/identity/refused.ts'
import { missing, type Registry } from '../../lib/identity/registry.ts'
import { catalogRevocations } from '../../lib/identity/revocations.ts'
import type { UserName } from '../../lib/identity/user-names.ts'
import {
  addRole,
  createUser,
  deleteUser,
  removeRole,
  updateUser,
} from '../../lib/identity/users.ts'

/** A user of the catalog, as `user-list` answers it. */
export interface ListedUser {
  readonly account: string
  readonly name: string
  readonly roles: readonly string[]
  readonly accessKeys: readonly string[]
  readonly enabled: boolean
}

/** Whoever waits for a hash of the command line waits apart from clients. */
const address = 'the operator'
const operator = 'operator' as const

/** A field of the arguments, which must be text. */
function textOf(args: unknown, name: string): string {
  const value = (args as Record<string, unknown> | null)?.[name]
  if (typeof value !== 'string') throw new ControlRefused(`${name} must be text`)
  return value
}

const nameOf = (args: unknown): UserName => ({
  account: textOf(args, 'account'),
  user: textOf(args, 'user'),
})

function listOf({ directory }: Registry): ListedUser[] {
  const keys = new Map<string, string[]>()
  for (const [access, { account, user }] of directory.ec2) {
    const name = `${account}:${user}`
    keys.set(name, [...(keys.get(name) ?? []), access])
  }
  return Array.from(directory.users, ([account, users]) =>
    Array.from(users, ([name, { roles, enabled }]) => {
      const accessKeys = keys.get(`${account}:${name}`) ?? []
      return { account, name, roles, accessKeys, enabled }
    }),
  ).flat()
}

/** `registry` is read at each call, because the socket exists before the stores. */
export function userHandlers(registry: () => Registry): ControlHandlers {
  const handlers: ControlHandlers = {
    'user-add': async (args) => {
      const { roles } = args as { readonly roles: readonly string[] }
      const password = textOf(args, 'password')
      const key = drawSecrets(password)
      const user = { ...nameOf(args), password, roles: roles.map(String) }
      await createUser(registry(), operator, user, { address, makesProject: true, key })
      return { access: key.access, secret: key.secret }
    },
    'user-list': async () => ({ users: listOf(registry()) }),
    'user-remove': async (args) => {
      await deleteUser(registry(), operator, nameOf(args))
      return {}
    },
    'user-passwd': async (args) => {
      const patch = { password: textOf(args, 'password') }
      await updateUser(registry(), operator, nameOf(args), patch, address)
      return {}
    },
    'user-enable': async (args) => {
      const isEnabled = (args as { readonly enabled?: unknown }).enabled === true
      await updateUser(registry(), operator, nameOf(args), { isEnabled }, address)
      return {}
    },
    'user-role': async (args) => {
      const isGiven = (args as { readonly given?: unknown }).given === true
      await (isGiven ? addRole : removeRole)(
        registry(),
        operator,
        nameOf(args),
        textOf(args, 'role'),
      )
      return {}
    },
    logout: async (args) => {
      const { catalog, users } = registry()
      const name = nameOf(args)
      if (users.rowIdOf(name.account, name.user) === undefined) throw missing('user')
      await catalogRevocations(catalog).renew(name)
      return {}
    },
    'user-key-add': async (args) => {
      const drawn = drawSecrets()
      const { access, secret } = await createEc2Credential(
        registry(),
        operator,
        nameOf(args),
        drawn,
      )
      return { access, secret }
    },
    'user-key-remove': async (args) => {
      const access = textOf(args, 'access')
      const holder = holderOf(registry(), access)
      if (holder === undefined) throw new ControlRefused(`nobody has the access key ${access}`)
      await deleteEc2Credential(registry(), operator, holder, access)
      return {}
    },
  }
  return Object.fromEntries(
    Object.entries(handlers).map(([verb, handle]) => [
      verb,
      (args: unknown) => handle(args).catch((error) => refuse(error, args)),
    ]),
  )
}

/** Throws the refusal in the words of the command line. */
function refuse(error: unknown, args: unknown): never {
  if (!(error instanceof IdentityRefused)) throw error
  const { account, user } = (args ?? {}) as Record<string, unknown>
  if (error.reason === 'missing' && typeof user === 'string') {
    throw new ControlRefused(`account ${account} has no user ${user}`)
  }
  if (error.reason === 'taken') {
    throw new ControlRefused(`account ${account} has a user ${user} already`)
  }
  throw new ControlRefused(error.message)
}
