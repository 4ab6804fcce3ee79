// `coffer rewrap`: wraps all body keys that are under older root keys under the active one. A running node goes
// on when the command is interrupted, and another call of the command joins that run.
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../../lib/config/config.ts'
import { sayUse } from '../../lib/upkeep/hanging-rows.ts'
import type { RewrapProgress } from '../../lib/upkeep/rewrap.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { printKeys } from './key.ts'
import { withUpkeep } from './upkeep.ts'

export interface RewrapCommandOptions extends SourceOptions {
  readonly from?: string
  /** Rows a second. */
  readonly rate: number
}

const POLL_MS = 200
/** Time between two lines of progress. */
const SAY_MS = 10_000

/** Rewraps, and prints the progress. Rejects with ControlRefused, or the error that stopped the run; a later
 * run goes on. Rows that could not be opened make the exit code 1. */
export async function rewrap(options: RewrapCommandOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  await withUpkeep(config, async (call) => {
    const args = { from: options.from, rowsPerSecond: options.rate }
    const { joined } = await call('rewrap-start', args)
    if (joined === true) process.stdout.write('A rewrap was under way already.\n')
    let saidMs = performance.now()
    for (;;) {
      const now = (await call('rewrap-status')) as unknown as RewrapProgress & { running: boolean }
      if (!now.running) {
        end(now)
        break
      }
      if (performance.now() - saidMs >= SAY_MS) {
        saidMs = performance.now()
        process.stdout.write(`${now.phase}: ${count(now.scanned)} rows seen, ${done(now)}\n`)
      }
      await sleep(POLL_MS)
    }
    await printKeys(call)
  })
}

const count = (n: number) => n.toLocaleString('en')

const done = (now: RewrapProgress) => `${sayUse(now) || 'nothing'} brought under ${now.active}`

function end(now: RewrapProgress): void {
  process.stdout.write(`${done(now)}.\n`)
  for (const failure of now.failures) process.stderr.write(`${failure}\n`)
  if (now.failed > 0) {
    process.stderr.write(`${count(now.failed)} rows could not be opened and stay as they are.\n`)
    process.exitCode = 1
  }
  if (now.phase !== 'done') throw new Error('the node ended before the work was done: run it again')
  process.stdout.write(
    now.compacted
      ? 'The catalog is compacted: older envelopes are gone from its files, not from its backups.\n'
      : 'Older envelopes stay in the files of Redis until it rewrites them: BGREWRITEAOF and BGSAVE.\n',
  )
}
