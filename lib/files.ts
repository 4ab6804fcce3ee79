// What the stores do to files and directories of a disk, below databases and volumes: names, sizes, notes, and
// what makes them durable. Tests put their own in its place, to fail or end at any of these calls.
import { statfsSync } from 'node:fs'
import {
  type FileHandle,
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
import { syncDirectory } from './sync-directory.ts'

/** A file that can be made durable. */
export interface SyncFile {
  /** fdatasync. */
  datasync(): Promise<void>
  close(): Promise<void>
}

/** A file of records: what node:fs/promises makes of it. */
export type DataFile = Pick<FileHandle, 'read' | 'readv' | 'write' | 'datasync' | 'stat' | 'close'>

export interface Files {
  /** Removes a file, or a directory with all that is in it. Does nothing where there is none. */
  destroy(location: string): Promise<void>
  /** Renames a directory within the one above it, durable after `syncDirectory`. A process that has
   * a database in it open can only close it afterwards. */
  rename(location: string, to: string): Promise<void>
  /** Makes hard links to the files of a directory in a new one. They take no room, and outlive the
   * first names. The links are durable when it resolves, the new directory's own name after `syncDirectory`.
   * Rejects with the system's error, EPERM where the filesystem has no hard links. */
  link(location: string, to: string): Promise<void>
  /** Writes a small text to a file, unless the file exists. It is not made durable. */
  note(path: string, text: string): Promise<void>
  /** The text that `note` wrote; undefined where there is none. */
  readNote(path: string): Promise<string | undefined>
  /** Makes a directory and the missing ones above it, durably. */
  makeDirectory(directory: string): Promise<void>
  /** Rejects with the system's error where no file can be made, and made durable, in a directory. */
  requireWritable(directory: string): Promise<void>
  /** Names in a directory. */
  list(directory: string): Promise<string[]>
  /** The number of a directory's files, and their bytes. */
  measure(location: string): Promise<{ files: number; bytes: number }>
  /** Makes one directory. Its name is durable after `syncDirectory` of the one above. Rejects with the system's error. */
  makeOne(directory: string): Promise<void>
  /** Opens a file with flags of open(2). Rejects with the system's error. */
  openData(path: string, flags: number): Promise<DataFile>
  /** Opens a file in order to sync it. Rejects with `code` ENOENT where it is missing. */
  openFile(path: string): Promise<SyncFile>
  /** Fsyncs a directory: names that were made or changed in it before are durable. */
  syncDirectory(directory: string): Promise<void>
  /** Bytes that an unprivileged process may still write on the directory's filesystem. */
  freeBytes(directory: string): number
}

/** The local filesystem. */
export const diskFiles: Files = {
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

  makeOne: (directory) => mkdir(directory, { mode: 0o700 }).then(() => undefined),

  openData: (path, flags) => open(path, flags, 0o600),

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
