// A coffer in a process of its own that serves objects, identity and keys, each on a free port.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ask, asker } from './identity.ts'
import { type RunningProcess, start } from './process.ts'

/** A configuration with four listeners, as a file in `directory`. */
export function writeIdentityConfig(directory: string): string {
  const file = join(directory, 'coffer.yaml')
  const listeners = [
    'tls: auto',
    'tls: auto, serves: [identity]',
    'tls: auto, serves: [keymanager]',
  ]
  const listen = ['{ port: 0 }', ...listeners.map((listener) => `{ port: 0, ${listener} }`)]
  writeFileSync(file, `listen: [${listen.join(', ')}]\nstorage: { reserveBytes: 0 }\n`)
  return file
}

/** The address of a service, without its path, as the process has printed it: `Identity`, `Keys`. */
export const printedAddress = ({ stdout }: RunningProcess, what: string) =>
  new URL(new RegExp(`^${what} on (?:\\S+ and )?(https:\\S+)$`, 'm').exec(stdout())![1]!)

export interface IdentityProcess {
  readonly http: string
  readonly ask: Ask
  /** Asks the key manager. */
  readonly keys: Ask
  /** Rejects where the process fails. */
  stop(): Promise<void>
}

/** Starts it on the data directory. `directory` gets its configuration. */
export async function startIdentityProcess(
  t: Parameters<typeof start>[0],
  data: string,
  directory: string,
): Promise<IdentityProcess> {
  const node = await start(t, ['--config', writeIdentityConfig(directory), '--data', data])
  const ca = readFileSync(join(data, 'tls/cert.pem'), 'utf8')
  const askerOf = (what: string) => asker(() => printedAddress(node, what).origin, ca)
  return {
    http: node.http,
    ask: askerOf('Identity'),
    keys: askerOf('Keys'),
    async stop() {
      node.child.kill('SIGTERM')
      const { code, stderr } = await node.exited
      if (code !== 0) throw new Error(`the node ended with ${code}: ${stderr}`)
    },
  }
}
