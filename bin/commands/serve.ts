// `coffer serve`: takes the data directory, makes at a first start what is missing, opens the node, and
// closes it on a signal.
import { auditToFile, auditToLog } from '../../lib/audit.ts'
import { openCoffer } from '../../lib/coffer.ts'
import { type Config, defaultConfig, unbuilt } from '../../lib/config.ts'
import { acquireControl } from '../../lib/control.ts'
import { makeLog } from '../../lib/log.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import { loadUsers, replaceableUsers } from '../../lib/users-file.ts'
import { startServers } from '../../middleware/server.ts'
import { threadPoolSize } from '../thread-pool.ts'
import { prepare } from './prepare.ts'
import { usersFileOf } from './user.ts'
import { welcome } from './welcome.ts'

/** For requests under way when a signal comes; systemd waits 90 s before it kills. */
const DRAIN_TIMEOUT_MS = 30_000
/** Ctrl-C under `npm start` arrives twice: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 1_000

/**
 * Runs the node until SIGINT or SIGTERM, then drains and closes it. Throws DataDirectoryInUse,
 * FileInvalid, or what a store or a listener says.
 */
export async function serve(config: Config): Promise<void> {
  const stop = signalled()
  const log = makeLog(config.log.level)
  process.once('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ended by an error that nothing caught')
    process.exit(1)
  })
  // What is open, to be closed in the reverse order, however far the start came.
  const open: (() => Promise<void>)[] = []
  try {
    makePrivateDirectory(config.data)
    const control = await acquireControl(config.data, {
      'reload-users': async () => {
        users.replace(loadUsers(usersFileOf(config)))
        return {}
      },
    })
    open.push(() => control.close())
    const { keyring, firstUser, certificateOf } = await prepare(config)
    const users = replaceableUsers(loadUsers(usersFileOf(config)))
    const audit = config.audit === undefined ? auditToLog(log) : auditToFile(config.audit, log)
    open.push(() => audit.close())
    const coffer = await openCoffer({ config, keyring, log })
    open.push(() => coffer.close())
    const { service, rootCipher, tokens, impaired } = coffer
    const node = { config, service, users, tokens, rootCipher, log, audit, impaired }
    const servers = await startServers(node, certificateOf)
    open.push(() => servers.close({ drainTimeoutMs: DRAIN_TIMEOUT_MS }))
    for (const warning of unbuilt(config, defaultConfig())) log.warn(warning)
    warnOfThreadPool((threads, wanted) => log.warn({ threads, wanted }, 'the thread pool is small'))
    process.stdout.write(welcome(config, servers.addresses, firstUser))
    log.info({ signal: await stop }, 'draining')
  } finally {
    for (const close of open.reverse()) await close()
  }
}

function warnOfThreadPool(warn: (threads: number, wanted: number) => void): void {
  const wanted = Number(process.env.UV_THREADPOOL_SIZE)
  const threads = threadPoolSize()
  if (threads !== undefined && threads < wanted) warn(threads, wanted)
}

/** Resolves with the first SIGINT or SIGTERM; one that comes a second later ends the process at once. */
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
