// The child processes and the temporary directory of a row, which must be gone when the row ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Close = () => Promise<void> | void

export class Scope {
  /** A temporary directory (below TMPDIR), removed with the scope. */
  readonly dir = mkdtempSync(join(tmpdir(), 'coffer-bench-'))
  readonly #closes: Close[] = [() => rmSync(this.dir, { recursive: true, force: true })]

  /** Calls `close` when the scope ends, the last one first. It must be safe to call twice. */
  defer(close: Close): void {
    this.#closes.push(close)
  }

  /** Closes everything, also where a step fails. May be called more than once. */
  async close(): Promise<void> {
    for (let close = this.#closes.pop(); close !== undefined; close = this.#closes.pop()) {
      try {
        await close()
      } catch (error) {
        process.stderr.write(`bench: could not clean up: ${(error as Error).message}\n`)
      }
    }
  }
}
