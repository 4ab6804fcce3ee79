// Where an application does one task: an empty bucket on a node of this run, a directory that goes with the task,
// the certificate that it is to trust, and programs that are stopped with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { ChildNode } from '../helpers/child-node.ts'
import { bareEnvironment, type RunOptions, run, shown } from '../helpers/clients.ts'
import { accessKey, secretKey } from '../helpers/node.ts'
import { elements } from '../helpers/s3.ts'
import {
  awsEnv,
  type CustomerKeyFile,
  contentOf,
  filesIn,
  keyFile,
  tree,
  writeTree,
} from '../interop/setting.ts'

/** Who holds the key of what an application writes. */
export type KeyHolder = 'node' | 'customer'

const STEP_TIMEOUT_MS = 600_000
const POLL_MS = 200

export class Place {
  readonly node: ChildNode
  readonly bucket: string
  readonly directory: string
  /** The node's certificate; everybody may read it. */
  readonly caFile: string
  readonly key: CustomerKeyFile
  readonly access = accessKey
  readonly secret = secretKey
  readonly #env: Readonly<Record<string, string>>
  readonly #started: ChildProcess[] = []

  /** Use `Place.on`. */
  private constructor(node: ChildNode, bucket: string) {
    this.node = node
    this.bucket = bucket
    this.directory = mkdtempSync(join(tmpdir(), 'coffer-app-'))
    chmodSync(this.directory, 0o755)
    this.caFile = this.path('ca.pem')
    copyFileSync(node.caFile, this.caFile)
    chmodSync(this.caFile, 0o644)
    this.key = keyFile(this.path('customer.key'), bucket)
    this.#env = { ...awsEnv(accessKey, secretKey), SSL_CERT_FILE: this.caFile }
  }

  static async on(node: ChildNode, bucket: string): Promise<Place> {
    const { status } = await node.request('PUT', `/${bucket}`)
    if (status !== 200) throw new Error(`no bucket: ${status}`)
    return new Place(node, bucket)
  }

  path(...names: string[]): string {
    return join(this.directory, ...names)
  }

  /** Host and port of the node, over TLS or not. */
  host({ tls }: { tls: boolean }): string {
    return new URL(tls ? this.node.https : this.node.http).host
  }

  /** Standard output of a program that ends well; throws with what it said otherwise. */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await run(command, args, {
      cwd: this.directory,
      timeoutMs: STEP_TIMEOUT_MS,
      ...options,
      env: { ...this.#env, ...options.env },
    })
    if (code === 0) return stdout.toString()
    const said = `${stderr}${stdout.subarray(-1000)}`.trim().slice(-1500)
    throw new Error(`${shown(command, args).slice(0, 200)}: exit code ${code}: ${said}`)
  }

  /** A program that runs until `stop`, or until the task ends. `said` is what it has written. */
  start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const bare = bareEnvironment(this.directory)
    const child = spawn(command, args, {
      cwd: this.directory,
      env: { ...bare, ...this.#env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#started.push(child)
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (more) => {
        text += more
      })
    }
    // One that cannot be started ends, too.
    child.on('error', ({ message }) => {
      text += message
    })
    return {
      said: () => text,
      hasEnded: () => child.exitCode !== null || child.signalCode !== null || !child.pid,
      stop: () => stop(child),
    }
  }

  readJson<T>(name: string): T {
    return JSON.parse(readFileSync(this.path(name), 'utf8')) as T
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true })
  }

  /** Resolves when `reached` says so. Throws where it does, or does not for ten minutes. */
  async until(what: string, reached: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + STEP_TIMEOUT_MS
    while (!(await reached())) {
      if (performance.now() > endMs) throw new Error(`waited in vain: ${what}`)
      await sleep(POLL_MS)
    }
  }

  /** Files to back up, and what holds another directory against them. */
  makeTree(name: string): string {
    const files = this.path(name)
    writeTree(files, tree)
    return files
  }

  /** Throws unless the directory holds the files of `makeTree`, byte for byte. */
  requireTree(directory: string): void {
    const found = filesIn(directory)
    if (!isDeepStrictEqual(found, Object.keys(tree).sort())) {
      throw new Error(`other files came back: ${JSON.stringify(found)}`)
    }
    for (const [name, size] of Object.entries(tree)) {
      requireSame(readFileSync(join(directory, name)), contentOf(name, size), name)
    }
  }

  /** How many objects the application has left. Throws where there is none, or where one is not under the key that it
   * was to be under: the node reads its own for whoever may, and a customer's for nobody without the key. */
  async count(holder: KeyHolder): Promise<number> {
    const names = elements(await this.node.request('GET', `/${this.bucket}`), 'Key')
    if (names.length === 0) throw new Error('nothing was written to the bucket')
    for (const name of names) {
      const path = `/${this.bucket}/${name.split('/').map(encodeURIComponent).join('/')}`
      const { status } = await this.node.request('HEAD', path)
      const wanted = holder === 'node' ? 200 : 400
      if (status !== wanted) throw new Error(`${name} without a key: ${status}, not ${wanted}`)
    }
    return names.length
  }

  /** Stops what was started, and removes the directory. */
  async leave(): Promise<void> {
    for (const child of this.#started.reverse()) await stop(child)
    rmSync(this.directory, { recursive: true, force: true })
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (!child.pid || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}

/** Throws unless the bytes are the same. */
export function requireSame(found: Buffer | string, wanted: Buffer | string, what: string): void {
  const [one, other] = [Buffer.from(found), Buffer.from(wanted)]
  if (!one.equals(other)) {
    throw new Error(
      `${what} came back with ${one.length} other bytes than the ${other.length} sent`,
    )
  }
}
