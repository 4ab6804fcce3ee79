// Verifies the files of a LevelDB catalog before LevelDB opens it. LevelDB checks none of its sums on reads,
// and drops what its log does not hold, without an error. An older row then shows in the place of the lost one:
// a deleted object, an old version, yesterday's ACL. A node therefore opens no catalog with a damaged file.
import { readdir } from 'node:fs/promises'
import type { Damage } from '../damage.ts'
import { FileInvalid } from '../file-invalid.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import type { Engine } from '../leveldb/engine.ts'
import { Rate } from '../plain-file.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../unreadable.ts'
import { finishSalvage } from './check-salvage.ts'

/** Files of the catalog are not what LevelDB wrote. The message is for the operator. */
export class CatalogDamaged extends FileInvalid {
  readonly damages: readonly Damage[]

  constructor(location: string, damages: readonly Damage[]) {
    const shown = damages.slice(0, SHOWN_MAX).map((damage) => `  ${describeDamage(damage)}`)
    const more = damages.length > SHOWN_MAX ? [`  and ${damages.length - SHOWN_MAX} more`] : []
    super([
      [
        `the catalog in ${location} is damaged, and its rows cannot be trusted:`,
        ...shown,
        ...more,
        'Restore a backup (coffer restore), or go on with the rows that are left (coffer fsck --accept-catalog).',
      ].join('\n'),
    ])
    this.name = 'CatalogDamaged'
    this.damages = damages
  }
}

const SHOWN_MAX = 10

/** A sentence about a damaged piece. Keys of rows are shown as text. */
export function describeDamage({ file, offset, what, keys, torn, unreadable }: Damage): string {
  if (unreadable !== undefined && offset === 0 && keys === undefined) return `${file} ${what}`
  const rows =
    keys === undefined
      ? ''
      : ` (rows behind ${printed(keys.after ?? Buffer.alloc(0))} up to ${printed(keys.last)})`
  const end = torn ? '; nothing follows: a crash, or rot in the last write' : ''
  return `${file} at byte ${offset}: ${what}${rows}${end}`
}

/** A key as JSON text. */
const printed = (key: Buffer) => JSON.stringify(key.toString())

/**
 * Reads every block of the catalog's files. A log that ends in an unfinished write is what a crash leaves:
 * `warn` is called for it. Resolves where there is no catalog yet. Rejects with FilesUnreadable where a file
 * cannot be read, whatever else is damaged, and with CatalogDamaged.
 */
export async function requireSoundFiles(
  engine: Engine,
  location: string,
  warn: (damage: Damage) => void,
): Promise<void> {
  const damages = await readAll(engine, location)
  requireAllRead(location, damages)
  for (const damage of damages) if (isCrash(damage)) warn(damage)
  const rot = damages.filter((damage) => !isCrash(damage))
  if (rot.length > 0) throw new CatalogDamaged(location, rot)
}

async function readAll(engine: Engine, location: string): Promise<Damage[]> {
  try {
    await finishSalvage(engine, location)
    return await findDamages(location)
  } catch (error) {
    throwUnreadable(nameOf(location), location, error)
  }
}

const nameOf = (location: string) => `the catalog in ${location}`

/** Throws FilesUnreadable where a file cannot be read: the rows in other files may be older than those in it. */
function requireAllRead(location: string, damages: readonly Damage[]): void {
  const unread = unreadableFiles(damages)
  if (unread.length === 0) return
  const rot = damages.filter(({ unreadable, torn }) => unreadable === undefined && torn !== true)
  const also = rot.slice(0, SHOWN_MAX).map((damage) => `  damaged: ${describeDamage(damage)}`)
  throw new FilesUnreadable(nameOf(location), unread, also)
}

const isCrash = ({ torn, file }: Damage) => torn === true && file.endsWith('.log')

async function findDamages(location: string): Promise<Damage[]> {
  const names = await readdir(location).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    throw error
  })
  if (!names.includes('CURRENT')) {
    // LevelDB would make an empty database there, and delete the files of the lost one.
    const holdsData = names.some((name) => /\.(ldb|sst)$/.test(name))
    return holdsData ? [{ file: 'CURRENT', offset: 0, what: 'is missing' }] : []
  }
  const damages: Damage[] = []
  const rate = new Rate(Number.POSITIVE_INFINITY)
  const files = await DatabaseFiles.open(location, rate).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (files === undefined) return [{ file: 'CURRENT', offset: 0, what: 'leads nowhere' }]
  try {
    damages.push(...files.damages)
    await files.verify((damage) => damages.push(damage))
  } finally {
    await files.close()
  }
  return damages
}
