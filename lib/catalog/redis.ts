// The catalog on Redis, whose rows several nodes may share. The rows lie in a hash, framed as in LevelDB, and
// their keys in a sorted set beside it. Every read and every commit is one script. This is the only file that
// imports ioredis.
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import { CofferError } from '../errors.ts'
import { whyNotRead } from '../format-version.ts'
import type { Catalog } from './catalog.ts'
import { openCounters, openRow } from './framing.ts'
import type { Meta } from './meta.ts'
import { makeCheck } from './redis/checks.ts'
import type { Client, Server } from './redis/client.ts'
import { makeCommits } from './redis/commits.ts'
import { Link } from './redis/link.ts'
import { readPage, readRows } from './redis/reads.ts'
import { LAYOUT, scripts } from './redis/scripts.ts'
import { type Endpoint, endpointOf, type RedisSettings, sentinelOf } from './redis/settings.ts'
import { openRedisSnapshot } from './redis/snapshot.ts'

export interface RedisLinkOptions extends RedisSettings {
  /** Longest wait for Redis when a node starts. */
  readonly startTimeoutMs: number
  readonly log: Logger
}

export interface RedisCatalogOptions extends RedisLinkOptions {
  /** The id and commit number of a new catalog; null where a catalog must be there already. */
  readonly create: Meta | null
}

/** Longest wait for Redis at a program's start. Redis may be starting too. */
export const REDIS_START_TIMEOUT_MS = 10_000

/** Longest pause between attempts to connect. The first pause is short, because most connections are only
 * cut. */
const RETRY_MS = 250
const retryAfter = (attempts: number) => Math.min(20 * attempts, RETRY_MS)

const wrong = (message: string) => new CofferError('StoreCorrupt', { message })

/**
 * Opens the catalog, or makes it where there is none and `create` is not null. Rejects with StoreUnavailable
 * where Redis is away or could lose acknowledged writes. Rejects with StoreCorrupt where Redis is empty and
 * must not be, or holds rows without a catalog, half a copy, or a catalog of a later layout.
 */
export async function openRedisCatalog(options: RedisCatalogOptions): Promise<Catalog> {
  const link = await openLink(options, (link) => adopt(link, options.create))
  const commits = makeCommits(link)
  const one = async (key: string) => (await readRows(link, [key]))[0]
  return {
    get id() {
      return link.id
    },
    get commitNumber() {
      return link.number
    },
    get impaired() {
      return link.impaired
    },
    async get(key) {
      const framed = await one(key)
      return framed && openRow(key, framed)
    },
    async getCounters(key) {
      const framed = await one(key)
      return framed && openCounters(key, framed)
    },
    async getMany(keys) {
      const framed = await readRows(link, keys)
      return framed.map((row, i) => row && openRow(keys[i]!, row))
    },
    scan: (range) => readPage(link, range),
    commit: (commit) => commits.commit(commit),
    snapshot: () => openRedisSnapshot(link),
    async advance(commitNumber) {
      await link.call(scripts.advance, [String(commitNumber)])
    },
    async close() {
      await commits.close()
      link.close()
    },
  }
}

/** Opens a link for `Link.run` alone, whatever lies in Redis. Rejects with StoreUnavailable as
 * openRedisCatalog does. */
export function openRedisLink(options: RedisLinkOptions): Promise<Link> {
  return openLink(options, async () => ({ id: '', number: 0 }))
}

async function openLink(
  options: RedisLinkOptions,
  begin: (link: Link) => Promise<{ id: string; number: number }>,
): Promise<Link> {
  const { prefix, timeoutMs, startTimeoutMs, durability, log } = options
  const client = makeClient(options)
  const unsafe = makeCheck(client, durability, log)
  const link = new Link({ client, prefix, timeoutMs, unsafe, log })
  try {
    await link.begin(() => begin(link), startTimeoutMs)
    return link
  } catch (error) {
    link.close()
    throw error
  }
}

/** Reads the catalog's id and commit number, or makes the catalog. */
async function adopt(link: Link, create: Meta | null): Promise<{ id: string; number: number }> {
  const args =
    create === null ? ['', '', ''] : [create.catalogId, String(create.commitNumber), LAYOUT]
  const [word, number, id, layout] = await link.run(scripts.create, args)
  if (word === 'empty') throw wrong('Redis is empty, and this node has data of a catalog')
  if (word === 'unfinished') throw wrong('Redis holds a copy of a catalog that was not finished')
  if (word === 'headless') throw wrong('Redis holds rows, but nothing says of which catalog')
  if (String(layout) !== LAYOUT) {
    throw wrong(whyNotRead('the catalog', layout))
  }
  return { id: String(id), number: Number(number) }
}

