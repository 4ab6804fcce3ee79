// Makes a catalog from a backup file: the rows are written to a place of their own, compared with the file, and
// only then become the catalog. The new catalog is marked as restored, because volumes hold blobs of later
// commits.
import { FileInvalid } from '../file-invalid.ts'
import { type BackupReport, openBackup } from './backup.ts'
import type { RawRow } from './catalog.ts'
import { META_KEY, type Meta } from './meta.ts'
import { frameRestored, RESTORED_KEY } from './restore-mark.ts'

/** The place of the new catalog. No node sees anything of it before `finish`. */
export interface RestoreTarget {
  /** Makes room for the catalog `meta`. Rejects with FileInvalid where a catalog is there already. */
  begin(meta: Meta): Promise<void>
  /** Durable when it resolves. */
  put(rows: readonly RawRow[]): Promise<void>
  /** The rows that were put, in byte order, behind the key `after`. */
  rowsBehind(after: string): Promise<RawRow[]>
  /** Makes the place the catalog `meta`. */
  finish(meta: Meta): Promise<void>
  /** Removes what is not finished. */
  close(): Promise<void>
}

/**
 * Restores `file`. `nowMicros`: microseconds since 1970. Rejects with FormatUnread, with FileInvalid where the
 * backup is not whole or the target is not empty, and with the errors of the target. There is no catalog then.
 */
export async function restoreBackup(
  file: string,
  target: RestoreTarget,
  nowMicros: number,
): Promise<BackupReport> {
  const backup = await openBackup(file)
  try {
    const { catalogId, commitNumber, timeMicros } = backup.header
    const mark = frameRestored({
      commitNumber,
      backupMicros: timeMicros,
      restoredMicros: nowMicros,
    })
    const meta = { catalogId, commitNumber }
    await target.begin(meta)
    for await (const page of backup.pages()) await target.put(page.filter(isOrdinary))
    const report = backup.report()
    await compare(file, report, target)
    await target.put([{ key: RESTORED_KEY, framed: mark }])
    await target.finish(meta)
    return report
  } finally {
    await backup.close()
    await target.close()
  }
}

/** A backup of a catalog that was itself restored holds an older mark. */
const isOrdinary = ({ key }: RawRow) => key !== RESTORED_KEY && key !== META_KEY

/** Compares the target with the file, which is read again and may have changed meanwhile. */
async function compare(file: string, report: BackupReport, target: RestoreTarget): Promise<void> {
  const differs = () =>
    new FileInvalid([`${file}: what was restored does not read as the backup says`])
  const backup = await openBackup(file)
  try {
    let found: RawRow[] = []
    let after = ''
    for await (const page of backup.pages()) {
      for (const row of page.filter(isOrdinary)) {
        if (found.length === 0) found = await target.rowsBehind(after)
        const twin = found.shift()
        if (twin?.key !== row.key || !twin.framed.equals(row.framed)) throw differs()
        after = row.key
      }
    }
    const again = backup.report()
    const rest = found.length > 0 || (await target.rowsBehind(after)).length > 0
    if (rest || again.digest !== report.digest) throw differs()
  } finally {
    await backup.close()
  }
}
