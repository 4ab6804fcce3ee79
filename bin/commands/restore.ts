// `coffer restore`: makes a catalog of a backup, where there is none.
import type { Logger } from 'pino'
import type { Catalog } from '../../lib/catalog/catalog.ts'
import { restoreBackup } from '../../lib/catalog/restore.ts'
import { levelRestore } from '../../lib/catalog/restore-level.ts'
import { readRestored } from '../../lib/catalog/restore-mark.ts'
import { FileInvalid, loadConfig } from '../../lib/config.ts'
import { acquireControl } from '../../lib/control.ts'
import { classicEngine } from '../../lib/level.ts'
import { nowMicros } from '../../lib/names.ts'
import { catalogLocation } from '../../lib/open-catalog.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import { fileOf, type SourceOptions, shown } from '../program.ts'

/** Throws FileInvalid where the backup is not whole or a catalog is there, DataDirectoryInUse. */
export async function restore(file: string, options: SourceOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  if (config.catalog !== 'level') {
    throw new FileInvalid([
      'a backup is restored to LevelDB: restore it to a data directory, then move it with coffer catalog copy',
    ])
  }
  makePrivateDirectory(config.data)
  const lock = await acquireControl(config.data, {})
  try {
    const target = levelRestore(classicEngine, catalogLocation(config))
    const done = await restoreBackup(file, target, nowMicros())
    process.stdout.write(
      `Restored catalog ${done.catalogId} at commit ${done.commitNumber.toLocaleString('en')}, ` +
        `${new Date(done.timeMicros / 1000).toISOString()}: ${done.rows.toLocaleString('en')} rows.\n` +
        `Before the node starts: its keyring is to be at ${shown(config.keyring)}, its volumes at ` +
        `${config.devices.map(shown).join(', ')}.\n` +
        'What was written after the backup is in the volumes and in no row; what was deleted after it is\n' +
        'back, where nothing was reclaimed meanwhile. Reclaim is off until coffer fsck --accept-catalog.\n',
    )
  } finally {
    await lock.close()
  }
}

/** Says at every start that the catalog is older than its volumes, as long as nobody has accepted it. */
export async function warnOfRestored(catalog: Catalog, log: Logger): Promise<void> {
  const restored = await readRestored(catalog)
  if (restored === null) return
  const { commitNumber, backupMicros } = restored
  log.warn(
    { commitNumber, backup: new Date(backupMicros / 1000).toISOString() },
    'the catalog was restored from a backup: reclaim is off until coffer fsck --accept-catalog',
  )
}
