// Tells systemd that the node serves (Type=notify, sd_notify(3)), so that `systemctl start` waits until it does and
// fails where it cannot. By systemd-notify(1): Node.js has no sockets of the kind that systemd listens on.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Logger } from 'pino'

/** Does nothing where no service manager asked for it. One that cannot be told is named in the log. */
export async function announceReady(log: Logger): Promise<void> {
  if (process.env.NOTIFY_SOCKET === undefined) return
  try {
    await promisify(execFile)('systemd-notify', ['--ready'])
  } catch (error) {
    log.error({ err: error }, 'systemd could not be told that the node serves')
  }
}
