// The row `restored`: CBOR [2, commit number, time of the backup, time of the restore]. It says that the
// catalog is older than its volumes. Commit numbers alone do not show that for long: those of a restored
// catalog grow past the ones in the volumes' headers, while the volumes still hold what was written after the
// backup. While the row is there nothing is reclaimed. See docs/format.md §5.
import { STORED_VERSION, whyNotRead } from '../format-version.ts'
import { randomId } from '../names.ts'
import type { Catalog } from './catalog.ts'
import { decodeItems, encodeItems } from './cbor.ts'
import { frameRow } from './framing.ts'

/** Deleted when an operator accepts the catalog (`coffer fsck --accept-catalog`). */
export const RESTORED_KEY = 'restored'

export interface Restored {
  /** The catalog's commit number at the moment of the backup. */
  readonly commitNumber: number
  /** Microseconds since 1970. */
  readonly backupMicros: number
  readonly restoredMicros: number
}

/** The row as a store keeps it. */
export function frameRestored(restored: Restored): Buffer {
  const { commitNumber, backupMicros, restoredMicros } = restored
  const value = encodeItems([STORED_VERSION, commitNumber, backupMicros, restoredMicros])
  return frameRow(RESTORED_KEY, randomId(), value)
}

/** From which backup the catalog was restored, while no operator has accepted it; else null. */
export async function readRestored(catalog: Catalog): Promise<Restored | null> {
  const row = await catalog.get(RESTORED_KEY)
  if (row === undefined) return null
  const [layout, commitNumber, backupMicros, restoredMicros] = decodeItems(row.value)
  if (layout !== STORED_VERSION) {
    throw new Error(whyNotRead(`the row ${RESTORED_KEY}`, layout))
  }
  return { commitNumber, backupMicros, restoredMicros } as Restored
}
