// The man page coffer(1). Commands and options are read from the program itself, so that they cannot differ.
// Files, environment, signals and exit codes are written here by hand.
import type { Command } from 'commander'
import { makeProgram } from '../bin/coffer.ts'
import { USAGE } from '../bin/decrypt.ts'

const DESCRIPTION = `coffer is an object-storage node that speaks Amazon S3 and OpenStack Swift over the same objects,
and in which the customer can hold the key (SSE-C). Everything it stores is sealed with AES-256-GCM:
under the client's key where the request brings one, under the operator's root key otherwise.

Without a command it runs the node. Commands about a data directory talk to the node that runs on it,
or open it themselves where none does.`

const FILES: Readonly<Record<string, string>> = {
  '/etc/coffer/coffer.yaml':
    'The configuration of an installed package; every key is explained in it.',
  '/var/lib/coffer':
    'The data directory of an installed package: catalog, volumes, the control socket control.sock, ' +
    'and, where the configuration names no other, keyring, users.yaml and the development certificate.',
  '/var/lib/coffer/first-secrets':
    'The secrets of the user that the first start has made, as lines for a shell, where that start had no terminal to show ' +
    'them on. Every start names the file until it is removed.',
  '/usr/share/doc/coffer': 'How to run it, what of S3 and Swift is built, and the stored format.',
}

const ENVIRONMENT: Readonly<Record<string, string>> = {
  COFFER_CONFIG: 'The configuration file where --config names none.',
  COFFER_USER:
    'Of the Debian package: the user as whom coffer goes on when root calls it, so that nothing in the data ' +
    'becomes root’s (default: coffer). root where a file has to be read or written that only root may, ' +
    'as in coffer key add --keyring FILE.',
  UV_THREADPOOL_SIZE:
    'Makes the thread pool of coffer serve larger than it would be; never smaller.',
  MALLOC_MMAP_THRESHOLD_: '67108864 makes PUT and GET take 10 to 20 % less CPU with glibc.',
  MALLOC_ARENA_MAX: '2 keeps the memory of glibc from growing for hours.',
}

const SIGNALS: Readonly<Record<string, string>> = {
  'SIGTERM, SIGINT':
    'Refuse new requests, let those under way end for limits.drainTimeoutMs, close the databases. ' +
    'Again after a second: end at once.',
  SIGHUP:
    'Read users, certificates, root keys and log.level again, and open the audit file anew; coffer reload also says what was wrong.',
}

const EXIT = `0 is success, 1 failure and 2 a command line that cannot be meant, with the reason on standard error. Commands
that tell more than that name their codes above.`

const EXAMPLES = `coffer serve --check --config /etc/coffer/coffer.yaml
coffer user add main alice --role admin
coffer status
coffer backup /srv/backup/catalog.coffer`

/** Text without roff commands: escapes backslashes, and dots and quotes at the beginning of a line. */
function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', '\\(cq')
    .replace(/^([.'])/gm, '\\&$1')
}

const section = (name: string, text: string) => `.SH ${name}\n${text}`
const paragraphs = (text: string) => plain(text).replaceAll('\n\n', '\n.PP\n')
const literal = (text: string) => `.PP\n.nf\n${plain(text)}\n.fi`

function list(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([term, text]) => `.TP\n.B ${plain(term)}\n${plain(text)}`)
    .join('\n')
}

/** The text that a command prints after its help, to which commander gives no access. */
function afterHelp(command: Command): string {
  let printed = ''
  const collect = (text: string) => {
    printed += text
  }
  command.configureOutput({ writeOut: collect }).outputHelp()
  return printed.replace(command.helpInformation(), '').trim()
}

/** The commands without subcommands, with their full names. */
function leavesOf(command: Command, path: string): { path: string; command: Command }[] {
  return command.commands.flatMap((child) => {
    const name = `${path} ${child.name()}`
    return child.commands.length === 0 ? [{ path: name, command: child }] : leavesOf(child, name)
  })
}

function describe(path: string, command: Command): string {
  // `decrypt` parses its own arguments, because it shares no code with the server.
  if (command.name() === 'decrypt') return `.SS ${plain(path)}\n${literal(USAGE.trim())}`
  const usage = command.usage().replace(/^\[options\] ?/, '')
  const options = Object.fromEntries(
    command.options.map(({ flags, description }) => [flags, `${sentence(description)}.`]),
  )
  const after = afterHelp(command)
  return [
    `.SS ${plain(`${path} ${usage}`.trim())}`,
    `${plain(sentence(command.description()))}.`,
    list(options),
    after === '' ? '' : `.PP\n${paragraphs(after)}`,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** The page as roff (man(7)). */
export function renderManual(version: string): string {
  const program = makeProgram()
  const commands = leavesOf(program, program.name())
  return `${[
    `.TH COFFER 1 "" "coffer ${version}" "User Commands"`,
    section(
      'NAME',
      `coffer \\- object storage that speaks S3 and Swift, with customer\\-held keys`,
    ),
    section('SYNOPSIS', `.B coffer\n[\\fIcommand\\fR] [\\fIoptions\\fR]`),
    section('DESCRIPTION', paragraphs(DESCRIPTION)),
    section('COMMANDS', commands.map(({ path, command }) => describe(path, command)).join('\n')),
    section('FILES', list(FILES)),
    section('ENVIRONMENT', list(ENVIRONMENT)),
    section('SIGNALS', list(SIGNALS)),
    section('EXIT STATUS', plain(EXIT)),
    section('EXAMPLES', literal(EXAMPLES)),
    section('SEE ALSO', '.BR systemctl (1),\n.BR journalctl (1),\n.BR runuser (1)'),
  ].join('\n')}\n`
}
