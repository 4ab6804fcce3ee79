// A damaged piece of a file of the stores, as the searches for rot find it.
import { basename } from 'node:path'
import { describeReadError, readErrorOf } from './system-error.ts'

/** A piece of a file that is not as it was written. */
export interface Damage {
  /** Name of the file in the directory of its database or volume. */
  readonly file: string
  /** Where the damaged piece begins, in bytes. */
  readonly offset: number
  readonly what: string
  /** User keys that may lie in the damaged piece: greater than `after`, up to `last`. */
  readonly keys?: { readonly after?: Buffer; readonly last: Buffer }
  /** The file ends in the middle of a record, as a crash leaves it, and nothing sound follows. */
  readonly torn?: boolean
  /** The system's error where the piece, or the file, cannot be read. Its bytes may be sound. */
  readonly unreadable?: string
  /** A process that reads the piece through LevelDB may die of SIGBUS or of an assertion. */
  readonly deadly?: boolean
}

/** A failed read of `path` as a Damage; undefined where `error` is another error, or the file is missing. */
export function unreadableAt(path: string, offset: number, error: unknown): Damage | undefined {
  const found = readErrorOf(error)
  if (found === undefined) return undefined
  const what = describeReadError({ ...found, path })
  return { file: basename(path), offset, what, unreadable: found.code }
}
