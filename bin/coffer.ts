#!/usr/bin/env node
// The program: arguments in, exit code out. Commands live in bin/commands, one file each, and are loaded
// when they are called: nothing may use libuv's thread pool before `serve` has set its size.
import { Command, CommanderError } from 'commander'
import { loadConfig } from '../lib/config.ts'
import type { CopyOptions } from './commands/catalog.ts'
import type { AddOptions } from './commands/user.ts'
import { fileOf, report, type SourceOptions, version } from './program.ts'

interface ServeOptions extends SourceOptions {
  readonly check?: boolean
}

function makeProgram(): Command {
  const program = new Command('coffer')
    .description('An object-storage node that speaks S3 and Swift, with customer-held keys')
    .enablePositionalOptions()
    .exitOverride()
  withSource(program.command('serve', { isDefault: true }))
    .description('run the node (this is what coffer does without a command)')
    .option('--check', 'say what is wrong with the configuration, and exit')
    .action(serve)
  const user = program.command('user').description('edit the users of the node')
  withSource(user.command('add <account> <user>'))
    .description('add a user and print its secrets, once')
    .option('--role <role>', 'a role; may be given more than once', collect, [])
    .option(
      '--password [password]',
      'without a value it is asked for; absent, a random one is drawn',
    )
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
  withSource(user.command('reload'))
    .description('let the running node read a users file that was edited by hand')
    .action(async (options) => (await import('./commands/user.ts')).reload(options))
  const catalog = program.command('catalog').description('move the catalog of a stopped node')
  catalog
    .command('copy')
    .description('copy every row to another store, and compare them afterwards')
    .requiredOption('--from <place>', 'level:DIR (a data directory), redis://…, or config:FILE')
    .requiredOption('--to <place>', 'the same; must be empty')
    .option('--password-file <file>', 'holds the password of a redis:// place')
    .action(async (options: CopyOptions) => (await import('./commands/catalog.ts')).copy(options))
  program
    .command('decrypt')
    .description('turn a stored object back into bytes, without a server')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .argument('[args...]')
    .action(decrypt)
  program
    .command('version')
    .description('print the version')
    .action(() => void process.stdout.write(`${version()}\n`))
  return program
}

/** Gives a command the options that say which node it is about. */
function withSource(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration (default: etc/coffer.yaml of this program)')
    .option('--data <dir>', 'the data directory; keyring and devices follow where they are not set')
}

const collect = (role: string, roles: string[]) => [...roles, role]

async function serve(options: ServeOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  if (options.check === true) {
    const { check } = await import('./commands/check.ts')
    check(config)
    return
  }
  const { sizeThreadPool } = await import('./thread-pool.ts')
  sizeThreadPool(config.devices.length)
  await (await import('./commands/serve.ts')).serve(config)
}

async function decrypt(args: string[]): Promise<void> {
  const { main } = await import('./decrypt.ts')
  process.exitCode = await main(args)
}

try {
  await makeProgram().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode
  else report(error)
}
