// A process for salvage-kill.test.ts: salvages one volume, and kills itself just before the n-th call of
// salvage to the engine.
import { readFileSync } from 'node:fs'
import { Killer, killingEngine } from '../helpers/killing-engine.ts'
import { type BrokenVolume, salvageBroken } from '../helpers/salvage.ts'

export interface Job {
  readonly broken: BrokenVolume
  /** The call before which the process dies. A number beyond the last call lets salvage finish. */
  readonly nth: number
}

if (import.meta.main) {
  const { broken, nth }: Job = JSON.parse(readFileSync(process.argv[2]!, 'utf8'))
  const killer = new Killer()
  killer.arm(nth)
  await salvageBroken(killingEngine(killer), broken)
}
