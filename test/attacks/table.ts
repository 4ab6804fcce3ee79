// The table of attacks in a file of test/attacks/. Each row is an assertion, and the end prints how many
// attacks were tried, and against how many the node held.

import type { Test } from 'tap'

export interface AttackTable {
  /** Adds a row: what was tried, and whether the node held. `detail` is shown where it did not. */
  tried(name: string, held: boolean, detail?: unknown): void
}

/** The table of one topic. Prints `attacks <topic>: N tried, N held` at the end of the file's own test. */
export function attackTable(t: Test, topic: string): AttackTable {
  let tried = 0
  let held = 0
  t.teardown(() => t.comment(`attacks ${topic}: ${tried} tried, ${held} held`))
  return {
    tried(name, didHold, detail) {
      tried++
      if (didHold) held++
      t.ok(didHold, name, detail === undefined ? {} : { detail })
    },
  }
}
