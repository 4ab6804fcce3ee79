#!/usr/bin/env node
// The program: arguments in, exit code out. Commands live in bin/commands, one file each, and are loaded
// when they are called: nothing may use libuv's thread pool before `serve` has set its size.
import { realpathSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { loadConfig } from '../lib/config.ts'
import type { BackupOptions } from './commands/backup.ts'
import type { CopyOptions } from './commands/catalog.ts'
import type { FsckCommandOptions } from './commands/fsck.ts'
import type { AddKeyOptions, KeyOptions } from './commands/key.ts'
import type { RewrapCommandOptions } from './commands/rewrap.ts'
import type { SalvageCommandOptions } from './commands/salvage.ts'
import type { ScrubCommandOptions } from './commands/scrub.ts'
import type { AddOptions } from './commands/user.ts'
import { fileOf, report, type SourceOptions, version } from './program.ts'

interface ServeOptions extends SourceOptions {
  readonly check?: boolean
}

/** The commands with their options and help; nothing runs before it parses arguments. */
export function makeProgram(): Command {
  const program = new Command('coffer')
    .description('An object-storage node that speaks S3 and Swift, with customer-held keys')
    .enablePositionalOptions()
    .exitOverride()
  withSource(program.command('serve', { isDefault: true }))
    .description('run the node (this is what coffer does without a command)')
    .option('--check', 'say what is wrong with the configuration, and exit')
    .action(serve)
  withSource(program.command('reload'))
    .description(
      'let the running node read users, certificates and log.level again and open the audit file anew, as SIGHUP does',
    )
    .action(async (options) => (await import('./commands/reload.ts')).reload(options))
  withSource(program.command('status'))
    .description('say what lies on each volume: live, dead, reclaimable; queue and catalog')
    .option('--json', 'as one JSON object')
    .action(async (options) => (await import('./commands/status.ts')).status(options))
  withSource(program.command('reclaim'))
    .description('give the disk back what deleted objects left in volumes')
    .option('--volume <id>', 'this volume alone, whatever its share of dead bytes')
    .option('--dead-share <share>', 'volumes with at least this share of dead bytes (0.05)')
    .option(
      '--rate <bytes>',
      'bytes a second, 0: no limit (the configured rate; no limit without a node)',
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
Volumes that take writes are rolled first and rewritten once no upload holds them. Each is copied
without what is dead, read back, and put in place by a rename; readers and writers go on meanwhile. A
volume that cannot be rewritten stays as it was.

Exit code: 0 done, 1 a volume stayed as it was, 5 a rotten record was found (and copied as it is).`,
    )
    .action(async (options) => (await import('./commands/reclaim.ts')).reclaim(options))
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
  withSource(user.command('logout <account> <user>'))
    .description('end all tokens of a user, whose next login draws a new one')
    .action(async (account: string, name: string, options: SourceOptions) =>
      (await import('./commands/logout.ts')).logout(account, name, options),
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
  withSource(program.command('backup <file>'))
    .description(
      'write the catalog to a file, of a running node too; neither volumes nor keys are in it',
    )
    .option('--verify', 'only read a backup that is there, and say whether it is whole')
    .action(async (file: string, options: BackupOptions) =>
      (await import('./commands/backup.ts')).backup(file, options),
    )
  withSource(program.command('restore <file>'))
    .description('make the catalog of a stopped node from a backup, where there is none')
    .action(async (file: string, options: SourceOptions) =>
      (await import('./commands/restore.ts')).restore(file, options),
    )
  addKeyCommands(program)
  withSource(program.command('scrub'))
    .description(
      'read all that is stored against its checksums, without keys, beside a running node too',
    )
    .option('--rate <bytes>', 'at most so many bytes a second, as 50M')
    .option('--restart', 'from the beginning, where an earlier scrub was ended')
    .option('--json', 'one JSON object instead of lines')
    .addHelpText(
      'after',
      '\nExit code: 0 all is sound, 5 something is rotten, 1 it was ended or failed.',
    )
    .action(async (options: ScrubCommandOptions) =>
      (await import('./commands/scrub.ts')).runScrub(options),
    )
  withSource(program.command('fsck'))
    .description(
      'prove the catalog of a stopped node against itself and its volumes, changing nothing',
    )
    .option('--repair', 'mend what follows from other rows: counters, lost references, orphans')
    .option('--accept-catalog', 'go on with a catalog that is older than its volumes, or damaged')
    .option('--no-records', 'rows only; otherwise every record is read, too')
    .option('--rate <bytes>', 'at most so many bytes a second, as 50M')
    .option('--json', 'one JSON object instead of lines')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing is wrong or all was repaired, 5 something is, 1 it failed.',
    )
    .action(async (options: FsckCommandOptions) =>
      (await import('./commands/fsck.ts')).runFsck(options),
    )
  withSource(program.command('salvage <volume>'))
    .description(
      'make a volume of a stopped node that can be opened of what a damaged one still has',
    )
    .option('--dry-run', 'say what could be taken and what is lost, and do nothing')
    .option('--rate <bytes>', 'read at most so many bytes a second, as 50M')
    .option('--json', 'one JSON object instead of lines')
    .addHelpText(
      'after',
      `
Every record that holds its checksum is taken, and the objects that lost some are named. The damaged
files are kept beside the volume, under a name that ends in .damaged. Where nothing is wrong with the
volume its quarantine is lifted.

Exit code: 0 no record is lost, 5 some are, 1 it failed, and changed nothing.`,
    )
    .action(async (volume: string, options: SalvageCommandOptions) =>
      (await import('./commands/salvage.ts')).runSalvage(volume, options),
    )
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

/** Commands about root keys. */
function addKeyCommands(program: Command): void {
  const key = program.command('key').description('change the root keys of the node')
  const keyring = [
    '--keyring <file>',
    'the file to change, where the node reads a copy of it',
  ] as const
  withSource(key.command('add'))
    .description('add a random root key; nothing is under it before it is activated')
    .option('--id <id>', 'its id (default: a random one)')
    .option(...keyring)
    .action(async (options: AddKeyOptions) => (await import('./commands/key.ts')).add(options))
  withSource(key.command('list'))
    .description('list root keys, and how many versions and uploads are under each')
    .action(async (options) => (await import('./commands/key.ts')).list(options))
  withSource(key.command('activate <id>'))
    .description('make a root key the one that wraps from now on')
    .option(...keyring)
    .action(async (id: string, options: KeyOptions) =>
      (await import('./commands/key.ts')).activate(id, options),
    )
  withSource(program.command('rewrap'))
    .description(
      'wrap what is under older root keys under the active one, then compact the catalog',
    )
    .option('--from <id>', 'only what is under this key')
    .option('--rate <rows>', 'rows written a second, at most', '1000')
    .action(async (options: RewrapCommandOptions) =>
      (await import('./commands/rewrap.ts')).rewrap(options),
    )
}

/** Gives a command the options that say which node it is about. */
function withSource(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'the configuration (default: $COFFER_CONFIG, or etc/coffer.yaml of this program)',
    )
    .option('--data <dir>', 'the data directory; keyring and devices follow where they are not set')
}

const collect = (role: string, roles: string[]) => [...roles, role]

async function serve(options: ServeOptions): Promise<void> {
  const readConfig = () => loadConfig({ file: fileOf(options), data: options.data })
  const config = readConfig()
  if (options.check === true) {
    const { check } = await import('./commands/check.ts')
    check(config)
    return
  }
  const { sizeThreadPool } = await import('./thread-pool.ts')
  sizeThreadPool(config.devices.length)
  await (await import('./commands/serve.ts')).serve(config, readConfig)
}

async function decrypt(args: string[]): Promise<void> {
  const { main } = await import('./decrypt.ts')
  process.exitCode = await main(args)
}

async function main(): Promise<void> {
  // LevelDB makes its directories and files for everybody to read, as far as the mask lets it.
  process.umask(0o077)
  try {
    await makeProgram().parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode
    else report(error)
  }
}

// The man page is made from the same commands (packaging/manual.ts), and runs none.
if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) await main()
