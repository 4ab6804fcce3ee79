// How Redis is reached, and the addresses in that taken apart.
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
