// Makes the records that were put into a volume durable. LevelDB's own `sync` flushes the current log only, and not
// the log before, which a switch of memtables leaves behind (D-BARRIER). A barrier is therefore an fdatasync of
// every log, and an fsync of the directory where a log's name is new. A failed barrier is never retried: the kernel
// reports a lost page once, and the next fdatasync would succeed.
import { join } from 'node:path'
import type { Engine, SyncFile } from '../../leveldb/engine.ts'

/** Groups barriers. A caller waits for a run that begins after its call, never for one already under way. */
export class Barrier {
  readonly #run: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** `run` is not called again once it has rejected. */
  constructor(run: () => Promise<void>) {
    this.#run = run
  }

  /** Resolves after the next run; rejects with the error of the first run that failed. */
  wait(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#start()
    this.#next = this.#running.then(() => {
      this.#next = undefined
      return this.#start()
    })
    return this.#next
  }

  #start(): Promise<void> {
    const running = this.#run().then(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}

/** The logs of one open LevelDB database, and how to make them durable. */
export class Logs {
  readonly #engine: Engine
  readonly #location: string
  /** A descriptor on each log, opened when the log is first seen. A descriptor that is opened later may miss
   * an error which the kernel met while writing back. */
  readonly #files = new Map<string, SyncFile>()

  constructor(engine: Engine, location: string) {
    this.#engine = engine
    this.#location = location
  }

  /** Resolves when every record that was put before the call is durable. Rejects with the error of the file;
   * the volume must then take no more writes. */
  async sync(): Promise<void> {
    const names = (await this.#engine.list(this.#location)).filter((name) => name.endsWith('.log'))
    await this.#forget(names)
    let fresh = false
    for (const name of names) {
      if (this.#files.has(name)) continue
      const file = await this.#open(name)
      if (file === undefined) continue
      this.#files.set(name, file)
      fresh = true
    }
    await Promise.all(Array.from(this.#files.values(), (file) => file.datasync()))
    if (fresh) await this.#engine.syncDirectory(this.#location)
  }

  /** Closes the descriptors. Safe more than once. */
  async close(): Promise<void> {
    await this.#forget([])
  }

  /** Undefined where the log is gone. LevelDB unlinks a log only after it has synced the log's table and the
   * manifest, so that the records of such a log are durable. */
  async #open(name: string): Promise<SyncFile | undefined> {
    try {
      return await this.#engine.openFile(join(this.#location, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return undefined
    }
  }

  async #forget(present: readonly string[]): Promise<void> {
    for (const [name, file] of this.#files) {
      if (present.includes(name)) continue
      this.#files.delete(name)
      await file.close()
    }
  }
}
