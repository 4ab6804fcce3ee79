// A volume as one append-only file in the directory of its generation. The file is opened for the first read or write,
// and closed while other volumes need the memory. After a failed write or sync it is never written again: a note says
// so to later processes, and the device takes another volume (D-FILE-SPENT).
import { join } from 'node:path'
import type { Files } from '../../files.ts'
import {
  type Handle,
  type HandleOptions,
  HEADER_BLOB,
  type SealedRecord,
  type TakeNumber,
} from '../format.ts'
import { OnDemand } from '../on-demand.ts'
import { storedBytesOf } from './batches.ts'
import { WrittenFile } from './data-file.ts'
import { RECORDS_NAME } from './layout.ts'
import { NoRecords, OpenedFile, SPENT_NOTE } from './opened.ts'

/** Appends of one blob that may wait for a batch to be written. */
const APPENDS_MAX = 4

export class FileHandle implements Handle {
  readonly appendsMax = APPENDS_MAX
  readonly #files: Files
  readonly #location: string
  readonly #failed: (error: unknown) => void
  readonly #direct: (isDirect: boolean) => void
  readonly #opened: OnDemand<OpenedFile>
  #isSpent = false
  /** The name of the file in its directory is durable. */
  #isNamed = true
  #stopped: Error | undefined
  #hopeless: NoRecords | undefined

  /** `direct` is called with whether the file is written past the page cache, when that is known. */
  constructor(
    files: Files,
    location: string,
    { readable, failed }: HandleOptions,
    direct: (isDirect: boolean) => void,
  ) {
    this.#files = files
    this.#location = location
    this.#failed = failed
    this.#direct = direct
    this.#opened = new OnDemand(() => this.#open(), readable)
  }

  get isSpent(): boolean {
    return this.#isSpent
  }

  async make(): Promise<void> {
    await this.#files.makeOne(this.#location)
    this.#isNamed = false
    await this.#opened.open(() =>
      OpenedFile.make(this.#files, this.#location, this.#writtenFile(), (error) =>
        this.#spend(error),
      ),
    )
  }

  open(): Promise<void> {
    return this.#opened.open()
  }

  /** A file without anything in it can be opened, and has no record. */
  async isHalfMade(): Promise<boolean> {
    return false
  }

  onlyRead(): void {
    this.#opened.onlyRead()
    this.#opened.files?.mendIndex()
  }

  async lastNumber(): Promise<number | undefined> {
    return this.#opened.requireOpen().lastNumber
  }

  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#opened.read((file) => file.values(numbers))
  }

  append(record: SealedRecord, take: TakeNumber): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped
    const file = this.#opened.requireOpen()
    file.add(record, take(storedBytesOf(record.length)))
    return file.room()
  }

  async putHeader(number: number, value: Buffer): Promise<void> {
    this.#opened.requireOpen().addValue({ number, blob: HEADER_BLOB, index: 0, value })
  }

  async written(): Promise<void> {
    await this.#opened.files?.written()
  }

  async sync(): Promise<void> {
    try {
      // The descriptor outlives the name: on a disk that was unmounted, or is another one now, nothing is written.
      await this.#files.list(this.#location)
      await this.#opened.requireOpen().sync()
      if (!this.#isNamed) await this.#files.syncDirectory(this.#location)
      this.#isNamed = true
    } catch (error) {
      this.#spend(error)
      throw error
    }
  }

  stop(error: Error): void {
    this.#stopped ??= error
  }

  async finish(): Promise<void> {
    await this.#opened.requireOpen().index()
  }

  idle(): Promise<void> {
    return this.#opened.idle()
  }

  close(): Promise<void> {
    return this.#opened.close()
  }

  end(): Promise<void> {
    return this.#opened.end()
  }

  async #open(): Promise<OpenedFile> {
    // To look through a large file once more, every second, would find nothing either.
    if (this.#hopeless !== undefined) throw this.#hopeless
    const note = await this.#files.readNote(join(this.#location, SPENT_NOTE)).catch(() => undefined)
    try {
      const failed = (error: unknown) => this.#spend(error)
      const opened = await OpenedFile.open(this.#files, this.#location, this.#writtenFile(), failed)
      // Numbers that lie in what cannot be read must not be used again.
      if (note !== undefined || opened.isUnread) this.#isSpent = true
      if (!this.#isSpent) this.#stopped = undefined
      return opened
    } catch (error) {
      if (error instanceof NoRecords) this.#hopeless = error
      throw error
    }
  }

  #writtenFile(): WrittenFile {
    return new WrittenFile(this.#files, join(this.#location, RECORDS_NAME), this.#direct)
  }

  #spend(error: unknown): void {
    if (!this.#isSpent) {
      const text = `${new Date().toISOString()} ${(error as Error).message}\n`
      // Where the note cannot be written either, a later process writes behind all that was ever written.
      void this.#files.note(join(this.#location, SPENT_NOTE), text).catch(() => undefined)
    }
    this.#isSpent = true
    this.#failed(error)
  }
}
