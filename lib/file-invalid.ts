// Files that an operator wrote or can repair. A file that may not be read is neither missing nor wrong. The
// message about it names its owner.
import { readFileSync, statSync } from 'node:fs'
import { describeReadError, systemErrorOf } from './system-error.ts'

/** A file cannot be used. `problems` are complete lines to print, at least one. */
export class FileInvalid extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[], cause?: unknown) {
    super(problems.join('\n'), cause === undefined ? undefined : { cause })
    this.name = 'FileInvalid'
    this.problems = problems
  }
}

/** The text of a file. Throws FileInvalid, with the system's error as its cause, where it cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** False where there is no such file. Throws FileInvalid where the system does not say. */
export function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    if (systemErrorOf(error)?.code === 'ENOTDIR') return false
    throw unreadable(file, error)
  }
}

/** Throws `error` where it is not the system's. */
function unreadable(file: string, error: unknown): FileInvalid {
  const found = systemErrorOf(error)
  if (found === undefined) throw error
  return new FileInvalid([`${file}: ${describeReadError({ ...found, path: file })}`], error)
}
