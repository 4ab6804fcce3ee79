// Volumes as files: one append-only file of records, with an index beside it.
import { join } from 'node:path'
import type { Files } from '../../files.ts'
import type { Copy, Format, Handle, HandleOptions, NumberedValue } from '../format.ts'
import type { StoreLog } from '../options.ts'
import { WrittenFile } from './data-file.ts'
import { FileHandle } from './handle.ts'
import { HEAD_BYTES, RECORDS_NAME } from './layout.ts'
import { OpenedFile } from './opened.ts'
import { BATCH_BYTES } from './slabs.ts'

const ways = {
  direct: 'volumes as files are written past the page cache (O_DIRECT)',
  buffered: 'volumes as files are written through the page cache: the filesystem refuses O_DIRECT',
}

export class FileFormat implements Format {
  readonly name = 'file'
  readonly #files: Files
  readonly #log: StoreLog
  readonly #device: string
  #isDirect: boolean | undefined

  constructor(files: Files, log: StoreLog, device: string) {
    this.#files = files
    this.#log = log
    this.#device = device
  }

  /** Heads, which records that come from LevelDB did not count, and the last page. */
  copyRoomBytes(records: number): number {
    return records * HEAD_BYTES + BATCH_BYTES
  }

  handle(location: string, options: HandleOptions): Handle {
    return new FileHandle(this.#files, location, options, this.#found)
  }

  async makeCopy(location: string): Promise<Copy> {
    await this.#files.makeOne(location)
    const opened = await OpenedFile.make(
      this.#files,
      location,
      this.#writtenFile(location),
      () => {},
    )
    return new FileCopy(this.#files, location, opened)
  }

  async openCopy(location: string): Promise<Copy> {
    const opened = await OpenedFile.open(
      this.#files,
      location,
      this.#writtenFile(location),
      () => {},
    )
    return new FileCopy(this.#files, location, opened)
  }

  #writtenFile(location: string): WrittenFile {
    return new WrittenFile(this.#files, join(location, RECORDS_NAME), this.#found)
  }

  readonly #found = (isDirect: boolean): void => {
    if (isDirect === this.#isDirect) return
    this.#isDirect = isDirect
    this.#log.info({ device: this.#device }, isDirect ? ways.direct : ways.buffered)
  }
}

class FileCopy implements Copy {
  readonly #files: Files
  readonly #location: string
  readonly #opened: OpenedFile

  constructor(files: Files, location: string, opened: OpenedFile) {
    this.#files = files
    this.#location = location
    this.#opened = opened
  }

  async put(records: readonly NumberedValue[]): Promise<void> {
    for (const record of records) this.#opened.addValue(record)
    await this.#opened.room()
    this.#requireSound()
  }

  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#opened.values(numbers)
  }

  async finish(): Promise<void> {
    try {
      await this.#opened.written()
      this.#requireSound()
      await this.#opened.sync()
      await this.#opened.index()
      await this.#files.syncDirectory(this.#location)
    } finally {
      await this.#opened.close()
    }
  }

  abandon(): Promise<void> {
    return this.#opened.close()
  }

  #requireSound(): void {
    const { failure } = this.#opened
    if (failure !== undefined) throw failure
  }
}
