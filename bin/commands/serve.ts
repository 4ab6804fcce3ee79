// `coffer serve`: binds the ports, takes the data directory, makes at a first start what is missing, opens the
// node, and closes it on a signal. On SIGHUP it reads again what can change at run time.
import { auditToFile, auditToLog } from '../../lib/audit.ts'
import { PasswordChecks } from '../../lib/auth/password-checks.ts'
import { replaceableUsers } from '../../lib/auth/users-file.ts'
import { type Coffer, openCoffer } from '../../lib/coffer.ts'
import { type Config, defaultConfig, exposed, unbuilt } from '../../lib/config/config.ts'
import { acquireControl, ControlRefused, DataDirectoryInUse, isInUse } from '../../lib/control.ts'
import type { ReplaceableKeyring } from '../../lib/crypto/keyring-edit.ts'
import { makeLog } from '../../lib/log.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import {
  type BoundListener,
  bindListeners,
  closeListeners,
  ListenRefused,
} from '../../middleware/http/listeners.ts'
import { startServers } from '../../middleware/servers.ts'
import { version } from '../program.ts'
import { announceReady } from '../ready.ts'
import { threadPoolSize } from '../thread-pool.ts'
import { unseenSecrets } from './first-secrets.ts'
import { checkKeyring } from './keyring.ts'
import { makeFirstUser, prepare } from './prepare.ts'
import { answerReclaim } from './reclaim.ts'
import { reloadNode } from './reload.ts'
import { warnOfRestored } from './restore.ts'
import { answerStatus } from './status.ts'
import { makeUpkeep } from './upkeep.ts'
import { userHandlers } from './user-handlers.ts'
import { readUsersFile } from './users-file.ts'
import { welcome } from './welcome.ts'

/** The running node, for requests of the command line. */
interface Running {
  readonly coffer: Coffer
  readonly keyring: ReplaceableKeyring
  /** Reads users.yaml again. Throws FileInvalid. */
  readonly replaceFile: () => void
}

/** Time within which a second signal counts as the same one. Ctrl-C under `npm start` arrives from the
 * terminal, and once more from npm. */
const SAME_SIGNAL_MS = 1_000

/**
 * Runs the node until SIGINT or SIGTERM, then drains and closes it. `readConfig` reads the configuration again,
 * for reloads. Rejects with ListenRefused, DataDirectoryInUse, FileInvalid, and the errors of a store.
 */
export async function serve(config: Config, readConfig: () => Config): Promise<void> {
  const stop = signalled()
  // A reload that comes during the start is done when the node serves.
  let isReloadDue = false
  let reload = async (): Promise<readonly string[]> => {
    isReloadDue = true
    return []
  }
  // The socket exists before the stores, which may take minutes to open.
  let running: Running | undefined
  const requireRunning = () => {
    if (running === undefined) throw new ControlRefused('the node is starting: try again later')
    return running
  }
  process.on('SIGHUP', () => void reload())
  const log = makeLog(config.log.level)
  process.once('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ended by an error that nothing caught')
    process.exit(1)
  })
  // The parts that are open. They are closed in reverse order, also after a start that failed.
  const open: (() => Promise<void>)[] = []
  try {
    // Bound before anything is made, so that a start without its ports leaves nothing behind.
    const bound = await bind(config)
    open.push(() => closeListeners(bound))
    makePrivateDirectory(config.data)
    const upkeep = makeUpkeep(config, () => {
      const { coffer, keyring } = requireRunning()
      const keyringReplaced = () => coffer.registry.directory.load()
      return { catalog: coffer.stores.catalog, keyring, keyringReplaced }
    })
    const control = await acquireControl(config.data, {
      ...upkeep.handlers,
      ...userHandlers(() => requireRunning().coffer.registry),
      'reload-users': async () => {
        if (running === undefined) isReloadDue = true
        else running.replaceFile()
        return {}
      },
      reload: async () => refuseProblems(await reload()),
      reclaim: async (args) => answerReclaim(requireRunning().coffer, args),
      reclaiming: async () => ({ underWay: requireRunning().coffer.reclaimer.underWay }),
      status: async () => answerStatus(requireRunning().coffer),
    })
    open.push(() => control.close())
    const { keyring, certificateOf } = await prepare(config)
    const checks = new PasswordChecks()
    const file = replaceableUsers(readUsersFile(config, checks))
    const audit = config.audit === undefined ? auditToLog(log) : auditToFile(config.audit, log)
    open.push(() => audit.close())
    const coffer = await openCoffer({ config, keyring, log, file: { users: file, checks } })
    open.push(() => coffer.close())
    open.push(() => upkeep.close())
    await warnOfRestored(coffer.stores.catalog, log)
    await checkKeyring({ catalog: coffer.stores.catalog, keyring }, log)
    await makeFirstUser(config, coffer.registry)
    const { service, rootCipher, tokens, registry, answerMemory, impaired, figures } = coffer
    const { users } = registry
    const stores = { service, tokens, registry, rootCipher, answerMemory, impaired, figures }
    const node = { config, ...stores, users, log, audit, version: version() }
    const servers = await startServers(node, certificateOf, bound)
    open.push(() => servers.close({ drainTimeoutMs: config.limits.drainTimeoutMs }))
    const replaceFile = () => file.replace(readUsersFile(config, checks))
    running = { coffer, keyring, replaceFile }
    const keys = { reload: () => upkeep.handlers['keyring-reload']!({}) }
    reload = () => reloadNode({ config, readConfig, replaceFile, keys, servers, audit, log })
    if (isReloadDue) await reload()
    for (const warning of [...unbuilt(config, defaultConfig()), ...exposed(config)])
      log.warn(warning)
    warnOfThreadPool((threads, wanted) => log.warn({ threads, wanted }, 'the thread pool is small'))
    const output = { log, isTerminal: process.stdout.isTTY === true }
    const unseen = await unseenSecrets(config, servers.addresses, users, output)
    process.stdout.write(welcome(servers) + unseen.text)
    unseen.printed()
    await announceReady(log)
    log.info({ signal: await stop }, 'draining')
  } finally {
    for (const close of open.reverse()) await close()
  }
}

/** Binds the listeners. Where the node on the same data directory has a port, rejects with DataDirectoryInUse,
 * which explains more than the taken port. */
async function bind(config: Config): Promise<readonly BoundListener[]> {
  try {
    return await bindListeners(config)
  } catch (error) {
    const isTaken = error instanceof ListenRefused && error.code === 'EADDRINUSE'
    if (isTaken && (await isInUse(config.data))) throw new DataDirectoryInUse(config.data)
    throw error
  }
}

/** Throws Error with a line for each problem, which `coffer reload` prints. */
function refuseProblems(problems: readonly string[]): object {
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return {}
}

function warnOfThreadPool(warn: (threads: number, wanted: number) => void): void {
  const wanted = Number(process.env.UV_THREADPOOL_SIZE)
  const threads = threadPoolSize()
  if (threads !== undefined && threads < wanted) warn(threads, wanted)
}

/** Resolves with the first SIGINT or SIGTERM. One that comes a second later ends the process at once. */
function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined
    const onSignal = (signal: NodeJS.Signals) => {
      if (firstMs === undefined) {
        firstMs = performance.now()
        resolve(signal)
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
        process.exit(1)
      }
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  })
}
