// The arguments of `coffer decrypt`.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ObjectName, Scope } from './catalog.ts'
import { Failure } from './failure.ts'
import { type KeySource, keySource, type RootKeys, rootKeySource } from './keys.ts'

/** The text of --help, which is in the man page too. */
export const USAGE = `Usage: coffer decrypt WHERE --account A --container C --object O [--version ID] KEYS [--out FILE]
       coffer decrypt WHERE --list [--account A [--container C]]
       coffer decrypt WHERE --all --out DIR [--account A [--container C]] KEYS

Turns stored objects back into bytes. No coffer may run on the data directory, and nothing in it is changed.

WHERE is --data DIR [--devices DIR,...], or --backup FILE with --data or --devices for the volumes:
  --data DIR        the data directory, or a copy of it
  --devices DIR,... where the volumes are (default: volumes in the data directory)
  --backup FILE     reads this backup in place of the data directory's catalog. A catalog in Redis
                    is read so

KEYS are one or more of these:
  --key-file FILE   a customer key: 32 bytes, or their hex or base64; may be given several times
  --keyring FILE    the operator's root keys. Without it rights are not checked

What:
  --version ID      that version; null for the null version (default: the current one)
  --list            one line of JSON for each version. No key is needed
  --all             every version, in files that are numbered; index.jsonl says what each is
  --out FILE        where to write (default: standard output). FILE must not exist; it appears
                    once the whole object has been found right
  --out DIR         with --all: a directory that is empty, or will be made. Nothing is written
                    outside

Exit codes: 0 done, 1 failed, 2 usage, 3 no such object, 4 wrong key, 5 damaged, 6 coffer is running.
What came out on standard output is the object only if the exit code is 0. --list and --all go on
behind what is damaged or has another key, and end with its code.
`

/** Where rows and records are read. */
export interface Where {
  readonly data: string | undefined
  readonly devices: readonly string[]
  readonly backup: string | undefined
}

interface Common {
  readonly where: Where
  /** Undefined where no keyring is at hand, so that nothing proves who wrote what rows say. */
  readonly rootKeys: RootKeys | undefined
}

export type Request =
  | { readonly what: 'help' }
  | (Common & {
      readonly what: 'object'
      readonly name: ObjectName
      readonly version: string | undefined
      readonly keys: KeySource
      readonly out: string | undefined
    })
  | (Common & { readonly what: 'list'; readonly scope: Scope })
  | (Common & {
      readonly what: 'all'
      readonly scope: Scope
      readonly keys: KeySource
      readonly out: string
    })

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        data: text,
        devices: text,
        backup: text,
        account: text,
        container: text,
        object: text,
        version: text,
        'key-file': { type: 'string', multiple: true },
        keyring: text,
        list: flag,
        all: flag,
        out: text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new Failure('usage', (error as Error).message)
  }
}

type Values = ReturnType<typeof parse>

function required(values: Values, name: 'data' | 'account' | 'container' | 'object' | 'out') {
  const value = values[name]
  if (!value) throw new Failure('usage', `--${name} is missing`)
  return value
}

function refuse(values: Values, what: string, ...names: readonly (keyof Values)[]): void {
  for (const name of names) {
    if (values[name] !== undefined) throw new Failure('usage', `${what} takes no --${name}`)
  }
}

function whereOf(values: Values): Where {
  const { backup } = values
  const data = backup === undefined ? required(values, 'data') : values.data
  const besides = data === undefined ? [] : [join(data, 'volumes')]
  return { data, devices: values.devices?.split(',') ?? besides, backup }
}

function keysOf({ 'key-file': keyFiles = [], keyring }: Values): KeySource {
  if (keyFiles.length === 0 && keyring === undefined) {
    throw new Failure('usage', 'give --key-file or --keyring, or both')
  }
  return keySource(keyFiles, keyring)
}

function scopeOf(values: Values): Scope {
  const { account, container } = values
  if (container !== undefined) required(values, 'account')
  return { account, container }
}

/** What the arguments ask for. Throws Failure usage, and failed where a key cannot be read. */
export function parseRequest(argv: readonly string[]): Request {
  const values = parse(argv)
  if (values.help) return { what: 'help' }
  const { keyring } = values
  const rootKeys = keyring === undefined ? undefined : rootKeySource(keyring)
  const common = { where: whereOf(values), rootKeys }
  if (values.list) {
    refuse(values, '--list', 'all', 'object', 'version', 'out', 'key-file')
    return { what: 'list', ...common, scope: scopeOf(values) }
  }
  if (values.all) {
    refuse(values, '--all', 'object', 'version')
    const out = required(values, 'out')
    return { what: 'all', ...common, scope: scopeOf(values), keys: keysOf(values), out }
  }
  const name = {
    account: required(values, 'account'),
    container: required(values, 'container'),
    object: required(values, 'object'),
  }
  const { version, out } = values
  return { what: 'object', ...common, name, version, keys: keysOf(values), out }
}
