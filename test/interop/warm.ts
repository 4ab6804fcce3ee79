// Runs clients written in Python without starting Python for each command line: a process for each program
// has imported it, and forks (warm_client.py). What the client does is the same, as warm.test.ts shows; what
// users type from docs/clients.md is run as they run it (docs.test.ts).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  bareEnvironment,
  type Client,
  type Finished,
  type Program,
  program,
  type RunOptions,
  shown,
} from '../helpers/clients.ts'
import type { Setting } from './setting.ts'

const driver = fileURLToPath(new URL('warm_client.py', import.meta.url))
const clients = new Map<string, WarmClient>()

/** What `run` of ../helpers/clients.ts does, for a Python script whose first line names its interpreter. The
 * commands of one program run one after the other, share a home directory, and are heard at their end. */
export function runWarm(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  if (options.heard !== undefined) throw new Error('a warm client is heard at its end only')
  let client = clients.get(command)
  if (client === undefined) {
    client = new WarmClient(command)
    clients.set(command, client)
    t.teardown(() => clients.get(command)?.close())
  }
  return client.run(args, options)
}

/** A program of a few lines of Python, `name` in the test's directory, for a client that is a library. */
export function pythonProgram(
  { path, env }: Setting,
  client: Client,
  name: string,
  source: string,
): Program {
  const script = path(name)
  writeFileSync(script, `#!${client.command}\n${source}`)
  return program({ ...client, command: script }, [], { env }, runWarm)
}

class WarmClient {
  readonly #script: string
  readonly #dir = mkdtempSync(join(tmpdir(), 'coffer-warm-'))
  readonly #home = join(this.#dir, 'home')
  #driver: ChildProcess | undefined
  /** How the driver ended. */
  #gone: Promise<string> = Promise.resolve('not started')
  #said = ''
  #last: Promise<unknown> = Promise.resolve()

  constructor(script: string) {
    this.#script = script
    mkdirSync(this.#home)
  }

  run(args: readonly string[], options: RunOptions): Promise<Finished> {
    const finished = this.#last.then(() => this.#runNext(args, options))
    this.#last = finished.catch(() => {})
    return finished
  }

  /** After what is under way. */
  async close(): Promise<void> {
    await this.#last
    if (this.#driver !== undefined) {
      this.#commands.end()
      await this.#gone
    }
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #runNext(
    args: readonly string[],
    { env, cwd = this.#home, input = '', timeoutMs = 120_000 }: RunOptions,
  ): Promise<Finished> {
    const file = (name: string) => join(this.#dir, name)
    const streams = { stdin: file('stdin'), stdout: file('stdout'), stderr: file('stderr') }
    writeFileSync(streams.stdin, input)
    const environment = { ...bareEnvironment(this.#home), ...env }
    const code = await this.#exitCode({ args, env: environment, cwd, ...streams }, timeoutMs)
    return {
      code,
      stdout: readFileSync(streams.stdout),
      stderr: readFileSync(streams.stderr, 'utf8'),
    }
  }

  /** Null where a signal ended it. Throws where that was for its time, or the driver ended. */
  async #exitCode(
    command: { readonly args: readonly string[]; readonly [more: string]: unknown },
    timeoutMs: number,
  ): Promise<number | null> {
    this.#driver ??= this.#start()
    const child = this.#driver
    // A group of its own, so that this ends the client too.
    const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), timeoutMs)
    this.#commands.write(`${JSON.stringify(command)}\n`)
    const answered = new Promise<number>((resolve) => {
      child.stdio[4]!.once('data', (line: Buffer) => resolve(Number(line)))
    })
    const answer = await Promise.race([answered, this.#gone]).finally(() => clearTimeout(timer))
    if (typeof answer === 'string') {
      this.#driver = undefined
      const line = shown(this.#script, command.args)
      throw new Error(`${line}: ended by ${answer} within ${timeoutMs} ms: ${this.#said}`)
    }
    return answer < 0 ? null : answer
  }

  get #commands(): Writable {
    return this.#driver!.stdio[3] as Writable
  }

  #start(): ChildProcess {
    const interpreter = readFileSync(this.#script, 'utf8')
      .split('\n', 1)[0]!
      .slice('#!'.length)
      .trim()
    const child = spawn(interpreter, ['-B', driver, this.#script], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
      cwd: this.#home,
      env: bareEnvironment(this.#home),
      detached: true,
    })
    child.stderr!.on('data', (piece: Buffer) => {
      this.#said += piece
    })
    // That it ended is told by `gone`.
    for (const stream of child.stdio) stream?.on('error', () => {})
    this.#gone = once(child, 'exit').then(
      ([code, signal]) => `${signal ?? code}`,
      (error: Error) => error.message,
    )
    return child
  }
}
