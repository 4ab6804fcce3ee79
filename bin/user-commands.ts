// The commands about users, with their options and help.
import type { Command } from 'commander'
import type { AddOptions, PasswordOptions } from './commands/user.ts'
import type { SourceOptions } from './program.ts'
import { withSource } from './source-options.ts'

const collect = (role: string, roles: string[]) => [...roles, role]

/** Adds `user` and its subcommands. */
export function addUserCommands(program: Command): void {
  const user = program.command('user').description('edit the users of the node')
  const password = [
    '--password [password]',
    'without a value it is asked for; absent, a random one is drawn',
  ] as const
  withSource(user.command('add <account> <user>'))
    .description('add a user and print its secrets, once')
    .option('--role <role>', 'a role; may be given more than once', collect, [])
    .option(...password)
    .action(async (account: string, name: string, options: AddOptions) =>
      (await import('./commands/user.ts')).add(account, name, options),
    )
  withSource(user.command('list'))
    .description('list users, their roles and access keys')
    .action(async (options) => (await import('./commands/user.ts')).list(options))
  withSource(user.command('remove <account> <user>'))
    .description('remove a user; what the account stores stays')
    .action(async (account: string, name: string, options: SourceOptions) =>
      (await import('./commands/user.ts')).remove(account, name, options),
    )
  withSource(user.command('passwd <account> <user>'))
    .description('give a user another password, for Swift, and print it, once')
    .option(...password)
    .action(async (account: string, name: string, options: PasswordOptions) =>
      (await import('./commands/user.ts')).passwd(account, name, options),
    )
  withSource(user.command('add-key <account> <user>'))
    .description('give a user one more S3 access key and print it, once')
    .action(async (account: string, name: string, options: SourceOptions) =>
      (await import('./commands/user.ts')).addKey(account, name, options),
    )
  withSource(user.command('remove-key <access>'))
    .description('take an S3 access key away; the user stays')
    .action(async (access: string, options: SourceOptions) =>
      (await import('./commands/user.ts')).removeKey(access, options),
    )
  withSource(user.command('logout <account> <user>'))
    .description('end all tokens of a user, whose next login draws a new one')
    .action(async (account: string, name: string, options: SourceOptions) =>
      (await import('./commands/logout.ts')).logout(account, name, options),
    )
  withSource(user.command('reload'))
    .description('let the running node read a users file that was edited by hand')
    .action(async (options) => (await import('./commands/user.ts')).reload(options))
}
