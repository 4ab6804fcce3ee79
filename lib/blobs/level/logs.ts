// Makes the records that were put into a LevelDB volume durable. LevelDB's own `sync` flushes the current log only, and not
// the log before, which a switch of memtables leaves behind (D-BARRIER). A barrier is therefore an fdatasync of
// every log, and an fsync of the directory where a log's name is new.
import { join } from 'node:path'
import type { Files, SyncFile } from '../../files.ts'

/** The logs of one open LevelDB database, and how to make them durable. */
export class Logs {
  readonly #disk: Files
  readonly #location: string
  /** A descriptor on each log, opened when the log is first seen. A descriptor that is opened later may miss
   * an error which the kernel met while writing back. */
  readonly #files = new Map<string, SyncFile>()

  constructor(disk: Files, location: string) {
    this.#disk = disk
    this.#location = location
  }

  /** Resolves when every record that was put before the call is durable. Rejects with the error of the file;
   * the volume must then take no more writes. */
  async sync(): Promise<void> {
    const names = (await this.#disk.list(this.#location)).filter((name) => name.endsWith('.log'))
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
    if (fresh) await this.#disk.syncDirectory(this.#location)
  }

  /** Closes the descriptors. Safe more than once. */
  async close(): Promise<void> {
    await this.#forget([])
  }

  /** Undefined where the log is gone. LevelDB unlinks a log only after it has synced the log's table and the
   * manifest, so that the records of such a log are durable. */
  async #open(name: string): Promise<SyncFile | undefined> {
    try {
      return await this.#disk.openFile(join(this.#location, name))
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
