// `coffer user logout`: ends the tokens of a user, through the running node, or in its place where none runs.
import { listUsers, UserRefused } from '../../lib/auth/users-file.ts'
import type { Coffer } from '../../lib/coffer.ts'
import { loadConfig } from '../../lib/config/config.ts'
import { ControlRefused, callControl } from '../../lib/control.ts'
import { catalogRevocations } from '../../lib/identity/revocations.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { withStores } from './stores.ts'
import { usersFileOf } from './user.ts'

/** Ends every token of a user. Rejects with UserRefused, ControlRefused, and the errors of a store. */
export async function logout(account: string, name: string, options: SourceOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  const known = listUsers(usersFileOf(config))
  if (!known.some((user) => user.account === account && user.name === name)) {
    throw new UserRefused(`account ${account} has no user ${name}`)
  }
  const user = { account, user: name }
  if ((await callControl(config.data, 'logout', user)) === null) {
    await withStores(config, ({ catalog }) => catalogRevocations(catalog).renew(user))
  }
  process.stdout.write(`Ended all tokens of ${account}:${name}.\n`)
}

/** The running node's side of the command. Rejects with ControlRefused where there is no such user. */
export async function answerLogout(
  { tokens, registry: { users } }: Pick<Coffer, 'tokens' | 'registry'>,
  args: unknown,
): Promise<object> {
  const { account, user } = (args ?? {}) as Record<string, unknown>
  const known = users.byName(String(account), String(user))
  if (known === undefined) throw new ControlRefused('no such user')
  await tokens.logout(known)
  return {}
}
