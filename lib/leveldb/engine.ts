// The storage engine under volumes and catalog: LevelDB databases, and the few facts about the files
// they lie in. The only file that imports `level`; the tests run the same code on an engine
// of memory-level (test/helpers/memory-engine.ts), which has no files.
import { statfsSync } from 'node:fs'
import {
  access,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type GetManyOptions, type GetOptions, type IteratorOptions, Level } from 'level'
import { ROW_KEY_BYTES_MAX } from '../names.ts'
import { syncDirectory } from '../sync-directory.ts'
import { systemErrorOf } from '../system-error.ts'
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

/** A file that can be made durable. */
export interface SyncFile {
  /** fdatasync. */
  datasync(): Promise<void>
  close(): Promise<void>
}

export interface Engine {
  /** Opens a database that is not open in this process. Rejects with FilesUnreadable where one of its files
   * cannot be read, and with LevelDB's error. */
  open<E extends keyof Keys>(location: string, options: OpenOptions<E>): Promise<Database<Keys[E]>>
  /** Removes a closed database with all its files. Does nothing where there is none. */
  destroy(location: string): Promise<void>
  /** Renames a database within its directory, durable after `syncDirectory`. A process that has it open can
   * only close it afterwards. */
  rename(location: string, to: string): Promise<void>
  /** Makes hard links to the files of a closed database in a new directory. They take no room, and outlive the
   * first names. The links are durable when it resolves, the new directory's own name after `syncDirectory`.
   * Rejects with the system's error, EPERM where the filesystem has no hard links. */
  link(location: string, to: string): Promise<void>
  /** Writes a small text to a file among a database's own, unless the file exists. The file goes with the
   * database, and is not made durable. */
  note(path: string, text: string): Promise<void>
  /** The text that `note` wrote; undefined where there is none. */
  readNote(path: string): Promise<string | undefined>
  /** Makes a directory and the missing ones above it, durably. */
  makeDirectory(directory: string): Promise<void>
  /** Rejects with the system's error where no file can be made, and made durable, in a directory. */
  requireWritable(directory: string): Promise<void>
  /** Names in a directory: databases in that of a device, files in that of a database. */
  list(directory: string): Promise<string[]>
  /** The number of a database's files, and their bytes. */
  measure(location: string): Promise<{ files: number; bytes: number }>
  /** Opens a file in order to sync it. Rejects with `code` ENOENT where it is missing. */
  openFile(path: string): Promise<SyncFile>
  /** Fsyncs a directory: names that were made or changed in it before are durable. */
  syncDirectory(directory: string): Promise<void>
  /** Bytes that an unprivileged process may still write on the directory's filesystem. */
  freeBytes(directory: string): number
}

/** True where `error`, or its cause, is a full disk or a spent quota. */
export function isSpaceError(error: unknown): boolean {
  const code = systemErrorOf(error)?.code
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** LevelDB on the local filesystem. */
export const classicEngine: Engine = {
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

  async destroy(location) {
    await rm(location, { recursive: true, force: true })
  },

  rename: (location, to) => rename(location, to),

  async link(location, to) {
    await mkdir(to, 0o700)
    for (const name of await readdir(location)) await link(join(location, name), join(to, name))
    await syncDirectory(to)
  },

  async note(path, text) {
    await writeFile(path, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  },

  readNote: (path) => readFile(path, 'utf8').catch(ignoreMissing),

  async makeDirectory(directory) {
    const first = await mkdir(directory, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    // The directory becomes durable together with its name, and so do those above it that were made: otherwise
    // a volume could be lost with them.
    const top = dirname(resolve(first))
    for (let at = resolve(directory); at !== top; at = dirname(at)) await syncDirectory(dirname(at))
  },

  async requireWritable(directory) {
    const path = join(directory, `.coffer-${process.pid}.tmp`)
    const file = await open(path, 'w')
    try {
      await file.write('x')
      await file.sync()
    } finally {
      await file.close()
      await rm(path, { force: true })
    }
  },

  list: (directory) => readdir(directory),

  async measure(location) {
    let files = 0
    let bytes = 0
    for (const name of await readdir(location)) {
      // LevelDB deletes files at any time. A file that is gone by now is not counted.
      const found = await stat(join(location, name)).catch(ignoreMissing)
      if (found === undefined) continue
      files++
      bytes += found.size
    }
    return { files, bytes }
  },

  openFile: (path) => open(path, 'r'),

  syncDirectory,

  freeBytes(directory) {
    const stats = statfsSync(directory)
    return stats.bavail * stats.bsize
  },
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
