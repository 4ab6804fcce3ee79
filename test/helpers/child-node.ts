// A node as a process of its own, which can be killed: `bin/coffer.ts` with a configuration in a temporary
// directory, on ports that are the same for every start.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { chosenCatalog } from './catalog-choice.ts'
import { chosenFormat } from './format-choice.ts'
import { freePort } from './free-port.ts'
import { type Answer, type SentRequest, send, users } from './node.ts'
import './plain-children.ts'

export interface ChildNode {
  readonly dir: string
  readonly data: string
  readonly http: string
  readonly https: string
  /** The development certificate, for the CA settings of clients. */
  readonly caFile: string
  readonly pid: number
  /** All that the process printed, over all starts. */
  readonly output: () => string
  start(): Promise<void>
  /** Sends SIGKILL, or another signal. Resolves when the process has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Resolves when the process ends, also by itself. */
  exited(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  request(method: string, path: string, options?: SentRequest): Promise<Answer>
}

/** Makes and starts a node. With the test it ends, and its directory is removed. `config` adds keys; `data`
 * among them is an existing directory. `environmentOf` returns environment variables for the data directory. */
export async function startChildNode(
  t: { teardown(fn: () => void | Promise<void>): unknown },
  config: { readonly data?: string; readonly [key: string]: unknown } = {},
  environmentOf: (data: string) => Record<string, string> = () => ({}),
): Promise<ChildNode> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-child-'))
  const data = config.data ?? join(dir, 'data')
  if (config.data === undefined) await mkdir(data, { mode: 0o700 })
  const [port, tlsPort] = [await freePort(), await freePort()]
  await writeFile(join(dir, 'users.yaml'), stringify(users), { mode: 0o600 })
  const listen = [
    { host: '127.0.0.1', port },
    { host: '127.0.0.1', port: tlsPort, tls: 'auto' },
  ]
  const base = { data, keyring: join(data, 'keyring'), devices: [join(data, 'volumes')], listen }
  const storage = { volumeFormat: chosenFormat(), ...(config.storage as object | undefined) }
  const chosen = { ...(await chosenCatalog()), ...config, storage }
  const all = { ...base, users: join(dir, 'users.yaml'), ...chosen }
  await writeFile(join(dir, 'coffer.yaml'), stringify(all))
  let output = ''
  let child: ChildProcess | undefined
  const program = fileURLToPath(new URL('../../bin/coffer.ts', import.meta.url))
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
  const start = async () => {
    child = spawn(process.execPath, [program, 'serve', '--config', join(dir, 'coffer.yaml')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environmentOf(data) },
    })
    const listening = new Promise<void>((resolve, reject) => {
      const heard = (text: Buffer) => {
        output += text
        if (text.includes(`127.0.0.1:${tlsPort}`)) resolve()
      }
      child!.stdout!.on('data', heard)
      child!.stderr!.on('data', heard)
      child!.once('exit', (code) => reject(new Error(`node ended (${code}): ${output}`)))
    })
    await listening
  }
  const caFile = join(data, 'tls', 'cert.pem')
  t.teardown(async () => {
    await kill('SIGTERM')
    await rm(dir, { recursive: true, force: true })
  })
  await start()
  const [http, https] = [`http://127.0.0.1:${port}`, `https://127.0.0.1:${tlsPort}`]
  return {
    dir,
    data,
    http,
    https,
    caFile,
    get pid() {
      return child!.pid!
    },
    output: () => output,
    start,
    kill,
    exited: async () => {
      const [code, signal] = await once(child!, 'exit')
      return { code, signal }
    },
    request: (method, path, options = {}) =>
      send(options.tls ? https : http, method, path, options, readFileSync(caFile, 'utf8')),
  }
}
