// The big run: a tree goes up with `aws s3 sync` under a customer key to a node that is killed while it
// takes it in, comes down with aws and with rclone, and nobody else opens it. Throws where the node fails
// to start or a client does what it should not; what the run is about, it counts.
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { type Client, clients, type Program, program } from '../helpers/clients.ts'
import { accessKey, secretKey } from '../helpers/node.ts'
import { randomFrom } from '../helpers/random.ts'
import { elements, withKey } from '../helpers/s3.ts'
import { formsOf, holdsAny } from './key-search.ts'
import { digestOf, makeTree, type TreeFile, type TreeShape } from './random-tree.ts'
import { awsEnv, type CustomerKeyFile, filesIn, keyFile } from './setting.ts'

export interface RunShape extends TreeShape {
  readonly kills: number
  readonly seed: number
  readonly awscli: Client
  readonly say: (line: string) => void
}

export interface Figures {
  files: number
  bytes: number
  kills: number
  /** Times that the sync was started until it succeeded. */
  syncs: number
  /** Multipart uploads that kills cut off for good. */
  uploadsCut: number
  /** Objects that aws said it had uploaded, before or after a kill. */
  acknowledged: number
  /** Of those, names that were gone or had other bytes after a kill. */
  lost: string[]
  /** Names of files that did not come down as they went up, by client. */
  differing: { aws: string[]; rclone: string[] }
  /** Objects whose GET was not 400 without the key, or not 403 with another. */
  opened: string[]
  /** Files of the node, or its output, that hold a key in any form. */
  leaks: string[]
  seconds: { up: number; down: number; rclone: number }
}

const BUCKET = 'tree'
const SYNC_TIMEOUT_MS = 3_600_000

