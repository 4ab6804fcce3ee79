// Notifies systemd that the node serves (Type=notify, sd_notify(3)), so that `systemctl start` waits until
// then, and fails where the node cannot start. Runs systemd-notify(1), because Node.js cannot send to datagram
// sockets of Unix.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Logger } from 'pino'

/** Does nothing without a service manager. A failure is logged. */
export async function announceReady(log: Logger): Promise<void> {
  if (process.env.NOTIFY_SOCKET === undefined) return
  try {
    await promisify(execFile)('systemd-notify', ['--ready'])
  } catch (error) {
    log.error({ err: error }, 'systemd could not be told that the node serves')
  }
}
