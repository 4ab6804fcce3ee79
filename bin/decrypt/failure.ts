// How `coffer decrypt` ends when it fails.

/** Exit codes, part of the program's interface (docs/format.md §11). */
export const exitCodes = {
  done: 0,
  /** The system or the program failed: a file that cannot be read or written, an interruption. */
  failed: 1,
  usage: 2,
  /** There is no such object or version, or the version is a delete marker. */
  missing: 3,
  /** The key is not the object's, or not of the right kind. */
  wrongKey: 4,
  /** A checksum, commitment, tag, flag or size is wrong, or bytes are missing. */
  damaged: 5,
  /** A coffer runs on the data directory. */
  running: 6,
} as const

/** A failure with an exit code and a sentence for the operator. It never holds a key. */
export class Failure extends Error {
  readonly exit: keyof typeof exitCodes

  constructor(exit: keyof typeof exitCodes, message: string) {
    super(message)
    this.name = 'Failure'
    this.exit = exit
  }
}
