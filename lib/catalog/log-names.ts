// The names of the catalog's logs. LevelDB syncs the content of its log, but not the directory entry of a log
// that it has just begun: after a power cut the file could be missing. The directory is therefore synced before
// anything in such a log counts as durable.
import type { Engine } from '../leveldb/engine.ts'

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: string }

/** Most bytes that an entry takes in LevelDB's memtable beyond key and value: sequence number, lengths, and a
 * skip list's node with a few pointers. */
const MEMTABLE_ENTRY_BYTES = 64

export interface LogNamesOptions {
  readonly engine: Engine
  /** The database's directory. */
  readonly location: string
  readonly writeBufferBytes: number
}

export class LogNames {
  readonly #options: LogNamesOptions
  #files = new Set<string>()
  /** Upper bound of the bytes in LevelDB's memtable since its log began. */
  #memtableBytes = 0
  /** During a compaction LevelDB may begin a log at any time, and not only when its memtable is full. */
  #compacting = false

  constructor(options: LogNamesOptions) {
    this.#options = options
  }

  /** Makes the names of all logs durable. Rejects with the error of the disk. */
  async sync(): Promise<void> {
    const { engine, location } = this.#options
    const names = (await engine.list(location)).filter((name) => name.endsWith('.log'))
    if (names.every((name) => this.#files.has(name))) return
    await engine.syncDirectory(location)
    this.#files = new Set(names)
    this.#memtableBytes = 0
  }

  /** Makes the names of all logs durable after a batch. LevelDB begins a log when its memtable is full, so
   * that the directory is read only when the memtable is nearly full. */
  async syncAfter(batch: readonly Operation[]): Promise<void> {
    for (const operation of batch) {
      const bytes =
        Buffer.byteLength(operation.key) + (operation.type === 'put' ? operation.value.length : 0)
      this.#memtableBytes += bytes + MEMTABLE_ENTRY_BYTES
    }
    const full = this.#memtableBytes > this.#options.writeBufferBytes * 0.9
    if (full || this.#compacting) await this.sync()
  }

  /** Runs a compaction, and makes the names of all logs durable. After a failure every later batch tries that
   * again, and is not acknowledged before. */
  async during(compact: () => Promise<void>): Promise<void> {
    this.#compacting = true
    await compact()
    await this.sync()
    this.#compacting = false
  }
}
