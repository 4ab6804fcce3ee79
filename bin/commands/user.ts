// `coffer user`: users of the catalog, through the running node or in its place. Users of users.yaml are listed with them.
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { grantingRoles } from '../../lib/auth/identity.ts'
import { faultOfName } from '../../lib/auth/users.ts'
import { drawSecrets, UserRefused } from '../../lib/auth/users-file.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { callControl } from '../../lib/control.ts'
import { fileOf, type SourceOptions, UsageRefused } from '../program.ts'
import { callUsers } from './user-calls.ts'
import type { ListedUser } from './user-handlers.ts'
import { listUsersFile } from './users-file.ts'

export interface JsonOption extends SourceOptions {
  readonly json?: boolean
}

export interface PasswordOptions extends JsonOption {
  /** True: the password is read from standard input. Absent: a random one is drawn. */
  readonly password?: string | true
}

export interface AddOptions extends PasswordOptions {
  readonly role: readonly string[]
}

/** The secrets that a command has made, which are printed once. */
interface Made {
  readonly password?: string
  readonly access?: string
  readonly secret?: string
}

/** Prints what a command has done: a sentence and the secrets, or one JSON object. */
function say({ json }: JsonOption, sentence: string, made: Made = {}): void {
  if (json === true) {
    print(JSON.stringify(made))
    return
  }
  const shown = {
    'password           ': made.password,
    'access key id      ': made.access,
    'secret access key  ': made.secret,
  }
  const lines = Object.entries(shown).filter(([, value]) => value !== undefined)
  print(lines.length === 0 ? sentence : `${sentence} Shown once:`)
  for (const [name, value] of lines) print(`  ${name}${value}`)
}

/** Adds a user and prints its secrets. Rejects with UsageRefused, ControlRefused. */
export async function add(account: string, name: string, options: AddOptions): Promise<void> {
  const roles = [...new Set(options.role)]
  refuseNames(account, name, roles)
  const config = configOf(options)
  const given = await passwordOf(options)
  const { password } = drawSecrets(given)
  const args = { account, user: name, roles, password }
  const { access, secret } = (await callUsers(config, 'user-add', args, 'make')) as unknown as Made
  const drawn = given === undefined ? { password } : {}
  say(options, `Added ${account}:${name}.`, { ...drawn, access: access!, secret: secret! })
  for (const warning of doubts(`${account}:${name}`, roles, config)) {
    process.stderr.write(`warning: ${warning}\n`)
  }
}

/** Changes a user's password. Rejects with UserRefused, ControlRefused. */
export async function passwd(
  account: string,
  name: string,
  options: PasswordOptions,
): Promise<void> {
  const given = await passwordOf(options)
  const { password } = drawSecrets(given)
  await callUsers(configOf(options), 'user-passwd', { account, user: name, password })
  const drawn = given === undefined ? { password } : {}
  say(options, `${account}:${name} has a new password; tokens of the old one end.`, drawn)
}

/** Adds an S3 credential to a user, and prints it. Rejects with ControlRefused. */
export async function addKey(account: string, name: string, options: JsonOption): Promise<void> {
  const args = { account, user: name }
  const made = (await callUsers(configOf(options), 'user-key-add', args)) as unknown as Made
  say(options, `Added an access key of ${account}:${name}.`, made)
}

/** Removes an S3 credential. Rejects with ControlRefused. */
export async function removeKey(access: string, options: JsonOption): Promise<void> {
  await callUsers(configOf(options), 'user-key-remove', { access })
  say(options, `Removed the access key ${access}.`)
}

/** Lets a user log in, or not. Rejects with ControlRefused. */
export async function enable(
  account: string,
  name: string,
  enabled: boolean,
  options: JsonOption,
): Promise<void> {
  await callUsers(configOf(options), 'user-enable', { account, user: name, enabled })
  say(
    options,
    enabled
      ? `Enabled ${account}:${name}.`
      : `Disabled ${account}:${name}: nothing of it logs in or signs.`,
  )
}

/** Gives a user a role, or takes it away. Rejects with UsageRefused, ControlRefused. */
export async function setRole(
  account: string,
  name: string,
  role: string,
  given: boolean,
  options: JsonOption,
): Promise<void> {
  refuseNames(account, name, [role])
  await callUsers(configOf(options), 'user-role', { account, user: name, role, given })
  say(options, `${account}:${name} ${given ? 'has' : 'no longer has'} the role ${role}.`)
}

