// Reads a LevelDB database without writing to it. LevelDB has no read-only mode: to open a database it replays
// the log into a new table, and deletes obsolete files. Each database is therefore opened through a shadow: a
// temporary directory with links to its tables, which never change, and copies of its log and manifest.
import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { Failure } from './failure.ts'
import { checkSums } from './sums.ts'

/** Values under their keys. */
export interface Values {
  /** The value; undefined where there is no such key. Throws Failure damaged, or failed where it cannot be
   * read. */
  get(key: Buffer): Promise<Buffer | undefined>
  close(): Promise<void>
}

/** Rows as they are stored, in the order of their keys' bytes. */
export interface Rows extends Values {
  /** All rows whose keys begin with `prefix`, which does not end with the byte FF. Throws as `get` does. */
  below(prefix: Buffer): AsyncIterable<readonly [key: Buffer, value: Buffer]>
}

/** A file that cannot be read proves no damage. LevelDB reports a missing file with the same error. */
function exitFor(reason: NodeJS.ErrnoException): 'failed' | 'damaged' {
  const isMissing = reason.message.endsWith('No such file or directory')
  return reason.code === 'LEVEL_IO_ERROR' && !isMissing ? 'failed' : 'damaged'
}

export async function listDatabase(location: string): Promise<string[]> {
  return await readdir(location).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('failed', `cannot read the database ${location}: ${error.code}`)
  })
}

/** The least bytes behind everything that begins with `prefix`. */
function behind(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix)
  end[end.length - 1]! += 1
  return end
}

/** Opens the database in `location` through a new directory `shadow`, which the caller removes. */
export async function openDatabase(location: string, shadow: string): Promise<Rows> {
  const names = await listDatabase(location)
  await mkdir(shadow, { mode: 0o700 })
  for (const name of names) {
    const from = resolve(location, name)
    if (/^\d+\.(ldb|sst)$/.test(name)) await symlink(from, join(shadow, name))
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
  const unread = (error: unknown) => {
    const reason = error as Error
    return new Failure(exitFor(reason), `cannot read from ${location}: ${reason.message}`)
  }
  return {
    async get(key) {
      try {
        return await db.get(key)
      } catch (error) {
        throw unread(error)
      }
    },
    async *below(prefix) {
      const rows = db.iterator({ gte: prefix, lt: behind(prefix) })
      try {
        for (;;) {
          const next = await rows.next().catch((error) => {
            throw unread(error)
          })
          if (next === undefined) return
          yield next
        }
      } finally {
        await rows.close()
      }
    },
    close: () => db.close(),
  }
}

/**
 * As `openDatabase`, for a catalog: a row that is not found there must not be one that LevelDB dropped. All sums of its
 * files are compared first. `doubt` is a sentence about what the log lacks.
 */
export async function openCatalogDatabase(location: string, shadow: string) {
  const doubt = await checkSums(location, await listDatabase(location))
  return { rows: await openDatabase(location, shadow), doubt }
}
