// Volumes as LevelDB databases: the key of a record is its number, the value the sealed record and its checksum.
import type { Database, Engine } from '../../leveldb/engine.ts'
import type { Copy, Format, Handle, HandleOptions, NumberedValue } from '../format.ts'
import { recordKey } from '../record.ts'
import { LevelHandle, openVolumeDatabase } from './handle.ts'
import { Logs } from './logs.ts'

export class LevelFormat implements Format {
  readonly name = 'level'
  readonly #engine: Engine
  readonly #writeBufferBytes: number

  constructor(engine: Engine, writeBufferBytes: number) {
    this.#engine = engine
    this.#writeBufferBytes = writeBufferBytes
  }

  /** A log that is not yet a table, twice, and another when the copy is opened. */
  copyRoomBytes(): number {
    return 3 * this.#writeBufferBytes
  }

  handle(location: string, options: HandleOptions): Handle {
    return new LevelHandle(this.#engine, location, this.#writeBufferBytes, options)
  }

  makeCopy(location: string): Promise<Copy> {
    return this.#copy(location, true)
  }

  openCopy(location: string): Promise<Copy> {
    return this.#copy(location, false)
  }

  async #copy(location: string, create: boolean): Promise<Copy> {
    const db = await openVolumeDatabase(this.#engine, location, this.#writeBufferBytes, create)
    return new LevelCopy(db, new Logs(this.#engine, location))
  }
}

class LevelCopy implements Copy {
  readonly #db: Database<Buffer>
  readonly #logs: Logs

  constructor(db: Database<Buffer>, logs: Logs) {
    this.#db = db
    this.#logs = logs
  }

  put(records: readonly NumberedValue[]): Promise<void> {
    return this.#db.batch(
      records.map(({ number, value }) => ({ type: 'put', key: recordKey(number), value })),
    )
  }

  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#db.getMany(numbers.map(recordKey), { fillCache: false })
  }

  /** A database that was only read has a new log, too. */
  async finish(): Promise<void> {
    try {
      await this.#logs.sync()
    } finally {
      await this.abandon()
    }
  }

  async abandon(): Promise<void> {
    await this.#logs.close()
    await this.#db.close()
  }
}
