// Settings of the Redis connection, made from the configuration and the files that it names.
import { type RedisConfig, redisDefaults } from '../../config/redis.ts'
import { readText } from '../../file-invalid.ts'
import type { Durability } from './checks.ts'

/** Contents of PEM files. */
export interface RedisTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Exactly one of `url`, `sentinels` and `cluster` is set. */
export interface RedisSettings {
  /** One server, redis:// or rediss://. */
  readonly url?: string
  /** Addresses of Sentinels as host:port, and the name that Sentinel has for the master. */
  readonly sentinels?: { readonly addresses: readonly string[]; readonly name: string }
  /** URLs of some nodes of a cluster. */
  readonly cluster?: readonly string[]
  /** Used where the URL has none. */
  readonly username?: string
  readonly password?: string
  /** Used with a rediss:// URL, and turns TLS on for Sentinels. */
  readonly tls?: RedisTls
  /** Separates catalogs in one Redis. Holds no braces. */
  readonly prefix: string
  readonly durability: Durability
  /** Longest wait for one answer. */
  readonly timeoutMs: number
}

/** One server as a URL describes it. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username?: string
  readonly password?: string
  readonly isTls: boolean
}

/** The content of a file without the newline at its end. Throws FileInvalid. */
export const readSecret = (file: string) => readText(file).replace(/\r?\n$/, '')

/** The settings, with defaults and the contents of files. Throws FileInvalid where a file cannot be read. */
export function redisSettings(config: RedisConfig): RedisSettings {
  const { url, sentinels, name, cluster, username, passwordFile, tls } = config
  const password = passwordFile === undefined ? config.password : readSecret(passwordFile)
  return {
    ...(url === undefined ? {} : { url }),
    ...(sentinels === undefined ? {} : { sentinels: { addresses: sentinels, name: name! } }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: readTls(tls) }),
    prefix: config.prefix ?? redisDefaults.prefix,
    durability: config.durability ?? redisDefaults.durability,
    timeoutMs: config.timeoutMs ?? redisDefaults.timeoutMs,
  }
}

function readTls({ ca, cert, key }: RedisTls): RedisTls {
  return {
    ...(ca === undefined ? {} : { ca: readText(ca) }),
    ...(cert === undefined ? {} : { cert: readText(cert) }),
    ...(key === undefined ? {} : { key: readText(key) }),
  }
}

/** The parts of a redis:// or rediss:// URL. The default port is 6379, the default database 0. */
export function endpointOf(text: string): Endpoint {
  const { protocol, hostname, port, pathname, username, password } = new URL(text)
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 6379),
    db: Number(pathname.slice(1) || 0),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    isTls: protocol === 'rediss:',
  }
}

/** The parts of `host:port`. An IPv6 address stands in brackets. The default port is 26379. */
export function sentinelOf(text: string): { host: string; port: number } {
  const { hostname, port } = new URL(`redis://${text}`)
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 26379) }
}
