// The commands about users, with their options and help.
import type { Command } from 'commander'
import type { AddOptions, JsonOption, PasswordOptions } from './commands/user.ts'
import { withSource } from './source-options.ts'

const collect = (role: string, roles: string[]) => [...roles, role]

const commands = () => import('./commands/user.ts')

const withJson = (command: Command) =>
  withSource(command).option('--json', 'as one JSON object, or a list of them')

/** Adds `user` and its subcommands. */
export function addUserCommands(program: Command): void {
  const user = program.command('user').description('change the users of the node')
  const password = [
    '--password [password]',
    'without a value it is asked for; absent, a random one is drawn',
  ] as const
  withJson(user.command('add <account> <user>'))
    .description('add a user and print its secrets, once')
    .option('--role <role>', 'a role; may be given more than once', collect, [])
    .option(...password)
    .action(async (account: string, name: string, options: AddOptions) =>
      (await commands()).add(account, name, options),
    )
  withJson(user.command('list'))
    .description('list users, their roles and access keys')
    .action(async (options) => (await commands()).list(options))
  withJson(user.command('remove <account> <user>'))
    .description('remove a user and its credentials; what the account stores stays')
    .action(async (account: string, name: string, options: JsonOption) =>
      (await commands()).remove(account, name, options),
    )
  withJson(user.command('passwd <account> <user>'))
    .description('give a user another password and print it, once')
    .option(...password)
    .action(async (account: string, name: string, options: PasswordOptions) =>
      (await commands()).passwd(account, name, options),
    )
  for (const [word, enabled] of Object.entries({ disable: false, enable: true })) {
    withJson(user.command(`${word} <account> <user>`))
      .description(
        enabled ? 'let a disabled user log in again' : 'let a user neither log in nor sign',
      )
      .action(async (account: string, name: string, options: JsonOption) =>
        (await commands()).enable(account, name, enabled, options),
      )
  }
  const key = user.command('key').description('change the S3 access keys of users')
  withJson(key.command('add <account> <user>'))
    .description('give a user one more S3 access key and print it, once')
    .action(async (account: string, name: string, options: JsonOption) =>
      (await commands()).addKey(account, name, options),
    )
  withJson(key.command('remove <access>'))
    .description('take an S3 access key away; the user stays')
    .action(async (access: string, options: JsonOption) =>
      (await commands()).removeKey(access, options),
    )
  const role = user.command('role').description('change the roles of users')
  for (const [word, given] of Object.entries({ add: true, remove: false })) {
    withJson(role.command(`${word} <account> <user> <role>`))
      .description(given ? 'give a user a role' : 'take a role away from a user')
      .action(async (account: string, name: string, role: string, options: JsonOption) =>
        (await commands()).setRole(account, name, role, given, options),
      )
  }
  withJson(user.command('logout <account> <user>'))
    .description('end all tokens of a user, whose next login draws a new one')
    .action(async (account: string, name: string, options: JsonOption) =>
      (await commands()).logout(account, name, options),
    )
  withSource(user.command('reload'))
    .description('let the running node read a users file that was edited by hand')
    .action(async (options) => (await commands()).reload(options))
}
