// The storage engine under volumes and catalog: LevelDB databases, with what is done to their files by
// whoever has them closed (lib/files.ts). The only file that imports `level`; the tests run the same code on an engine
// of memory-level (test/helpers/memory-engine.ts), which has no files.
import { access } from 'node:fs/promises'
import { type GetManyOptions, type GetOptions, type IteratorOptions, Level } from 'level'
import { diskFiles, type Files } from '../files.ts'
import { ROW_KEY_BYTES_MAX } from '../names.ts'
import { throwUnreadable } from '../unreadable.ts'
import { requireReadable } from './readable.ts'

/** The kinds of key that a database may have, by the name of their encoding. */
export interface Keys {
  utf8: string
  buffer: Buffer
}

/** Bounds of an iterator, and its options. */
export type Range<K> = IteratorOptions<K, Buffer>

/**
 * An open database; values are Buffers, and those that come out of it are owned by the caller, who may
 * release them. `put` and `batch` copy key and value before they return; `get` does not copy its key
 * (lib/bytes/release.ts). `sync: true` flushes the current log only. After a
 * rejected write nothing may be written: close the database, and open it again (D-FAILED-WRITE).
 */
export interface Database<K>
  extends Pick<
    Level<K, Buffer>,
    'getSync' | 'put' | 'batch' | 'iterator' | 'keys' | 'snapshot' | 'close'
  > {
  /** Undefined where there is no such key. */
  get(key: K, options?: GetOptions<K, Buffer>): Promise<Buffer | undefined>
  getMany(keys: K[], options?: GetManyOptions<K, Buffer>): Promise<(Buffer | undefined)[]>
  /** Moves what lies in the log and in overlapping tables of a range into tables that do not overlap. */
  compactRange(start: K, end: K): Promise<void>
}

export interface OpenOptions<E extends keyof Keys> {
  readonly keyEncoding: E
  /** Size of LevelDB's memtable and log. Up to two memtables are in memory. */
  readonly writeBufferBytes: number
  /** Greatest size of a table file. */
  readonly maxFileBytes: number
  /** Size of LevelDB's block cache. */
  readonly cacheBytes: number
  /** Makes the database, and its directory, where there is none. Otherwise a missing database is an error. */
  readonly create: boolean
}

/** What makes databases, and the files that they lie in. */
export interface Engine extends Files {
  /** Opens a database that is not open in this process. Rejects with FilesUnreadable where one of its files
   * cannot be read, and with LevelDB's error. */
  open<E extends keyof Keys>(location: string, options: OpenOptions<E>): Promise<Database<Keys[E]>>
}

/** LevelDB on the local filesystem. */
export const classicEngine: Engine = {
  ...diskFiles,

  async open<E extends keyof Keys>(location: string, options: OpenOptions<E>) {
    // LevelDB would make a missing directory, on whatever disk is mounted there now.
    if (!options.create) await access(location)
    await requireReadable(location)
    const db = new Level<Keys[E], Buffer>(location, {
      keyEncoding: options.keyEncoding,
      valueEncoding: 'buffer',
      compression: false,
      writeBufferSize: options.writeBufferBytes,
      maxFileSize: options.maxFileBytes,
      cacheSize: options.cacheBytes,
      createIfMissing: options.create,
    })
    await db.open().catch((error) => throwUnreadable(`the database ${location}`, location, error))
    // classic-level 3.0.0 encodes the text keys of `getSync` into a buffer that grows with them. It does not
    // notice that the buffer is too short where a character of several bytes is the one that no longer fits:
    // the key is cut, and its row not found. To read one key longer than any other makes the buffer as long as
    // it will ever be.
    if (options.keyEncoding === 'utf8') db.getSync('x'.repeat(ROW_KEY_BYTES_MAX) as Keys[E])
    // On Node.js `Level` is the class of classic-level; its types leave out what browsers cannot do.
    return db as typeof db & Database<Keys[E]>
  },
}