function connectionOf(settings: RedisSettings): Redis | Cluster {
  if (settings.cluster !== undefined) return cluster(settings, settings.cluster)
  if (settings.sentinels !== undefined) return behindSentinels(settings, settings.sentinels)
  return oneServer(settings, settings.url!)
}

function makeClient(options: RedisSettings): Client {
  const redis = connectionOf(options)
  let stopped = false
  surviveErrors(redis)
  redis.on('end', () => {
    // ioredis makes no further attempt where the first one fails before there was a connection.
    if (!stopped) setTimeout(() => !stopped && connect(), RETRY_MS).unref()
  })
  const connect = () => void redis.connect().catch(() => undefined)
  return {
    call: (command, ...args) => redis.call(command, ...args),
    evalsha(sha, keys, ...args) {
      gather(redis)
      return redis.callBuffer('evalsha', sha, keys, ...args)
    },
    eval(text, keys, ...args) {
      gather(redis)
      return redis.callBuffer('eval', text, keys, ...args)
    },
    masters: () => (redis instanceof Cluster ? redis.nodes('master').map(server) : [server(redis)]),
    onReady: (listener) => void redis.on('ready', listener),
    onLost(listener) {
      redis.on('error', listener)
      redis.on('close', () => listener())
    },
    start: connect,
    reconnect() {
      if (redis.status === 'ready' || redis.status === 'connect') redis.disconnect(true)
    },
    stop() {
      stopped = true
      redis.disconnect()
    },
  }
}

/** ioredis listens for one error of each socket. TLS may emit two: an alert, and the reset behind it. The
 * second one would end the process (https://github.com/redis/ioredis/pull/961). */
function surviveErrors(redis: Redis | Cluster): void {
  if (redis instanceof Cluster) redis.on('+node', surviveErrors)
  else redis.on('connect', () => redis.stream?.on('error', () => undefined))
}

/** Sends commands of the same turn in one piece. That saves system calls, and Redis executes them together and
 * syncs once for all. ioredis' own pipelining sends nothing while an earlier piece is under way. */
function gather(redis: Redis | Cluster): void {
  if (redis instanceof Cluster || redis.stream === undefined) return
  const { stream } = redis
  if (stream.writableCorked > 0) return
  stream.cork()
  process.nextTick(() => stream.uncork())
}

const server = (redis: Redis): Server => ({
  call: (command, ...args) => redis.call(command, ...args),
})

/** Options of every connection. ioredis must neither queue nor repeat a command: the catalog decides that. */
function connectionOptions(settings: RedisSettings, isTls: boolean, endpoint?: Endpoint) {
  const username = endpoint?.username ?? settings.username
  const password = endpoint?.password ?? settings.password
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: RETRY_MS,
    disableClientInfo: true,
    connectTimeout: settings.timeoutMs,
    disconnectTimeout: 100,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: { ...settings.tls } } : {}),
  } satisfies RedisOptions
}

function oneServer(settings: RedisSettings, url: string): Redis {
  const endpoint = endpointOf(url)
  const { host, port, db, isTls } = endpoint
  const common = connectionOptions(settings, isTls, endpoint)
  return new Redis({ ...common, host, port, db, retryStrategy: retryAfter })
}

function behindSentinels(
  settings: RedisSettings,
  { addresses, name }: NonNullable<RedisSettings['sentinels']>,
): Redis {
  const isTls = settings.tls !== undefined
  return new Redis({
    ...connectionOptions(settings, isTls),
    retryStrategy: retryAfter,
    sentinels: addresses.map(sentinelOf),
    name,
    sentinelRetryStrategy: retryAfter,
    sentinelCommandTimeout: settings.timeoutMs,
    enableTLSForSentinelMode: isTls,
    ...(isTls ? { sentinelTLS: { ...settings.tls } } : {}),
    // Without the detector, writes would go to a master that is alive and was replaced, until it closes the
    // connection.
    failoverDetector: true,
  })
}

function cluster(settings: RedisSettings, urls: readonly string[]): Cluster {
  const endpoints = urls.map(endpointOf)
  const isTls = endpoints.some((endpoint) => endpoint.isTls)
  return new Cluster(
    endpoints.map(({ host, port }) => ({ host, port })),
    {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryAfter,
      // A command that a node did not answer must not be sent again by ioredis: see commits.ts.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      slotsRefreshTimeout: settings.timeoutMs,
      slotsRefreshInterval: 5000,
      redisOptions: connectionOptions(settings, isTls, endpoints[0]),
    },
  )
}