/** Refuses names that users.yaml or a login could not hold. Throws UsageRefused. */
function refuseNames(account: string, name: string, roles: readonly string[]): void {
  const words = [['account', account] as const, ['user', name] as const]
  for (const [what, word] of [...words, ...roles.map((role) => ['role', role] as const)]) {
    const fault = faultOfName(word)
    if (fault !== null) throw new UsageRefused(`the ${what} ${JSON.stringify(word)} ${fault}`)
  }
  if (account.includes(':')) {
    throw new UsageRefused(
      `the account ${JSON.stringify(account)} has a colon: a login is account:user, and the first colon divides it`,
    )
  }
}

/** Warnings about a new user that the operator may not have meant. */
function doubts(user: string, roles: readonly string[], { swift, identity }: Config): string[] {
  const granting: readonly string[] = [...grantingRoles, ...identity.operatorRoles]
  const ofKeys = ['creator', 'observer', 'audit', 'service']
  const known = [...granting, ...ofKeys, ...swift.resellers.map(({ serviceRole }) => serviceRole)]
  const named = granting.join(', ')
  const doubted = roles
    .filter((role) => !known.includes(role))
    .map(
      (role) => `nothing here knows the role ${JSON.stringify(role)}; those with rights: ${named}`,
    )
  if (!roles.some((role) => granting.includes(role))) {
    doubted.push(
      `${user} has no role that gives rights: everything is denied to it that no ACL opens (--role admin owns the account)`,
    )
  }
  return doubted
}

const print = (line: string) => void process.stdout.write(`${line}\n`)

/** A password that was given is not empty. Throws UserRefused. */
async function passwordOf({ password }: PasswordOptions): Promise<string | undefined> {
  const given = password === true ? await readPassword() : password
  if (given === '') throw new UserRefused('a password cannot be empty')
  return given
}

/** Prints every user: account:user, roles, access keys, and what is out of the ordinary. Rejects with FileInvalid. */
export async function list(options: JsonOption): Promise<void> {
  const config = configOf(options)
  const ofFile = listUsersFile(config).map((user) => ({ ...user, enabled: true, file: true }))
  const named = new Set(ofFile.map(({ account, name }) => `${account}:${name}`))
  const answer = await callUsers(config, 'user-list', {}, 'nothing')
  const rows = ((answer?.users ?? []) as ListedUser[])
    .filter(({ account, name }) => !named.has(`${account}:${name}`))
    .map((user) => ({ ...user, file: false }))
  const all = [...ofFile, ...rows]
  if (options.json === true) {
    print(JSON.stringify(all))
    return
  }
  for (const { account, name, roles, accessKeys, enabled, file } of all) {
    const columns = [`${account}:${name}`, roles.join(',') || '-', accessKeys.join(',') || '-']
    if (file) columns.push('users.yaml')
    if (!enabled) columns.push('disabled')
    print(columns.join('\t'))
  }
}

/** Removes a user and its credentials. Rejects with ControlRefused. */
export async function remove(account: string, name: string, options: JsonOption): Promise<void> {
  await callUsers(configOf(options), 'user-remove', { account, user: name })
  say(options, `Removed ${account}:${name}.`)
}

/** Ends every token of a user. Rejects with ControlRefused. */
export async function logout(account: string, name: string, options: JsonOption): Promise<void> {
  await callUsers(configOf(options), 'logout', { account, user: name })
  say(options, `Ended all tokens of ${account}:${name}.`)
}

/** Makes the running node read its users file again. Rejects with ControlRefused where the file is wrong. */
export async function reload(options: SourceOptions): Promise<void> {
  const answer = await callControl(configOf(options).data, 'reload-users', {})
  print(answer === null ? 'No node runs on this data.' : 'The running node has read the file.')
}

function configOf(options: SourceOptions): Config {
  return loadConfig({ file: fileOf(options), data: options.data })
}

/** Reads a line from standard input. A terminal does not show what is typed. */
async function readPassword(): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = process.stdin.isTTY === true
  if (terminal) process.stderr.write('Password: ')
  const lines = createInterface({ input: process.stdin, output: silent, terminal })
  const line = await new Promise<string>((resolve) => {
    lines.once('line', resolve)
    lines.once('close', () => resolve(''))
  })
  lines.close()
  if (terminal) process.stderr.write('\n')
  return line
}
