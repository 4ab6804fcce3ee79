// `coffer catalog copy`: copies a node's catalog to another store, while no node runs on it. A place is
// `level:DIR` (a data directory), a Redis URL, or `config:FILE` (the catalog of that configuration).
import { join, resolve } from 'node:path'
import { describeDamage, requireSoundFiles } from '../../lib/catalog/check.ts'
import { CopyRefused, copyCatalog } from '../../lib/catalog/copy.ts'
import type { RawCatalog } from '../../lib/catalog/raw.ts'
import { openRawLevel } from '../../lib/catalog/raw-level.ts'
import type { Durability } from '../../lib/catalog/redis/checks.ts'
import { makeRawRedis } from '../../lib/catalog/redis/raw.ts'
import type { RedisSettings } from '../../lib/catalog/redis/settings.ts'
import { openRedisLink, REDIS_START_TIMEOUT_MS } from '../../lib/catalog/redis.ts'
import { loadConfig } from '../../lib/config/config.ts'
import type { RedisConfig } from '../../lib/config/redis.ts'
import { acquireControl } from '../../lib/control.ts'
import { isThere } from '../../lib/file-invalid.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { makeLog } from '../../lib/log.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import { redisSettings } from '../../lib/redis-settings.ts'
import { UsageRefused } from '../program.ts'

export interface CopyOptions {
  readonly from: string
  readonly to: string
  readonly passwordFile?: string
}

/** Rows between two lines of progress. */
const PROGRESS_ROWS = 100_000

/** A place where a catalog lies. */
interface Place {
  /** Name of the place in messages, without a password. */
  readonly name: string
  /** The data directory that no node may run on meanwhile. */
  readonly data?: string
  open(): Promise<RawCatalog>
}

/** Copies a catalog, and prints the result. Rejects with UsageRefused, CopyRefused, DataDirectoryInUse,
 * FileInvalid. */
export async function copy(options: CopyOptions): Promise<void> {
  // The source may be in a Redis with any settings. The target must be in one that keeps acknowledged writes.
  const from = placeOf(options.from, options.passwordFile, 'relaxed')
  const to = placeOf(options.to, options.passwordFile, 'strict')
  if (options.passwordFile !== undefined && ![options.from, options.to].some(isUrl)) {
    throw new UsageRefused('--password-file is for a redis:// place')
  }
  if (from.name === to.name) throw new UsageRefused('--from and --to name the same place')
  const open: (() => Promise<void>)[] = []
  try {
    if (from.data !== undefined && !isThere(from.data)) {
      throw new CopyRefused(`there is no such directory: ${from.data}`)
    }
    if (to.data !== undefined) makePrivateDirectory(to.data)
    for (const data of new Set([from.data, to.data])) {
      if (data === undefined) continue
      const lock = await acquireControl(data, {})
      open.push(() => lock.close())
    }
    const source = await from.open()
    open.push(() => source.close())
    const target = await to.open()
    open.push(() => target.close())
    await report(source, target, from.name, to.name)
  } finally {
    for (const close of open.reverse()) await close()
  }
}

async function report(source: RawCatalog, target: RawCatalog, from: string, to: string) {
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  let next = PROGRESS_ROWS
  const done = await copyCatalog(source, target, (rows) => {
    if (rows < next) return
    next = rows + PROGRESS_ROWS
    say(`${rows.toLocaleString('en')} rows`)
  })
  if (done.restarted) say('An earlier copy was not finished: it was thrown away.')
  say(`Copied the catalog ${done.catalogId} from ${from} to ${to}:`)
  say(`${done.rows.toLocaleString('en')} rows, ${done.bytes.toLocaleString('en')} bytes`)
  say(`at commit ${done.commitNumber.toLocaleString('en')}; read again and compared row by row.`)
}

const isUrl = (text: string) => /^rediss?:/.test(text) && URL.canParse(text)

/** Throws UsageRefused where the text is no place, FileInvalid where its configuration is wrong. */
function placeOf(text: string, passwordFile: string | undefined, durability: Durability): Place {
  const [kind, rest] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]
  if (kind === 'level' && rest !== '') return levelPlace(resolve(rest))
  if (isUrl(text)) return urlPlace(new URL(text), passwordFile, durability)
  if (kind === 'config' && rest !== '') return configuredPlace(rest, durability)
  throw new UsageRefused('a place is level:DIR, a redis:// or rediss:// URL, or config:FILE')
}

/** Throws UsageRefused where there are two passwords. */
function urlPlace(url: URL, passwordFile: string | undefined, durability: Durability): Place {
  if (passwordFile === undefined) return redisPlace({ url: url.href, durability })
  if (url.password !== '') {
    throw new UsageRefused('--password-file stands for a password in the URL: only one of them')
  }
  const username = url.username === '' ? {} : { username: decodeURIComponent(url.username) }
  url.username = ''
  const file = resolve(passwordFile)
  return redisPlace({ url: url.href, ...username, passwordFile: file, durability })
}

function levelPlace(data: string): Place {
  const location = join(data, 'catalog')
  const open = async () => {
    // LevelDB drops committed rows from a damaged log, and would leave them out of the copy without an error.
    await requireSoundFiles(classicEngine, location, (damage) => {
      process.stderr.write(`the catalog's log has no sound end: ${describeDamage(damage)}\n`)
    })
    return await openRawLevel(classicEngine, location)
  }
  return { name: `level:${data}`, data, open }
}

function redisPlace(redis: RedisConfig, data?: string): Place {
  const settings = redisSettings(redis)
  const options = { ...settings, startTimeoutMs: REDIS_START_TIMEOUT_MS, log: makeLog('silent') }
  const open = async () => makeRawRedis(await openRedisLink(options))
  const urls = settings.cluster ?? [settings.url ?? sentinelName(settings)]
  const name = `${urls.map(withoutUser).join(' ')} (prefix ${settings.prefix})`
  return { name, ...(data === undefined ? {} : { data }), open }
}

const sentinelName = ({ sentinels }: RedisSettings) =>
  `redis+sentinel://${sentinels!.addresses.join(',')}/${sentinels!.name}`

function withoutUser(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/@]*@/, '$1')
}

/** The catalog of a configuration. No node may run on its data directory, wherever the catalog lies. */
function configuredPlace(file: string, durability: Durability): Place {
  const { catalog, data } = loadConfig({ file })
  if (catalog === 'level') return levelPlace(data)
  // A configuration may relax durability for its node, which then applies to the copy too.
  const relaxed = durability === 'relaxed' ? { durability } : {}
  return redisPlace({ ...catalog.redis, ...relaxed }, data)
}
