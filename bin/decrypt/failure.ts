// How `coffer decrypt` ends when it cannot do what it was asked.

/** Exit codes. Part of the program's interface: docs/format.md §11. */
export const exitCodes = {
  done: 0,
  /** The system or the program failed: a file that cannot be read or written, an interruption. */
  failed: 1,
  usage: 2,
  /** No such object or version, or a delete marker. */
  missing: 3,
  /** The key is not the object's, or not of its kind. */
  wrongKey: 4,
  /** A checksum, commitment, tag, flag or size does not hold, or bytes are missing. */
  damaged: 5,
  /** A coffer runs on the data directory. */
  running: 6,
} as const

/** An end that has an exit code and a sentence for the operator. Never holds a key. */
export class Failure extends Error {
  readonly exit: keyof typeof exitCodes

  constructor(exit: keyof typeof exitCodes, message: string) {
    super(message)
    this.name = 'Failure'
    this.exit = exit
  }
}
