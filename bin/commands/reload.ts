// `coffer reload`, and the node's side of it and of SIGHUP: reads users, certificates, root keys and log level again,
// and opens the audit file again. Where one of them is wrong the old one stays in force, which is logged, and the
// others are read.
import type { Logger } from 'pino'
import type { Audit } from '../../lib/audit.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { ControlRefused, callControl } from '../../lib/control.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import type { Servers } from '../../middleware/servers.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { readCertificates } from './prepare.ts'

/** The parts of a running node that a reload can change. */
export interface Reloadable {
  readonly config: Config
  /** Reads the configuration again, as the start did. Throws FileInvalid. */
  readonly readConfig: () => Config
  /** Reads users.yaml again. Throws FileInvalid. */
  readonly replaceFile: () => void
  /** Rejects with FileInvalid where the keyring cannot take the place of the present one. */
  readonly keys: { reload(): Promise<unknown> }
  readonly servers: Pick<Servers, 'replaceCertificates'>
  readonly audit: Pick<Audit, 'reopen'>
  readonly log: Logger
}

/** Makes the running node read its files again. Rejects with ControlRefused and the problems in the files. */
export async function reload(options: SourceOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  const answer = await callControl(config.data, 'reload', {})
  if (answer === null) throw new ControlRefused('no node runs on this data')
  process.stdout.write(
    'The running node has read users, certificates, root keys and log.level, and opened the audit file anew.\n',
  )
}

/**
 * Reads again what can change at run time. No request is dropped: open connections keep their certificate.
 * Returns a line for each problem, whose old value stays in force.
 */
export async function reloadNode(node: Reloadable): Promise<readonly string[]> {
  const { config, replaceFile, keys, servers, audit, log } = node
  const problems: string[] = []
  const attempt = async (what: string, read: () => Promise<void>) => {
    try {
      await read()
    } catch (error) {
      problems.push(...(error instanceof FileInvalid ? error.problems : [`${what}: ${error}`]))
      log.error({ err: error }, `${what}: not reloaded, the old stays in force`)
    }
  }
  await attempt('users', async () => replaceFile())
  await attempt('certificates', async () => {
    servers.replaceCertificates(await readCertificates(config))
  })
  await attempt('keyring', async () => void (await keys.reload()))
  await attempt('audit', async () => audit.reopen())
  await attempt('configuration', async () => {
    const next = node.readConfig()
    log.level = next.log.level
    const waiting = changedKeys(config, next)
    if (waiting.length > 0) log.warn({ keys: waiting }, 'changed keys wait for a restart')
  })
  if (problems.length === 0) log.info('reloaded users, certificates, root keys and log level')
  return problems
}

/** Names of the configuration's keys that differ, and take effect at a restart. */
function changedKeys(running: Config, next: Config): string[] {
  const keys = Object.keys({ ...running, ...next }) as (keyof Config)[]
  const differs = (key: keyof Config) => JSON.stringify(running[key]) !== JSON.stringify(next[key])
  return keys.filter((key) => key !== 'log' && differs(key))
}
