// The part of the composition root that chooses the catalog: LevelDB in the data directory, or Redis.
import { join } from 'node:path'
import type { Logger } from 'pino'
import { volumeIdsIn } from './blobs/directory.ts'
import { namesOn } from './blobs/volume-headers.ts'
import type { Catalog } from './catalog/catalog.ts'
import { describeDamage, requireSoundFiles } from './catalog/check.ts'
import { openLevelCatalog } from './catalog/level.ts'
import type { Meta } from './catalog/meta.ts'
import { makeRawRedis } from './catalog/redis/raw.ts'
import { openRedisCatalog, openRedisLink, REDIS_START_TIMEOUT_MS } from './catalog/redis.ts'
import { hasWitness, keepWitness, readWitness } from './catalog/witness.ts'
import type { Config } from './config/config.ts'
import { type RedisConfig, redisDefaults, SMALL_BODY_BYTES_MAX } from './config/redis.ts'
import { CofferError } from './errors.ts'
import { FileInvalid, isThere } from './file-invalid.ts'
import { classicEngine } from './leveldb/engine.ts'
import { makeLog } from './log.ts'
import { randomId } from './names.ts'
import { redisSettings } from './redis-settings.ts'

/** LevelDB's memtable for the catalog. Rows are small, and to reopen takes three times this much free space. */
const CATALOG_WRITE_BUFFER_BYTES = 16 << 20

export interface OpenCatalog {
  readonly catalog: Catalog
  /** Largest body that lies beside its row. */
  readonly smallBodyBytes: number
  close(): Promise<void>
}

/** Directory of a catalog on LevelDB. */
export const catalogLocation = ({ data }: Pick<Config, 'data'>) => join(data, 'catalog')

/**
 * True where there is no catalog and no trace of an earlier one. A node may draw root keys then. Rejects with
 * StoreUnavailable where Redis does not answer, StoreCorrupt where it holds something else than a catalog.
 */
export async function isFirstStart(config: Config): Promise<boolean> {
  if (await hasTraces(config)) return false
  if (config.catalog === 'level') return true
  const settings = redisSettings(config.catalog.redis)
  const log = makeLog('silent')
  const link = await openRedisLink({ ...settings, startTimeoutMs: REDIS_START_TIMEOUT_MS, log })
  const raw = makeRawRedis(link)
  try {
    return (await raw.state()).kind === 'empty'
  } finally {
    await raw.close()
  }
}

/** True where the data directory or a device holds something of a node, whatever Redis holds. */
export async function hasTraces({ data, devices }: Config): Promise<boolean> {
  if (isThere(catalogLocation({ data })) || hasWitness(data)) return true
  return await haveVolumes(devices)
}

/** Rejects with FileInvalid where there is no catalog, because a command makes none. On Redis it also rejects
 * as `isFirstStart` does. */
export async function requireCatalog(config: Config): Promise<void> {
  if (config.catalog === 'level') {
    if (isThere(catalogLocation(config))) return
    throw new FileInvalid([`${config.data}: there is no catalog here`])
  }
  if (!(await isFirstStart(config))) return
  throw new FileInvalid(['catalog: there is none in Redis'])
}

/** Opens the configured catalog. Rejects where it cannot be opened or must not be used, with FilesUnreadable
 * where one of its files cannot be read, with CatalogDamaged where one is rotten. */
export function openCatalog(config: Config, log: Logger): Promise<OpenCatalog> {
  return config.catalog === 'level'
    ? openOnLevel(config, log)
    : openOnRedis(config, config.catalog.redis, log)
}

async function openOnLevel(config: Config, log: Logger): Promise<OpenCatalog> {
  await requireSoundFiles(classicEngine, catalogLocation(config), (damage) => {
    log.warn({ damage: describeDamage(damage) }, 'catalog: its log has no sound end')
  })
  if (!isThere(catalogLocation(config)) && (await haveVolumes(config.devices))) {
    const message = `there is no catalog in ${config.data}, and the devices have volumes of one: bring it back (coffer restore), or move them away`
    throw new CofferError('StoreCorrupt', { message })
  }
  const catalog = await openLevelCatalog({
    engine: classicEngine,
    location: catalogLocation(config),
    writeBufferBytes: CATALOG_WRITE_BUFFER_BYTES,
    log,
  })
  try {
    refuseLeftBehind(catalog, readWitness(config.data))
  } catch (error) {
    await catalog.close()
    throw error
  }
  return { catalog, smallBodyBytes: SMALL_BODY_BYTES_MAX, close: () => catalog.close() }
}

/** Refuses a catalog that was copied to Redis and stayed in the data directory: it lacks all later commits.
 * Throws StoreCorrupt. */
function refuseLeftBehind({ id, commitNumber }: Catalog, seen: Meta | null): void {
  if (seen === null || (seen.catalogId === id && seen.commitNumber <= commitNumber)) return
  const message =
    'this node had a later catalog in Redis than the one in its data: copy it back (coffer catalog copy), or remove catalog-seen.json to go on without it'
  throw new CofferError('StoreCorrupt', { message })
}

async function openOnRedis(
  { data, devices }: Config,
  redis: RedisConfig,
  log: Logger,
): Promise<OpenCatalog> {
  const seen = readWitness(data)
  // An empty Redis means a first start only where no trace of an earlier one is found.
  const isFirst = seen === null && !(await haveVolumes(devices))
  const catalog = await openRedisCatalog({
    ...redisSettings(redis),
    create: isFirst ? { catalogId: randomId(), commitNumber: 0 } : null,
    startTimeoutMs: REDIS_START_TIMEOUT_MS,
    log,
  })
  const highest = seen?.commitNumber ?? 0
  try {
    requireSeen(catalog, seen)
    if (catalog.commitNumber < highest) {
      const about = { commitNumber: catalog.commitNumber, seen: highest }
      log.error(about, 'the catalog in Redis is an older copy: what came later is not in it')
    }
    const state = () => ({
      catalogId: catalog.id,
      commitNumber: Math.max(highest, catalog.commitNumber),
    })
    const failed = (err: unknown) => log.error({ err }, 'the catalog’s state cannot be noted')
    const witness = keepWitness(data, state, failed)
    return {
      catalog,
      smallBodyBytes: redis.smallBodyBytes ?? redisDefaults.smallBodyBytes,
      async close() {
        await catalog.close()
        witness.close()
      },
    }
  } catch (error) {
    await catalog.close()
    throw error
  }
}

/**
 * Opens the catalog in Redis for a command that only reads it, beside the node or without one. Writes neither
 * to Redis nor to the data directory. Rejects as `openCatalog` does.
 */
export async function openCatalogBeside(
  { data }: Config,
  redis: RedisConfig,
  log: Logger,
): Promise<Catalog> {
  const settings = { ...redisSettings(redis), startTimeoutMs: REDIS_START_TIMEOUT_MS, log }
  const catalog = await openRedisCatalog({ ...settings, create: null })
  try {
    requireSeen(catalog, readWitness(data))
    return catalog
  } catch (error) {
    await catalog.close()
    throw error
  }
}

/** Throws StoreCorrupt where Redis holds another catalog than the one seen before. */
function requireSeen({ id }: Catalog, seen: Meta | null): void {
  if (seen === null || seen.catalogId === id) return
  const message = 'Redis holds another catalog than the one that this node has data of'
  throw new CofferError('StoreCorrupt', { message })
}

async function haveVolumes(devices: readonly string[]): Promise<boolean> {
  for (const device of devices) {
    if (volumeIdsIn(await namesOn(device)).length > 0) return true
  }
  return false
}
