// The table of attacks that a file of test/attacks/ tries: each row is an assertion, and the end says how
// many were tried and how many held.

import type { Test } from 'tap'

export interface AttackTable {
  /** A row: what was tried, and whether the node held. `detail` is shown where it did not. */
  tried(name: string, held: boolean, detail?: unknown): void
}

/** The table of one topic, made by the file's own test; prints `attacks <topic>: N tried, N held` at its end. */
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
