// The refusal to go on where a file cannot be read. It says why for each file, and advises nothing that loses
// data.
import { FileInvalid } from './file-invalid.ts'
import {
  adviceFor,
  describeReadError,
  isOfDisk,
  keepsFromReading,
  type SystemError,
  systemErrorOf,
} from './system-error.ts'

/** A file that exists and cannot be read. */
export interface UnreadableFile {
  /** Name of the file, for the operator. */
  readonly file: string
  /** The system's error. */
  readonly code: string
  /** `cannot be read (EACCES): …` */
  readonly what: string
}

/** A piece of a file that was looked at and found wanting. */
interface Look {
  /** Name of the file. */
  readonly file: string
  /** Where the piece begins. */
  readonly offset: number
  readonly what: string
  /** The system's error where the piece, or the file, cannot be read. */
  readonly unreadable?: string
}

const SHOWN_MAX = 10

/** Files cannot be read, so that their content is unknown. The message is for the operator. */
export class FilesUnreadable extends FileInvalid {
  readonly files: readonly UnreadableFile[]
  /** True where the disk is the reason for every file. False where this process may not, or could not, read
   * one. */
  readonly isOfDisk: boolean
  /** The message in one line. */
  readonly sentence: string

  /** `whose` says what the files belong to, as the beginning of a sentence. `also` are further lines of the
   * message. */
  constructor(whose: string, files: readonly UnreadableFile[], also: readonly string[] = []) {
    const lines = files.slice(0, SHOWN_MAX).map(({ file, what }) => `  ${file} ${what}`)
    if (files.length > SHOWN_MAX) lines.push(`  and ${files.length - SHOWN_MAX} more`)
    const advice = new Set(files.map(({ code }) => adviceFor(code)))
    const head = `${whose} cannot be read whole; that says nothing of what is in it, and nothing was changed:`
    super([[head, ...lines, ...also, ...advice].join('\n')])
    this.name = 'FilesUnreadable'
    this.files = files
    this.isOfDisk = files.every(({ code }) => isOfDisk(code))
    const [first] = files
    this.sentence = `${whose} cannot be read whole: ${first?.file} ${first?.what}`
  }
}

/** The files that could not be read, from a list of damages. Each file comes once. */
export function unreadableFiles(damages: readonly Look[]): UnreadableFile[] {
  const files = new Map<string, UnreadableFile>()
  for (const { file, offset, what, unreadable } of damages) {
    if (unreadable === undefined || files.has(file)) continue
    const shown = offset === 0 ? file : `${file} at byte ${offset}`
    files.set(file, { file: shown, what, code: unreadable })
  }
  return [...files.values()]
}

/** The file that `found` is about. `file` is used where the error names none. */
export function unreadableFile(found: SystemError, file: string): UnreadableFile {
  const path = found.path ?? file
  return { file: path, code: found.code, what: describeReadError({ ...found, path }) }
}

/** Throws FilesUnreadable where `error`, or a cause of it, is a system error that keeps `path` from being
 * read; otherwise throws `error`. */
export function throwUnreadable(whose: string, path: string, error: unknown): never {
  if (error instanceof FilesUnreadable) throw error
  const found = systemErrorOf(error)
  if (found === undefined || !keepsFromReading(found.code)) throw error
  throw new FilesUnreadable(whose, [unreadableFile(found, path)])
}

/** An error in one line. */
export function sentenceOf(error: unknown): string {
  if (error instanceof FilesUnreadable) return error.sentence
  if (!(error instanceof Error)) return String(error)
  // LevelDB's binding says only that a database failed to open, and has the reason in the cause.
  const { message, cause } = error
  return cause instanceof Error ? `${message}: ${sentenceOf(cause)}` : message
}
