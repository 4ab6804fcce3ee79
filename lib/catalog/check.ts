// Looks at the files of a LevelDB catalog before it is opened. LevelDB checks none of its sums on reads and drops
// what its log does not hold, both without a word, and then the row before the last shows, sound in itself: a
// deleted object, an old version, yesterday's ACL. So a node opens no catalog with a damaged file.
import { readdir } from 'node:fs/promises'
import { FileInvalid } from '../config/document.ts'
import { classicEngine } from '../level.ts'
import type { Damage } from '../leveldb/coding.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import { Rate } from '../leveldb/plain-file.ts'
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

/** A sentence about a damaged piece; keys of rows are shown as text. */
export function describeDamage({ file, offset, what, keys, torn }: Damage): string {
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
 * Reads every block of the catalog's files. A log that ends in an unfinished write is what a crash leaves, and
 * is only told to `warn`. Resolves where there is no catalog yet. Rejects with CatalogDamaged.
 */
export async function requireSoundFiles(
  location: string,
  warn: (damage: Damage) => void,
): Promise<void> {
  await finishSalvage(classicEngine, location)
  const damages = await findDamages(location)
  for (const damage of damages) if (isCrash(damage)) warn(damage)
  const rot = damages.filter((damage) => !isCrash(damage))
  if (rot.length > 0) throw new CatalogDamaged(location, rot)
}

const isCrash = ({ torn, file }: Damage) => torn === true && file.endsWith('.log')

async function findDamages(location: string): Promise<Damage[]> {
  const names = await readdir(location).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    throw error
  })
  if (!names.includes('CURRENT')) {
    // LevelDB would make an empty database of it, and delete the others' files.
    const holdsData = names.some((name) => /\.(ldb|sst)$/.test(name))
    return holdsData ? [{ file: 'CURRENT', offset: 0, what: 'is missing' }] : []
  }
  const damages: Damage[] = []
  const files = await openFiles(location)
  try {
    damages.push(...files.damages)
    await files.verify((damage) => damages.push(damage))
  } finally {
    await files.close()
  }
  return damages
}

async function openFiles(location: string): Promise<DatabaseFiles> {
  try {
    return await DatabaseFiles.open(location, new Rate(Number.POSITIVE_INFINITY))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new CatalogDamaged(location, [{ file: 'MANIFEST', offset: 0, what: `failed: ${code}` }])
  }
}
