// Reads a LevelDB database without writing to it. LevelDB has no read-only mode: to open a database it replays
// the log into a new table, and deletes obsolete files. Each database is therefore opened through a shadow: a
// temporary directory with links to its tables, which never change, and copies of its log and manifest.
import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { Failure } from './failure.ts'

/** An open database, for reading. */
export interface Database {
  /** The value; undefined where there is no such key. Throws Failure damaged, or failed where it cannot be
   * read. */
  get(key: Buffer): Promise<Buffer | undefined>
  close(): Promise<void>
}

/** A file that cannot be read proves no damage. LevelDB reports a missing file with the same error. */
function exitFor(reason: NodeJS.ErrnoException): 'failed' | 'damaged' {
  const isMissing = reason.message.endsWith('No such file or directory')
  return reason.code === 'LEVEL_IO_ERROR' && !isMissing ? 'failed' : 'damaged'
}

/** Opens the database in `location` through a new directory `shadow`, which the caller removes. */
export async function openDatabase(location: string, shadow: string): Promise<Database> {
  const names = await readdir(location).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('failed', `cannot read the database ${location}: ${error.code}`)
  })
  await mkdir(shadow, { mode: 0o700 })
  for (const name of names) {
    const from = resolve(location, name)
    if (/\.(ldb|sst)$/.test(name)) await symlink(from, join(shadow, name))
    else if (/^(CURRENT|MANIFEST-\d+|\d+\.log)$/.test(name)) {
      await copyFile(from, join(shadow, name), constants.COPYFILE_FICLONE).catch((error) => {
        throw new Failure('failed', `cannot read ${from}: ${error.code}`)
      })
    }
  }
  const db = new ClassicLevel<Buffer, Buffer>(shadow, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    createIfMissing: false,
    compression: false,
  })
  try {
    await db.open()
  } catch (error) {
    const cause = (error as Error).cause
    const reason = cause instanceof Error ? cause : (error as Error)
    const what = `cannot open a copy of the database ${location}: ${reason.message}`
    throw new Failure(exitFor(reason), what)
  }
  return {
    async get(key) {
      try {
        return await db.get(key)
      } catch (error) {
        const reason = error as Error
        throw new Failure(exitFor(reason), `cannot read from ${location}: ${reason.message}`)
      }
    },
    close: () => db.close(),
  }
}
