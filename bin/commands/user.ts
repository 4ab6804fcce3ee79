// `coffer user`: edits the users file, and makes the node on the data directory read it, where one runs.
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { grantingRoles } from '../../lib/auth/identity.ts'
import { faultOfName } from '../../lib/auth/users.ts'
import {
  addAccess,
  addUser,
  changePassword,
  drawSecrets,
  listUsers,
  removeAccess,
  removeUser,
} from '../../lib/auth/users-file.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { callControl } from '../../lib/control.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import { fileOf, type SourceOptions, shown, UsageRefused } from '../program.ts'

export interface PasswordOptions extends SourceOptions {
  /** True: the password is read from standard input. Absent: a random one is drawn. */
  readonly password?: string | true
}

export interface AddOptions extends PasswordOptions {
  readonly role: readonly string[]
}

/** The users file of a node: the configured one, or the one that its first start made. */
export function usersFileOf(config: Config): string {
  return config.users ?? join(config.data, 'users.yaml')
}

/** Adds a user and prints its secrets. Rejects with UsageRefused, UserRefused, FileInvalid. */
export async function add(account: string, name: string, options: AddOptions): Promise<void> {
  const roles = [...new Set(options.role)]
  refuseNames(account, name, roles)
  const config = configOf(options)
  const file = usersFileOf(config)
  const password = await passwordOf(options)
  if (config.users === undefined) makePrivateDirectory(config.data)
  const secrets = await addUser(file, { account, name, roles }, drawSecrets(password))
  print(`Added ${account}:${name} to ${shown(file)}. Shown once:`)
  if (password === undefined) print(`  password           ${secrets.password}`)
  printAccess(secrets)
  for (const warning of doubts(`${account}:${name}`, roles, config)) {
    process.stderr.write(`warning: ${warning}\n`)
  }
  await notifyNode(config)
}

/** Changes a user's Swift password. Rejects with UserRefused, FileInvalid. */
export async function passwd(
  account: string,
  name: string,
  options: PasswordOptions,
): Promise<void> {
  const config = configOf(options)
  const file = usersFileOf(config)
  const given = await passwordOf(options)
  const { password } = drawSecrets(given)
  await changePassword(file, { account, name, password })
  print(`${account}:${name} has a new password in ${shown(file)}; tokens of the old one end.`)
  if (given === undefined) print(`Shown once:\n  password           ${password}`)
  await notifyNode(config)
}

/** Adds an S3 credential to a user, and prints it. Rejects with UserRefused, FileInvalid. */
export async function addKey(account: string, name: string, options: SourceOptions): Promise<void> {
  const config = configOf(options)
  const file = usersFileOf(config)
  const secrets = drawSecrets()
  addAccess(file, { account, name, ...secrets })
  print(`Added an access key of ${account}:${name} to ${shown(file)}. Shown once:`)
  printAccess(secrets)
  await notifyNode(config)
}

/** Removes an S3 credential. Rejects with UserRefused, FileInvalid. */
export async function removeKey(access: string, options: SourceOptions): Promise<void> {
  const config = configOf(options)
  const file = usersFileOf(config)
  removeAccess(file, access)
  print(`Removed the access key ${access} from ${shown(file)}.`)
  await notifyNode(config)
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
function doubts(user: string, roles: readonly string[], { swift }: Config): string[] {
  const granting: readonly string[] = grantingRoles
  const known = [...granting, ...swift.resellers.map(({ serviceRole }) => serviceRole)]
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

function printAccess({ access, secret }: { access: string; secret: string }): void {
  print(`  access key id      ${access}`)
  print(`  secret access key  ${secret}`)
}

const passwordOf = async ({ password }: PasswordOptions) =>
  password === true ? await readPassword() : password

/** Prints a line for each user: account:user, roles, access keys. Rejects with FileInvalid. */
export async function list(options: SourceOptions): Promise<void> {
  for (const user of listUsers(usersFileOf(configOf(options)))) {
    const roles = user.roles.join(',') || '-'
    const keys = user.accessKeys.join(',') || '-'
    process.stdout.write(`${user.account}:${user.name}\t${roles}\t${keys}\n`)
  }
}

/** Removes a user. Rejects with UserRefused, FileInvalid. */
export async function remove(account: string, name: string, options: SourceOptions): Promise<void> {
  const config = configOf(options)
  const file = usersFileOf(config)
  removeUser(file, account, name)
  print(`Removed ${account}:${name} from ${shown(file)}.`)
  await notifyNode(config)
}

/** Makes the running node read its users file again. Rejects with ControlRefused where the file is wrong. */
export async function reload(options: SourceOptions): Promise<void> {
  await notifyNode(configOf(options))
}

function configOf(options: SourceOptions): Config {
  return loadConfig({ file: fileOf(options), data: options.data })
}

async function notifyNode(config: Config): Promise<void> {
  const answer = await callControl(config.data, 'reload-users', {})
  process.stdout.write(
    answer === null ? 'No node runs on this data.\n' : 'The running node has read the file.\n',
  )
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
