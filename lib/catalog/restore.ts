// A backup becomes a catalog again: written to a place of its own, read back against the file, and only then
// switched to. The new catalog is marked as restored, because volumes hold bytes that it does not know of.
import { FileInvalid } from '../file-invalid.ts'
import { type BackupReport, openBackup } from './backup.ts'
import type { RawRow } from './catalog.ts'
import { META_KEY, type Meta } from './meta.ts'
import { frameRestored, RESTORED_KEY } from './restore-mark.ts'

/** Where a catalog is to be; nothing of it is seen before `finish`. */
export interface RestoreTarget {
  /** Makes room for the catalog `meta`. Throws FileInvalid where a catalog is there already. */
  begin(meta: Meta): Promise<void>
  /** Durable when done. */
  put(rows: readonly RawRow[]): Promise<void>
  /** What was put, in byte order. */
  rowsBehind(after: string): Promise<RawRow[]>
  /** The switch: makes the place the catalog that `meta` says. */
  finish(meta: Meta): Promise<void>
  /** Removes what is not finished. */
  close(): Promise<void>
}

/**
 * Restores `file`. `nowMicros`: microseconds since 1970. Throws FormatNewer and FileInvalid where the backup
 * is not whole, or the target not empty; what the target throws. Then there is no catalog.
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

/** A backup of a catalog that was restored itself has an older mark. */
const isOrdinary = ({ key }: RawRow) => key !== RESTORED_KEY && key !== META_KEY

/** Reads the target and the file, which may have changed meanwhile, again. */
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
