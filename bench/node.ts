// The node under test: the program as an operator starts it, on a fresh data directory, with its default
// settings (one line of log for each request among them). Also the requests that prepare a row.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { type ClientRequest, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Certificate } from '../lib/certificate.ts'
import { Child } from './child.ts'
import { drained } from './drain.ts'
import { printProfile } from './profile.ts'
import type { Scope } from './scope.ts'
import { credentials, presign } from './signing.ts'

const watch = new URL('./hold.ts', import.meta.url).href
const program = fileURLToPath(new URL('../bin/coffer.ts', import.meta.url))

const START_TIMEOUT_MS = 30_000
/** The default of storage.writeBufferBytes, for the row about memory. */
export const WRITE_BUFFER_BYTES = 64 << 20
export const account = 'bench'
export const bucket = 'bench'

export interface Request {
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The body is sent in chunks of so many bytes, without a length. */
  readonly chunkBytes?: number
  /** An error answer is accepted too. */
  readonly anyAnswer?: boolean
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** A node beside the row's first one: the name of its directory, and further keys of its configuration. */
export interface Beside {
  readonly name: string
  readonly more?: object
  /** The node is started so that `hold` can measure it. */
  readonly watched?: boolean
}

export class CofferNode {
  readonly dir: string
  readonly #scope: Scope
  readonly #profiled: boolean
  readonly #watched: boolean
  #child: Child | undefined
  #addresses: string[] = []

  /** `profiled`: the main thread is sampled, and the profile is printed when the node stops. */
  constructor(
    scope: Scope,
    certificate: Certificate,
    profiled: boolean,
    { name, more = {}, watched = false }: Beside = { name: 'node' },
  ) {
    this.#scope = scope
    this.#profiled = profiled
    this.#watched = watched
    this.dir = join(scope.dir, name)
    mkdirSync(this.dir)
    writeFileSync(join(this.dir, 'users.yaml'), usersFile(), { mode: 0o600 })
    const { file } = certificate
    const tls = { cert: file, key: file.replace(/cert\.pem$/, 'key.pem') }
    const listen = [{ port: 0 }, { port: 0, tls }]
    // Rows compare HTTP with TLS, with customer keys too.
    const ssec = { tls: ['direct', 'loopback'] }
    const config = { data: this.data, users: join(this.dir, 'users.yaml'), listen, ssec, ...more }
    // JSON is YAML.
    writeFileSync(join(this.dir, 'coffer.yaml'), JSON.stringify(config))
  }

  get data(): string {
    return join(this.dir, 'data')
  }

  get child(): Child {
    return this.#child!
  }

  get http(): string {
    return this.#addresses[0]!
  }

  get https(): string {
    return this.#addresses[1]!
  }

  /** Starts the program and waits until it serves. Rejects with the program's output where it does not. */
  async start(): Promise<void> {
    const output = join(this.dir, 'output')
    const file = openSync(output, 'w')
    const flags = this.#profiled ? ['--cpu-prof', `--cpu-prof-dir=${this.dir}`] : []
    if (this.#watched) flags.push('--import', watch)
    const args = [...flags, program, 'serve', '--config', join(this.dir, 'coffer.yaml')]
    const channel = this.#watched ? (['ipc'] as const) : []
    const started = spawn(process.execPath, args, { stdio: ['ignore', file, file, ...channel] })
    const child = new Child(this.#scope, started)
    this.#child = child
    const endMs = performance.now() + START_TIMEOUT_MS
    for (;;) {
      const text = readFileSync(output, 'utf8')
      const line = /^coffer serves on (.*)$/m.exec(text)?.[1]
      if (line !== undefined) {
        this.#addresses = line.split(' and ')
        return
      }
      if (started.exitCode !== null || performance.now() > endMs) {
        throw new Error(`coffer did not start: ${text.slice(0, 1000)}`)
      }
      await sleep(50)
    }
  }

  async stop(): Promise<void> {
    const threads = this.#profiled ? this.child.threadSeconds() : []
    await this.child.stop()
    if (this.#profiled) printProfile(this.dir, threads)
  }

  /** The longest time at a stretch for which `work` held the node's thread, in milliseconds of its CPU time. */
  async hold(work: () => Promise<unknown>): Promise<number> {
    const send = async (word: string) => {
      const answered = once(this.child.process, 'message')
      this.child.process.send(word)
      return (await answered)[0] as number
    }
    await send('begin')
    await work()
    return await send('end')
  }

  /** Sends one signed request over HTTP. Rejects for any answer but a 2xx. */
  request(method: string, path: string, request: Request = {}): Promise<Answer> {
    const { query, headers = {} } = request
    const target = presign({ method, origin: this.http, path, query, headers })
    return this.send(method, target, request)
  }

  /** Logs in by Swift's v1 auth, and returns the token. */
  async askToken(): Promise<string> {
    const headers = {
      'x-auth-user': `${account}:${credentials.access}`,
      'x-auth-key': credentials.password,
    }
    const answer = await this.send('GET', '/auth/v1.0', { headers })
    return String(answer.headers['x-auth-token'])
  }

  /** Sends one request as it is. Rejects for any answer but a 2xx, unless `anyAnswer` is set. */
  send(method: string, target: string, request: Request = {}): Promise<Answer> {
    const { headers = {}, body, chunkBytes, anyAnswer = false } = request
    const isWhole = body !== undefined && chunkBytes === undefined
    const length = !isWhole ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    return new Promise((resolve, reject) => {
      const options = { method, headers: { ...headers, ...length } }
      const req = httpRequest(`${this.http}${target}`, options, (res) => {
        let text = ''
        res.on('data', (piece) => {
          text += piece
        })
        res.on('error', reject)
        res.on('end', () => {
          const status = res.statusCode!
          // Some operations answer 200 before they have succeeded. Their document then contains the error.
          const failed = status >= 300 || text.includes('<Error>')
          if (failed && !anyAnswer)
            reject(new Error(`${method} ${target}: ${status} ${text.slice(0, 500)}`))
          else resolve({ status, headers: res.headers, text })
        })
      })
      req.on('error', reject)
      if (chunkBytes === undefined) req.end(body)
      else void sendChunks(req, body!, chunkBytes)
    })
  }

  async createBucket(): Promise<void> {
    await this.request('PUT', `/${bucket}`)
  }
}

async function sendChunks(req: ClientRequest, body: string, chunkBytes: number): Promise<void> {
  for (let at = 0; at < body.length; at += chunkBytes) {
    if (!req.write(body.slice(at, at + chunkBytes))) await drained(req)
  }
  req.end()
}

function usersFile(): string {
  const { access, secret, password } = credentials
  const user = { name: access, password, roles: ['admin'], s3: [{ access, secret }] }
  return JSON.stringify({ accounts: [{ id: account, users: [user] }] })
}
