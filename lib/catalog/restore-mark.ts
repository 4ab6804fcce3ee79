// The row `restored`: CBOR [1, commit number, time of the backup, time of the restore]. While it is there the
// catalog is older than its volumes, whatever the commit numbers say: those of a restored catalog grow past
// the ones in the volumes' headers, and what was written after the backup is still in the volumes. So
// nothing is reclaimed before an operator has accepted the catalog. Part of the format, see docs/format.md §5.
import { randomId } from '../names.ts'
import type { Catalog } from './catalog.ts'
import { decodeItems, encodeItems } from './cbor.ts'
import { frameRow } from './framing.ts'

const LAYOUT = 1

/** Deleted by whoever accepts the catalog (`coffer fsck --accept-catalog`). */
export const RESTORED_KEY = 'restored'

export interface Restored {
  /** The catalog's at the moment of the backup. */
  readonly commitNumber: number
  /** Microseconds since 1970. */
  readonly backupMicros: number
  readonly restoredMicros: number
}

/** The row as a store keeps it. */
export function frameRestored(restored: Restored): Buffer {
  const { commitNumber, backupMicros, restoredMicros } = restored
  const value = encodeItems([LAYOUT, commitNumber, backupMicros, restoredMicros])
  return frameRow(RESTORED_KEY, randomId(), value)
}

/** From what backup the catalog is, where nobody has accepted it yet: then reclaim is off. Else null. */
export async function readRestored(catalog: Catalog): Promise<Restored | null> {
  const row = await catalog.get(RESTORED_KEY)
  if (row === undefined) return null
  const [layout, commitNumber, backupMicros, restoredMicros] = decodeItems(row.value)
  if (layout !== LAYOUT) {
    throw new Error(`layout ${layout} of the row ${RESTORED_KEY} is newer than this program`)
  }
  return { commitNumber, backupMicros, restoredMicros } as Restored
}
