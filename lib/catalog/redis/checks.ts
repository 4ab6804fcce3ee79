// Checks that Redis writes each commit to its disk before it answers, and never evicts a row. The check runs
// for every new connection, because a failover may lead to a server with other settings.
import type { Logger } from 'pino'
import type { Client, Server } from './client.ts'
import { isReply } from './reasons.ts'

/** strict: a server that can lose an acknowledged write is refused; relaxed: a warning is logged. */
export type Durability = 'strict' | 'relaxed'

/** ZMSCORE came with Redis 6.2, flags of scripts with 7.0. */
const VERSION_MIN = 7

/** https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/ */
const wanted: readonly { name: string; value: string; why: string }[] = [
  { name: 'appendonly', value: 'yes', why: 'else a restart loses what was written' },
  { name: 'appendfsync', value: 'always', why: 'else a crash loses acknowledged writes' },
  {
    name: 'no-appendfsync-on-rewrite',
    value: 'no',
    why: 'else a crash during a rewrite loses acknowledged writes',
  },
  { name: 'maxmemory-policy', value: 'noeviction', why: 'else Redis throws rows away' },
]

type Fields = ReadonlyMap<string, string>

/** Undefined where the server does not allow its user the command. */
async function allowed<T>(question: Promise<T>): Promise<T | undefined> {
  return question.catch((error) => {
    if (isReply(error) && /^(NOPERM|ERR unknown)/.test(error.message)) return undefined
    throw error
  })
}

async function versionOf(server: Server): Promise<string | undefined> {
  const text = await allowed(server.call('INFO', 'server'))
  return text === undefined ? undefined : /^redis_version:(\S+)/m.exec(String(text))?.[1]
}

async function settingsOf(server: Server): Promise<Fields | undefined> {
  const names = wanted.map(({ name }) => name)
  const answer = await allowed(server.call('CONFIG', 'GET', ...names))
  if (answer === undefined) return undefined
  const flat = answer as string[]
  return new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]!] as const] : [])))
}

function faultsOf(found: Fields | undefined): string[] {
  if (found === undefined) {
    return [
      'its settings cannot be checked: allow its user CONFIG GET (ACL: +config|get), or set durability: relaxed',
    ]
  }
  return wanted.flatMap(({ name, value, why }) => {
    const actual = found.get(name)
    return actual === value ? [] : [`set ${name} ${value} (it is ${actual ?? 'unknown'}), ${why}`]
  })
}

/**
 * Returns a function that checks the servers which take writes. It resolves with a sentence where one is
 * unsafe, else with null. Where durability is relaxed it logs a warning instead, once for each finding. It
 * rejects with the client's error where a server does not answer.
 */
export function makeCheck(
  client: Client,
  durability: Durability,
  log: Logger,
): () => Promise<string | null> {
  let warned = ''

  async function unsafe(server: Server): Promise<string | null> {
    const version = await versionOf(server)
    if (version === undefined) return 'Redis does not let its user ask: allow INFO (ACL: +info)'
    if (Number.parseInt(version, 10) < VERSION_MIN) {
      return `Redis ${version} is too old: ${VERSION_MIN} or newer is needed`
    }
    const faults = faultsOf(await settingsOf(server))
    if (faults.length === 0) return null
    const sentence = `Redis is not safe for a catalog: ${faults.join('; ')}`
    if (durability === 'strict') return sentence
    if (warned !== sentence) log.warn({ faults }, 'catalog: Redis can lose what it acknowledged')
    warned = sentence
    return null
  }

  return async () => {
    const servers = client.masters()
    if (servers.length === 0) throw new Error('no master is known')
    for (const server of servers) {
      const found = await unsafe(server)
      if (found !== null) return found
    }
    return null
  }
}