export async function runTree(shape: RunShape): Promise<Figures> {
  const closers: (() => void | Promise<void>)[] = []
  const dir = mkdtempSync(join(tmpdir(), 'coffer-tree-'))
  closers.push(() => rmSync(dir, { recursive: true, force: true }))
  try {
    const node = await startChildNode(
      { teardown: (close) => closers.push(close) },
      { storage: { reserveBytes: 0 } },
    )
    return await new TreeRun(shape, dir, node).all()
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

class TreeRun {
  readonly #shape: RunShape
  readonly #dir: string
  readonly #node: ChildNode
  readonly #key: CustomerKeyFile
  readonly #other: CustomerKeyFile
  readonly #aws: Program
  #files = new Map<string, TreeFile>()
  readonly #figures: Figures

  constructor(shape: RunShape, dir: string, node: ChildNode) {
    this.#shape = shape
    this.#dir = dir
    this.#node = node
    this.#key = keyFile(join(dir, 'key'), `key ${shape.seed}`)
    this.#other = keyFile(join(dir, 'other'), `other ${shape.seed}`)
    const fixed = ['--endpoint-url', node.https, '--ca-bundle', node.caFile]
    const env = awsEnv(accessKey, secretKey)
    this.#aws = program(shape.awscli, fixed, { env, cwd: dir, timeoutMs: SYNC_TIMEOUT_MS })
    this.#figures = {
      files: 0,
      bytes: 0,
      kills: 0,
      syncs: 0,
      uploadsCut: 0,
      acknowledged: 0,
      lost: [],
      differing: { aws: [], rclone: [] },
      opened: [],
      leaks: [],
      seconds: { up: 0, down: 0, rclone: 0 },
    }
  }

  async all(): Promise<Figures> {
    const figures = this.#figures
    const { seed, say } = this.#shape
    const files = await makeTree(join(this.#dir, 'up'), this.#shape, randomFrom(seed))
    this.#files = new Map(files.map((file) => [file.name, file]))
    figures.files = files.length
    figures.bytes = files.reduce((sum, { size }) => sum + size, 0)
    say(`${figures.files} files, ${figures.bytes} bytes, seed ${seed}`)
    await this.#aws.ok(['s3', 'mb', `s3://${BUCKET}`])
    figures.seconds.up = await timed(() => this.#up())
    const uploads = await this.#node.request('GET', `/${BUCKET}?uploads`)
    figures.uploadsCut = elements(uploads, 'UploadId').length
    say(`up in ${figures.seconds.up} s: ${figures.syncs} syncs, ${figures.kills} kills`)
    await this.#checkRefusals()
    figures.seconds.down = await timed(() => this.#down('aws', (to) => this.#fetchWithAws(to)))
    figures.seconds.rclone = await timed(() =>
      this.#down('rclone', (to) => this.#fetchWithRclone(to)),
    )
    await this.#node.kill('SIGTERM')
    this.#searchKeys()
    return figures
  }

  #sseC(key: CustomerKeyFile): string[] {
    return ['--sse-c', 'AES256', '--sse-c-key', `fileb://${key.file}`]
  }

  /** Syncs until it succeeds, and kills the node each time that so many objects are acknowledged. */
  async #up(): Promise<void> {
    const { kills, seed } = this.#shape
    const random = randomFrom(seed + 1)
    const step = this.#files.size / (kills + 1)
    const due = Array.from({ length: kills }, (_, i) =>
      Math.max(1, Math.floor(step * (i + 0.5 + random.integer(1000) / 1000))),
    )
    const acknowledged = new Set<string>()
    for (;;) {
      const fresh: string[] = []
      let rest = ''
      let restarted: Promise<void> | undefined
      const heard = (piece: Buffer) => {
        const lines = (rest + piece.toString('latin1')).split('\n')
        rest = lines.pop()!
        for (const line of lines) {
          const name = uploaded(line)
          if (name === undefined) continue
          fresh.push(name)
          if (fresh.length + acknowledged.size < (due[0] ?? Number.POSITIVE_INFINITY)) continue
          due.shift()
          restarted = (restarted ?? Promise.resolve()).then(() => this.#killAndStart())
        }
      }
      this.#figures.syncs++
      const sync = ['s3', 'sync', '--no-progress', 'up', `s3://${BUCKET}`, ...this.#sseC(this.#key)]
      const { code, stderr } = await this.#aws.run(sync, { heard })
      await restarted
      for (const name of fresh) {
        // Sent again although it was acknowledged: sync did not find it.
        if (acknowledged.has(name)) this.#figures.lost.push(name)
        acknowledged.add(name)
      }
      await this.#checkStored(fresh)
      if (code === 0) break
      if (restarted === undefined) throw new Error(`sync failed without a kill: ${stderr}`)
      this.#shape.say(`${acknowledged.size} acknowledged after ${this.#figures.kills} kills`)
    }
    this.#figures.acknowledged = acknowledged.size
  }

  async #killAndStart(): Promise<void> {
    await this.#node.kill('SIGKILL')
    this.#figures.kills++
    await this.#node.start()
  }

  /** Reads what was acknowledged: it must be there with its bytes. */
  async #checkStored(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const options = withKey(this.#key.bytes)
      const { status, body } = await this.#node.request('GET', pathOf(name), options)
      const same = hash('sha256', body) === this.#files.get(name)?.digest
      if (status !== 200 || !same) this.#figures.lost.push(name)
    }
  }

  async #checkRefusals(): Promise<void> {
    for (const { name } of this.#files.values()) {
      const bare = await this.#node.request('GET', pathOf(name), { tls: true })
      const wrong = await this.#node.request('GET', pathOf(name), withKey(this.#other.bytes))
      if (bare.status !== 400 || wrong.status !== 403) this.#figures.opened.push(name)
    }
    const get = ['s3', 'sync', `s3://${BUCKET}`, 'refused']
    for (const key of [[], this.#sseC(this.#other)]) await this.#aws.fail([...get, ...key])
    this.#figures.opened.push(...filesIn(join(this.#dir, 'refused')))
  }

  async #fetchWithAws(to: string): Promise<void> {
    const options = ['--no-progress', ...this.#sseC(this.#key)]
    await this.#aws.ok(['s3', 'sync', `s3://${BUCKET}`, to, ...options])
  }

  async #fetchWithRclone(to: string): Promise<void> {
    const config = join(this.#dir, 'rclone.conf')
    const lines = [
      '[coffer]',
      'type = s3',
      'provider = Other',
      `endpoint = ${this.#node.https}`,
      `access_key_id = ${accessKey}`,
      `secret_access_key = ${secretKey}`,
      'sse_customer_algorithm = AES256',
      `sse_customer_key_base64 = ${this.#key.base64}`,
      `sse_customer_key_md5 = ${this.#key.md5}`,
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    const fixed = ['--config', config, '--ca-cert', this.#node.caFile, '--retries', '1', '--quiet']
    const rclone = program(clients.rclone, fixed, { timeoutMs: SYNC_TIMEOUT_MS })
    await rclone.ok(['copy', `coffer:${BUCKET}`, to])
  }

  /** Fetches the tree and counts the files that are missing, too many or different. */
  async #down(by: 'aws' | 'rclone', fetch: (to: string) => Promise<void>): Promise<void> {
    const to = join(this.#dir, `down-${by}`)
    await fetch(to)
    const found = new Set(filesIn(to))
    const differing = this.#figures.differing[by]
    differing.push(...[...found].filter((name) => !this.#files.has(name)))
    for (const { name, digest } of this.#files.values()) {
      const same = found.has(name) && (await digestOf(join(to, name))) === digest
      if (!same) differing.push(name)
    }
    rmSync(to, { recursive: true })
    this.#shape.say(`down with ${by}: ${differing.length} differ`)
  }

  /** Everything that the node wrote, on disk and on its outputs. */
  #searchKeys(): void {
    const forms = [this.#key, this.#other].flatMap(({ bytes }) => formsOf(bytes))
    if (!holdsAny(this.#key.file, forms)) throw new Error('the search does not find a key')
    const output = join(this.#dir, 'output')
    writeFileSync(output, this.#node.output())
    const written = filesIn(this.#node.dir).map((name) => join(this.#node.dir, name))
    this.#figures.leaks = [output, ...written].filter((file) => holdsAny(file, forms))
    this.#shape.say(`${written.length + 1} files searched for the keys`)
  }
}

/** The object of a line like `upload: up/a b to s3://tree/a b`, read as Latin-1. */
function uploaded(line: string): string | undefined {
  const mark = ` to s3://${BUCKET}/`
  const at = line.lastIndexOf(mark)
  if (!line.startsWith('upload: ') || at === -1) return undefined
  return Buffer.from(line.slice(at + mark.length), 'latin1').toString()
}

/** Encoded as signatures want it: everything but RFC 3986's unreserved characters and slashes. */
function pathOf(name: string): string {
  const encoded = encodeURIComponent(name).replaceAll('%2F', '/')
  const reserved = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  return `/${BUCKET}/${encoded.replace(/[!'()*]/g, reserved)}`
}

/** Seconds that it took. */
async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  return Math.round((performance.now() - startMs) / 100) / 10
}
