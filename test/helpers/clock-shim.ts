// The library in test/fault/shim that shifts a node's wall clock while the node runs.
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { buildPreload } from './preload.ts'

export interface ShiftedClock {
  /** The environment of a process with the shifted clock. */
  readonly environment: Record<string, string>
  /** Shifts the process' wall clock to so many seconds ahead of this machine's; below 0: behind. */
  shift(seconds: number): void
}

/** Builds the shim. Returns the reason where a test must be skipped. */
export function buildClock(t: { teardown(fn: () => void): unknown }): ShiftedClock | string {
  const built = buildPreload(t, 'clock-shim')
  if (typeof built === 'string') return built
  const file = join(built.directory, 'clock')
  writeFileSync(file, Buffer.alloc(8))
  const fd = openSync(file, 'r+')
  t.teardown(() => closeSync(fd))
  return {
    environment: { LD_PRELOAD: built.library, CLOCK_SHIM_CONTROL: file },
    shift(seconds) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(seconds))
      writeSync(fd, bytes, 0, 8, 0)
    },
  }
}
