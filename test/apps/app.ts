// What an application of test/apps/ is: how it is installed, and what it does with a node.
import type { KeyHolder, Place } from './place.ts'

export interface Task {
  /** How it speaks: dialect, signature, transport. */
  readonly api: string
  readonly key: KeyHolder
  /** Why it is left out, where it is. */
  readonly skip?: string
  /** A backup and a restore, or a write and a read, in an empty bucket. Throws where what came back differs. */
  run(place: Place): Promise<void>
}

export interface Application {
  readonly name: string
  /** Installs it where it is not. Throws Unavailable where it cannot be had. */
  install(): Promise<{ readonly version: string; readonly tasks: readonly Task[] }>
}

/** An application that cannot be had on this machine. */
export class Unavailable extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'Unavailable'
  }
}
