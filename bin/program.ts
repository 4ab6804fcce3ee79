// What all commands share: the choice of the configuration, and the report of a failure.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserRefused } from '../lib/auth/users-file.ts'
import { DiskMissing } from '../lib/blobs/disk.ts'
import { ReclaimRefused } from '../lib/blobs/reclaim.ts'
import { SalvageRefused } from '../lib/blobs/salvage/salvage.ts'
import { CopyRefused } from '../lib/catalog/copy.ts'
import { ControlRefused, DataDirectoryInUse } from '../lib/control.ts'
import { CofferError } from '../lib/errors.ts'
import { FileInvalid } from '../lib/file-invalid.ts'
import { describeReadError, readErrorOf } from '../lib/system-error.ts'
import { ListenRefused } from '../middleware/http/listeners.ts'
import { exitCodes } from './commands/found.ts'

export interface SourceOptions {
  readonly config?: string
  readonly data?: string
}

const pathTo = (inProgram: string) => fileURLToPath(new URL(`../${inProgram}`, import.meta.url))

/**
 * The configuration file to read: the named one, that of COFFER_CONFIG (which an installed package sets), or
 * the program's own; undefined where the program has none.
 */
export function fileOf({ config }: SourceOptions): string | undefined {
  if (config !== undefined) return config
  if (process.env.COFFER_CONFIG) return process.env.COFFER_CONFIG
  const own = pathTo('etc/coffer.yaml')
  return existsSync(own) ? shown(own) : undefined
}

/** `path` relative to the working directory, where that is shorter to type. In `/` it is the whole path. */
export function shown(path: string): string {
  const short = relative('', path)
  return short.startsWith('..') || short === '' || process.cwd() === '/' ? path : short
}

export function version(): string {
  return JSON.parse(readFileSync(pathTo('package.json'), 'utf8')).version
}

/** The arguments contradict one another, or are out of bounds. */
export class UsageRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageRefused'
  }
}

/**
 * Prints why a command failed, and sets the exit code: 1, or 2 for a wrong command line. A failure that an
 * operator can repair is one line. Any other is printed with its stack, but without the error's other
 * properties, which may hold a secret.
 */
export function report(error: unknown): void {
  const lines = error instanceof FileInvalid ? error.message : `coffer: ${describe(error)}`
  process.stderr.write(`${lines}\n`)
  process.exitCode = error instanceof UsageRefused ? exitCodes.usage : exitCodes.failed
}

const mendable = [
  UsageRefused,
  ListenRefused,
  UserRefused,
  ControlRefused,
  DataDirectoryInUse,
  CopyRefused,
  ReclaimRefused,
  DiskMissing,
  SalvageRefused,
]

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const system = error as NodeJS.ErrnoException
  if (system.syscall !== undefined || mendable.some((known) => error instanceof known)) {
    return error.message
  }
  // `message` is a sentence for an operator, and never holds a secret.
  if (error instanceof CofferError && typeof error.details.message === 'string') {
    const { message, key } = error.details
    const found = readErrorOf(error.cause)
    const why = found === undefined ? '' : `: ${found.path ?? 'a file'} ${describeReadError(found)}`
    return key === undefined ? `${message}${why}` : `${message} (${key})${why}`
  }
  return error.stack ?? error.message
}
