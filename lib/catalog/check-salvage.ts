// Makes a catalog from the rows that a damaged one still has. A row of a damaged piece is lost, or shows as it
// was before. Salvage is therefore for an operator without a better backup, and its catalog counts as restored.
import { rename } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Damage } from '../damage.ts'
import { CofferError } from '../errors.ts'
import { FileInvalid } from '../file-invalid.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import type { Engine } from '../leveldb/engine.ts'
import { Rate } from '../plain-file.ts'
import { FilesUnreadable, unreadableFiles } from '../unreadable.ts'
import type { RawRow } from './catalog.ts'
import { openRow } from './framing.ts'
import { META_KEY, type Meta, openMeta } from './meta.ts'
import { levelRestore } from './restore-level.ts'
import { frameRestored, RESTORED_KEY } from './restore-mark.ts'
import { ROOT_KEYS_KEY } from './root-keys-row.ts'

export interface Salvaged {
  readonly rows: number
  /** Keys of rows whose checksum is wrong. */
  readonly rotten: readonly string[]
  /** Where the damaged catalog lies now. */
  readonly aside: string
}

const BATCH_ROWS = 1000

/** Rows about the damaged catalog that are made anew. That of root keys may be older than the rows that hang on them. */
const isOfDamaged = new Set([META_KEY, RESTORED_KEY, ROOT_KEYS_KEY])

/**
 * Puts a sound catalog in the place of the damaged one, which is kept beside it. No process may have it open.
 * Rejects with FilesUnreadable where a file cannot be read, and with FileInvalid where the meta row is lost.
 * Nothing has changed then.
 */
export async function salvageCatalog(
  engine: Engine,
  location: string,
  nowMicros: number,
): Promise<Salvaged> {
  const beside = besideOf(location)
  const aside = `${location}.damaged-${nowMicros}`
  await engine.destroy(beside)
  const target = levelRestore(engine, beside)
  const files = await DatabaseFiles.open(location, new Rate(Number.POSITIVE_INFINITY))
  const rotten: string[] = []
  const damages = [...files.damages]
  let rows = 0
  try {
    requireAllRead(location, damages)
    const meta = await readMeta(files, location)
    await target.begin(meta)
    let batch: RawRow[] = []
    for await (const { key: bytes, value } of files.scan({}, (damage) => damages.push(damage))) {
      const key = bytes.toString()
      if (!holds(key, value)) rotten.push(key)
      else if (!isOfDamaged.has(key)) batch.push({ key, framed: Buffer.from(value) })
      if (batch.length < BATCH_ROWS) continue
      await target.put(batch)
      rows += batch.length
      batch = []
    }
    const mark = { commitNumber: meta.commitNumber, backupMicros: nowMicros }
    const framed = frameRestored({ ...mark, restoredMicros: nowMicros })
    await target.put([...batch, { key: RESTORED_KEY, framed }])
    rows += batch.length
    requireAllRead(location, damages)
    await target.finish(meta)
  } finally {
    await files.close()
    await target.close()
  }
  await rename(location, aside)
  await finishSalvage(engine, location)
  return { rows, rotten, aside }
}

/** Rows that cannot be read now are not lost, so that they must not be dropped. */
function requireAllRead(location: string, damages: readonly Damage[]): void {
  const unread = unreadableFiles(damages)
  if (unread.length > 0) throw new FilesUnreadable(`the catalog in ${location}`, unread)
}

const besideOf = (location: string) => `${location}.salvaged`

/**
 * Makes the second rename of a salvage that was interrupted between its two. The damaged catalog was renamed
 * already, and a start would make an empty catalog in its place. Does nothing otherwise.
 */
export async function finishSalvage(engine: Engine, location: string): Promise<void> {
  const names = await engine.list(dirname(location)).catch(ignoreMissing)
  const isCut = names?.includes(basename(besideOf(location))) && !names.includes(basename(location))
  if (!isCut) return
  await rename(besideOf(location), location)
  await engine.syncDirectory(dirname(location))
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

async function readMeta(files: DatabaseFiles, location: string): Promise<Meta> {
  const range = { from: Buffer.from(META_KEY), to: Buffer.from(`${META_KEY}\0`) }
  for await (const { key, value } of files.scan(range, () => {})) {
    if (holds(key.toString(), value)) return openMeta(value)
  }
  throw new FileInvalid([`${location}: its row about itself is lost: only a backup can help`])
}

function holds(key: string, framed: Buffer): boolean {
  try {
    openRow(key, framed)
    return true
  } catch (error) {
    if (!(error instanceof CofferError)) throw error
    return false
  }
}
