#!/usr/bin/env node
// The program: arguments in, exit code out. Each command has a file in bin/commands, which is imported when the
// command is called: nothing may use libuv's thread pool before `serve` has set its size.
import { realpathSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { loadConfig } from '../lib/config/config.ts'
import type { BackupOptions } from './commands/backup.ts'
import type { CopyOptions } from './commands/catalog.ts'
import { exitCodes } from './commands/found.ts'
import type { FsckCommandOptions } from './commands/fsck.ts'
import type { AddKeyOptions, KeyOptions } from './commands/key.ts'
import type { RestoreOptions } from './commands/restore.ts'
import type { RewrapCommandOptions } from './commands/rewrap.ts'
import type { SalvageCommandOptions } from './commands/salvage.ts'
import type { ScrubCommandOptions } from './commands/scrub.ts'
import { readPort, readRate, readRows, readShare, readVolume } from './option-values.ts'
import { fileOf, report, type SourceOptions, version } from './program.ts'
import { withSource } from './source-options.ts'
import { addUserCommands } from './user-commands.ts'

interface ServeOptions extends SourceOptions {
  readonly check?: boolean
  readonly port?: number
}

/** The commands with their options and help. No command runs before the program parses arguments. */
export function makeProgram(): Command {
  const program = new Command('coffer')
    .description('An object-storage node that speaks S3 and Swift, with customer-held keys')
    .version(version(), '-V, --version', 'print the version')
    .enablePositionalOptions()
    .exitOverride()
  withSource(program.command('serve'))
    .description('run the node (this is what coffer does without a command)')
    .option('--check', 'say what is wrong with the configuration, and exit')
    .option(
      '--port <port>',
      'listen there instead: the first entry of listen on this port, each further one on the next; 0: on free ones',
      readPort,
    )
    .showHelpAfterError('(coffer --help lists the commands; a command goes before its options)')
    .action(serve)
  withSource(program.command('reload'))
    .description(
      'let the running node read users, certificates, root keys and log.level again and open the audit file anew, as SIGHUP does',
    )
    .action(async (options) => (await import('./commands/reload.ts')).reload(options))
  withSource(program.command('status'))
    .description('say what lies on each volume: live, dead, reclaimable; queue and catalog')
    .option('--json', 'as one JSON object')
    .action(async (options) => (await import('./commands/status.ts')).status(options))
  withSource(program.command('reclaim'))
    .description('give the disk back what deleted objects left in volumes')
    .option('--volume <id>', 'this volume alone, whatever its share of dead bytes', readVolume)
    .option(
      '--dead-share <share>',
      'volumes with at least this share of dead bytes (0.05)',
      readShare,
    )
    .option(
      '--rate <bytes>',
      'bytes a second, as 50M or 64MiB; 0: no limit (the configured rate; no limit without a node)',
      readRate,
    )
    .option('--all', 'also volumes of another format than storage.volumeFormat, whatever is dead')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
Volumes that take writes are rolled first and rewritten once no upload holds them. Each is copied
without what is dead, read back, and put in place by a rename; readers and writers go on meanwhile. A
volume that cannot be rewritten stays as it was. What is written has the format of storage.volumeFormat:
with --all a node is moved from one format to the other. Progress goes to standard error.

Exit code: 0 done, 1 a volume stayed as it was, 5 a rotten record was found (and copied as it is).`,
    )
    .action(async (options) => (await import('./commands/reclaim.ts')).reclaim(options))
  addUserCommands(program)
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
    .option('--keyring <file>', 'holds its root keys, where the node reads a copy of that file')
    .option('--accept-missing-keys', 'restore although root keys are lost that rows hang on')
    .action(async (file: string, options: RestoreOptions) =>
      (await import('./commands/restore.ts')).restore(file, options),
    )
  addKeyCommands(program)
  withSource(program.command('scrub'))
    .description(
      'read all that is stored against its checksums, without keys, beside a running node too',
    )
    .option('--rate <bytes>', 'at most so many bytes a second, as 50M or 64MiB', readRate)
    .option('--restart', 'from the beginning, where an earlier scrub was ended')
    .option('--json', 'one JSON object instead of lines')
    .addHelpText(
      'after',
      `
What is rotten, and what cannot be read, is named; the second need not be lost.

Exit code: 0 all is sound, 5 something is rotten or the disk does not give it, 1 it was ended, failed, or
could not read something for another reason.`,
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
    .option('--keyring <file>', 'checks MACs, where the node reads a copy of that file')
    .option('--rate <bytes>', 'at most so many bytes a second, as 50M or 64MiB', readRate)
    .option('--json', 'one JSON object instead of lines')
    .addHelpText(
      'after',
      `
With --accept-catalog a damaged catalog is kept beside the one that is made of what is left, and reclaim
stays off until a second --accept-catalog. Nothing is accepted while a file cannot be read.

Exit code: 0 nothing is wrong or all was repaired, 5 something is, 1 it failed, or could not read something.`,
    )
    .action(async (options: FsckCommandOptions) =>
      (await import('./commands/fsck.ts')).runFsck(options),
    )
  withSource(program.command('salvage'))
    .description(
      'make a volume of a stopped node that can be opened of what a damaged one still has',
    )
    .argument('<volume>', 'its id, as coffer status shows it', readVolume)
    .option('--dry-run', 'say what could be taken and what is lost, and do nothing')
    .option('--rate <bytes>', 'read at most so many bytes a second, as 50M or 64MiB', readRate)
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
    .description('print the version, as --version does')
    .action(() => void process.stdout.write(`${version()}\n`))
  return program
}

/** Adds the commands about root keys. */
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
    .option('--rate <rows>', 'rows written a second, at most', readRows, 1000)
    .action(async (options: RewrapCommandOptions) =>
      (await import('./commands/rewrap.ts')).rewrap(options),
    )
}

async function serve(options: ServeOptions): Promise<void> {
  const { data, port } = options
  const readConfig = () => loadConfig({ file: fileOf(options), data, port })
  const config = readConfig()
  if (options.check === true) {
    const { check } = await import('./commands/check.ts')
    await check(config)
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

/** The arguments, with `serve` in front where they name no command. */
function withCommand(args: readonly string[]): readonly string[] {
  const own = ['-h', '--help', '-V', '--version']
  const [first = '--'] = args
  return first.startsWith('-') && !own.includes(first) ? ['serve', ...args] : args
}

async function main(): Promise<void> {
  // LevelDB makes directories and files that are readable by all, unless the umask forbids it.
  process.umask(0o077)
  try {
    await makeProgram().parseAsync(withCommand(process.argv.slice(2)), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) report(error)
    // Help and version end with a CommanderError, too.
    else if (error.exitCode !== 0) process.exitCode = exitCodes.usage
  }
}

// packaging/manual.ts imports this file for the man page, and must run no command.
if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) await main()
