// `coffer user`: edits the users file, and tells the node that runs on the data directory, if one does.
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { type Config, loadConfig } from '../../lib/config.ts'
import { callControl } from '../../lib/control.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import { addUser, drawSecrets, listUsers, removeUser } from '../../lib/users-file.ts'
import { fileOf, type SourceOptions, shown } from '../program.ts'

export interface AddOptions extends SourceOptions {
  readonly role: readonly string[]
  /** True: ask for it. */
  readonly password?: string | true
}

/** The users file of a node: the configured one, or the one that its first start made. */
export function usersFileOf(config: Config): string {
  return config.users ?? join(config.data, 'users.yaml')
}

/** Adds a user and prints its secrets. Throws UserRefused, FileInvalid. */
export async function add(account: string, name: string, options: AddOptions): Promise<void> {
  const config = configOf(options)
  const file = usersFileOf(config)
  const password = options.password === true ? await askPassword() : options.password
  if (config.users === undefined) makePrivateDirectory(config.data)
  const user = { account, name, roles: options.role }
  const secrets = await addUser(file, user, drawSecrets(password))
  const lines = [
    `Added ${account}:${name} to ${shown(file)}. Shown once:`,
    ...(password === undefined ? [`  password           ${secrets.password}`] : []),
    `  access key id      ${secrets.access}`,
    `  secret access key  ${secrets.secret}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  await tellNode(config)
}

/** Prints one line a user: account:user, roles, access keys. Throws FileInvalid. */
export async function list(options: SourceOptions): Promise<void> {
  for (const user of listUsers(usersFileOf(configOf(options)))) {
    const roles = user.roles.join(',') || '-'
    const keys = user.accessKeys.join(',') || '-'
    process.stdout.write(`${user.account}:${user.name}\t${roles}\t${keys}\n`)
  }
}

/** Removes a user. Throws UserRefused, FileInvalid. */
export async function remove(account: string, name: string, options: SourceOptions): Promise<void> {
  const config = configOf(options)
  const file = usersFileOf(config)
  removeUser(file, account, name)
  process.stdout.write(`Removed ${account}:${name} from ${shown(file)}.\n`)
  await tellNode(config)
}

/** Makes the running node read its users file again. Throws ControlRefused where the file is wrong. */
export async function reload(options: SourceOptions): Promise<void> {
  await tellNode(configOf(options))
}

function configOf(options: SourceOptions): Config {
  return loadConfig({ file: fileOf(options), data: options.data })
}

async function tellNode(config: Config): Promise<void> {
  const answer = await callControl(config.data, 'reload-users', {})
  process.stdout.write(
    answer === null ? 'No node runs on this data.\n' : 'The running node has read the file.\n',
  )
}

/** Reads a line from standard input, without showing what is typed on a terminal. */
async function askPassword(): Promise<string> {
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
