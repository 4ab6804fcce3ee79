// Whether LevelDB can read the files that it recovers from. LevelDB drops a log that it cannot open, or not
// read to its end, without an error, opens the rest, and deletes the log: acknowledged writes are lost for good
// (LevelDB's db/db_impl.cc, MaybeIgnoreError). Every database is therefore checked before LevelDB opens it.
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { throwUnreadable } from '../unreadable.ts'

const READ_BYTES = 1 << 20
/** Files that LevelDB has open at a time while it recovers: its lock, its own log, the manifest, a log, and a
 * table. */
const SPARE_FILES = 8

/** Rejects with FilesUnreadable where CURRENT, the manifest or a log cannot be read to its end, or where the
 * process may not open as many files as recovery takes. Resolves where there is no database. */
export async function requireReadable(location: string): Promise<void> {
  try {
    const names = await readdir(location)
    const wanted = names.filter((name) => /^(CURRENT|MANIFEST-\d+|\d+\.log)$/.test(name))
    const bytes = Buffer.allocUnsafe(wanted.length > 0 ? READ_BYTES : 0)
    for (const name of wanted) await readWhole(join(location, name), bytes)
    if (wanted.length > 0) await requireSpare(join(location, wanted[0]!))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throwUnreadable(`the database ${location}`, location, error)
  }
}

async function readWhole(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r')
  try {
    while ((await file.read(bytes, 0, bytes.length, null)).bytesRead > 0);
  } catch (error) {
    // The system's error of a read names no file.
    throw Object.assign(error as Error, { path })
  } finally {
    await file.close()
  }
}

async function requireSpare(path: string): Promise<void> {
  const files: FileHandle[] = []
  try {
    while (files.length < SPARE_FILES) files.push(await open(path, 'r'))
  } finally {
    for (const file of files) await file.close()
  }
}
