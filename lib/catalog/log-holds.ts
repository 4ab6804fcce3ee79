// Whether a batch that LevelDB failed to write lies whole in a log, where the next opening would apply it. On a
// disk that is full or read-only the log does not hold it, and the outcome is known although the database
// cannot be opened again there.
import { join } from 'node:path'
import { batchEntries, logRecords } from '../leveldb/log-file.ts'
import { PlainFile, Rate } from '../plain-file.ts'
import { META_KEY, openMeta } from './meta.ts'

/**
 * True where batch `commitNumber` may be applied when the database in `location` is opened; false where no log
 * holds it whole. `names` are the files there. The database must take no writes any more. Never rejects: a log
 * that cannot be read may hold the batch.
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
      // A log that only ends too early has lost its last record. Any other damage may hide records.
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
