// `coffer restore`: makes a catalog from a backup, where there is none.
import type { Logger } from 'pino'
import { knownHeaders } from '../../lib/blobs/volume-headers.ts'
import { openBackup } from '../../lib/catalog/backup.ts'
import type { Catalog } from '../../lib/catalog/catalog.ts'
import { makeRawRedis } from '../../lib/catalog/redis/raw.ts'
import { redisRestore } from '../../lib/catalog/redis/restore.ts'
import { openRedisLink, REDIS_START_TIMEOUT_MS } from '../../lib/catalog/redis.ts'
import { type RestoreTarget, restoreBackup } from '../../lib/catalog/restore.ts'
import { levelRestore } from '../../lib/catalog/restore-level.ts'
import { readRestored } from '../../lib/catalog/restore-mark.ts'
import { forgetWitness, noteWitness, readWitness } from '../../lib/catalog/witness.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { acquireControl } from '../../lib/control.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { FileInvalid, isThere } from '../../lib/file-invalid.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { makeLog } from '../../lib/log.ts'
import { nowMicros } from '../../lib/names.ts'
import { catalogLocation } from '../../lib/open-catalog.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import { redisSettings } from '../../lib/redis-settings.ts'
import { sayUse } from '../../lib/upkeep/hanging-rows.ts'
import { countBackup } from '../../lib/upkeep/root-keys.ts'
import { fileOf, type SourceOptions, shown } from '../program.ts'

export interface RestoreOptions extends SourceOptions {
  /** The keyring to hold the backup against, where the node reads a copy of it. */
  readonly keyring?: string
  /** Restores also what no key can open. */
  readonly acceptMissingKeys?: boolean
}

/** Restores a backup. Rejects with FileInvalid where the backup is not whole or not of this node, the keyring lacks
 * a key that its rows hang on, or a catalog is there; with DataDirectoryInUse; with StoreUnavailable where Redis does
 * not answer. */
export async function restore(file: string, options: RestoreOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  makePrivateDirectory(config.data)
  const lock = await acquireControl(config.data, {})
  try {
    await requireOwnData(file, config)
    if (options.acceptMissingKeys !== true) {
      await requireKeys(file, options.keyring ?? config.keyring)
    }
    const done = await restoreBackup(file, await targetOf(config), nowMicros())
    if (config.catalog === 'level') forgetWitness(config.data)
    else if (readWitness(config.data) === null) noteWitness(config.data, done)
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

async function targetOf(config: Config): Promise<RestoreTarget> {
  if (config.catalog === 'level') return levelRestore(classicEngine, catalogLocation(config))
  const settings = redisSettings(config.catalog.redis)
  const log = makeLog('error', process.stderr)
  const link = await openRedisLink({ ...settings, startTimeoutMs: REDIS_START_TIMEOUT_MS, log })
  return redisRestore(makeRawRedis(link))
}

/** Rejects with FileInvalid where the volumes, or the note of a catalog elsewhere, belong to another catalog.
 * The node would not open those volumes, and its objects would have no bytes. */
async function requireOwnData(file: string, { data, devices }: Config): Promise<void> {
  const backup = await openBackup(file)
  await backup.close()
  const { catalogId } = backup.header
  const refuse = (what: string, other: string) => {
    throw new FileInvalid([
      `${file}: is of the catalog ${catalogId}, and ${what} of another, ${other}: restore a backup of that one, or move what is there away`,
    ])
  }
  const seen = readWitness(data)
  if (seen !== null && seen.catalogId !== catalogId) refuse(`${data} is`, seen.catalogId)
  // A damaged volume has no readable header, and does not prevent a restore.
  const other = (await knownHeaders(devices)).find(({ catalog }) => catalog !== catalogId)
  if (other !== undefined) refuse(`the volume ${other.location} is`, other.catalog)
}

/** Rejects with FileInvalid where the keyring is missing or wrong, or lacks a key that rows of the backup hang on. */
async function requireKeys(file: string, keyringFile: string): Promise<void> {
  const uses = await countBackup(file)
  if (uses.size === 0) return
  const otherwise =
    'name another file with --keyring; if it is lost, --accept-missing-keys restores what other keys open'
  if (!isThere(keyringFile)) throw new FileInvalid([`${keyringFile}: no such file: ${otherwise}`])
  const keyring = openKeyring(keyringFile, { create: false })
  const missing = [...uses].filter(([id]) => keyring.key(id) === undefined)
  if (missing.length === 0) return
  throw new FileInvalid(
    missing.map(
      ([id, use]) =>
        `${keyringFile}: lacks the key ${id}, and ${sayUse(use)} of the backup hang on it: add it, or ${otherwise}`,
    ),
  )
}

/** Warns at every start that the catalog is older than its volumes, until an operator accepts it. */
export async function warnOfRestored(catalog: Catalog, log: Logger): Promise<void> {
  const restored = await readRestored(catalog)
  if (restored === null) return
  const { commitNumber, backupMicros } = restored
  log.warn(
    { commitNumber, backup: new Date(backupMicros / 1000).toISOString() },
    'the catalog was restored from a backup: reclaim is off until coffer fsck --accept-catalog',
  )
}
