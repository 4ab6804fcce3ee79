// Whether a batch that LevelDB failed to write lies whole in a log, where the next opening would find it. On a disk that
// is full or read-only it does not, and the outcome is known although nothing can be opened again there.
import { join } from 'node:path'
import { batchEntries, logRecords } from '../leveldb/log-file.ts'
import { PlainFile, Rate } from '../leveldb/plain-file.ts'
import { META_KEY, openMeta } from './meta.ts'

/**
 * True where the batch `commitNumber` may come to life when the database in `location` is opened; false where no log
 * holds it whole. `names` are the files there. Nothing is written to the database any more. Never rejects: what cannot be
 * read may hold it.
 */
export async function logsMayHold(
  location: string,
  names: readonly string[],
  commitNumber: number,
): Promise<boolean> {
  const logs = names.filter((name) => name.endsWith('.log'))
  if (logs.length === 0) return true
  try {
    for (const name of logs) if (await logMayHold(join(location, name), commitNumber)) return true
    return false
  } catch {
    return true
  }
}

async function logMayHold(path: string, commitNumber: number): Promise<boolean> {
  const file = await PlainFile.open(path, new Rate(Number.POSITIVE_INFINITY))
  try {
    for await (const record of logRecords(file)) {
      // A log that only ends too early has lost its last record. Other damage may hide any.
      if (!Buffer.isBuffer(record)) {
        if (record.torn !== true) return true
        continue
      }
      const meta = batchEntries(record).findLast(({ key }) => key.toString() === META_KEY)
      if (meta?.value != null && openMeta(meta.value).commitNumber >= commitNumber) return true
    }
    return false
  } finally {
    await file.close()
  }
}
