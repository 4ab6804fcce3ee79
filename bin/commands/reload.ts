// `coffer reload`, and what a running node does at it or at SIGHUP: reads users, certificates and the log's
// level again, and opens the audit file anew. Each by itself: a file that is wrong keeps the old, and says so in the log.
import type { Logger } from 'pino'
import type { Audit } from '../../lib/audit.ts'
import type { Users } from '../../lib/auth/users.ts'
import { loadUsers } from '../../lib/auth/users-file.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { ControlRefused, callControl } from '../../lib/control.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import type { Servers } from '../../middleware/servers.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { readCertificates } from './prepare.ts'
import { usersFileOf } from './user.ts'

/** What of a running node can change. */
export interface Reloadable {
  readonly config: Config
  /** Reads the configuration anew, as the start did. Throws FileInvalid. */
  readonly readConfig: () => Config
  readonly users: { replace(users: Users): void }
  readonly servers: Pick<Servers, 'replaceCertificates'>
  readonly audit: Pick<Audit, 'reopen'>
  readonly log: Logger
}

/** Makes the running node read its files again. Throws ControlRefused with what was wrong in them. */
export async function reload(options: SourceOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  const answer = await callControl(config.data, 'reload', {})
  if (answer === null) throw new ControlRefused('no node runs on this data')
  process.stdout.write(
    'The running node has read users, certificates and log.level, and opened the audit file anew.\n',
  )
}

/**
 * Reads again what can change under way. No request is dropped: connections that are open keep the certificate
 * that they began with. Returns a line for each thing that was wrong, for which the old stays in force.
 */
export async function reloadNode(node: Reloadable): Promise<readonly string[]> {
  const { config, users, servers, audit, log } = node
  const problems: string[] = []
  const attempt = async (what: string, read: () => Promise<void>) => {
    try {
      await read()
    } catch (error) {
      problems.push(...(error instanceof FileInvalid ? error.problems : [`${what}: ${error}`]))
      log.error({ err: error }, `${what}: not reloaded, the old stays in force`)
    }
  }
  await attempt('users', async () => users.replace(loadUsers(usersFileOf(config))))
  await attempt('certificates', async () => {
    servers.replaceCertificates(await readCertificates(config))
  })
  await attempt('audit', async () => audit.reopen())
  await attempt('configuration', async () => {
    const next = node.readConfig()
    log.level = next.log.level
    const waiting = changedKeys(config, next)
    if (waiting.length > 0) log.warn({ keys: waiting }, 'changed keys wait for a restart')
  })
  if (problems.length === 0) log.info('reloaded users, certificates and log level')
  return problems
}

/** Keys of the configuration, by their names alone, that differ and take effect at a restart. */
function changedKeys(running: Config, next: Config): string[] {
  const keys = Object.keys({ ...running, ...next }) as (keyof Config)[]
  const differs = (key: keyof Config) => JSON.stringify(running[key]) !== JSON.stringify(next[key])
  return keys.filter((key) => key !== 'log' && differs(key))
}
