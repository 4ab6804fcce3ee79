// The link to Redis: it runs scripts while it is open. A command without an answer closes the link, so that no
// request waits for a Redis that is away. The link opens again once Redis has answered, is safe, still holds
// this catalog, and no earlier commit is in doubt.
import type { Logger } from 'pino'
import { CofferError } from '../../errors.ts'
import type { Client } from './client.ts'
import { AWAY, isNoScript, isReply, reasonOf, refusalOf, unavailable } from './reasons.ts'
import { type Script, scripts } from './scripts.ts'

/** Most commands in flight. Further ones are refused. */
const PENDING_MAX = 10_000
/** How often a closed link is tried, and a slow answer looked for. */
const TICK_MS = 200
/** How often a write is tried on a Redis that refuses writes. */
const WRITE_TRY_MS = 1000

/** The answer of a script: a word, the commit number, and more. */
export type Reply = readonly [string, number, ...unknown[]]

export interface LinkOptions {
  readonly client: Client
  /** `{prefix}:`, so that all keys lie in one hash slot. */
  readonly prefix: string
  /** Longest wait for an answer. */
  readonly timeoutMs: number
  /** Why a server is unsafe for a catalog, else null. Called for every new connection. */
  readonly unsafe: () => Promise<string | null>
  readonly log: Logger
}

/** The command was sent, or may have been, and no answer came. It may be executed, even later. */
export class Unanswered extends CofferError {
  constructor(message: string) {
    super('StoreUnavailable', { message })
  }
}

export class Link {
  /** The keys of every script. */
  readonly #keys: readonly string[]
  readonly #options: LinkOptions
  /** When each command was sent, oldest first. */
  readonly #pending = new Set<{ readonly sentMs: number }>()
  /** Ids (16 bytes) of commits in doubt whose callers were answered, with the function that settles each. */
  readonly #doubtful = new Map<Buffer, (done: boolean) => void>()
  /** Empty on a link that only runs scripts. */
  #id = ''
  #begun = false
  #number = 0
  /** Why the link is closed; null while it is open. */
  #fault: string | null = 'Redis has not answered yet'
  /** Why Redis takes no writes, though it answers. */
  #refusal: string | null = null
  #opening: Promise<void> | null = null
  #waiting: (() => void)[] = []
  #triedWriteMs = 0
  #reconnectedMs = performance.now()
  #closed = false
  readonly #timer: NodeJS.Timeout

  constructor(options: LinkOptions) {
    this.#options = options
    const { client, prefix } = options
    const names = ['about', 'rows', 'keys', 'done', 'before', 'before-keys']
    this.#keys = names.map((name) => `{${prefix}}:${name}`)
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref()
    client.onReady(() => {
      this.#wake()
      void this.#tryOpen()
    })
    client.onLost((error) => this.#fail(reasonOf(error)))
    client.start()
  }

  get id(): string {
    return this.#id
  }

  get number(): number {
    return this.#number
  }

  get impaired(): string | null {
    return this.#closed ? 'the catalog is closed' : (this.#fault ?? this.#refusal)
  }

  /**
   * Opens the link for the first time. `adopt` reads or makes the catalog's id. Rejects with the errors of
   * `adopt`, and with StoreUnavailable where Redis is unsafe or does not answer within `withinMs`.
   */
  async begin(adopt: () => Promise<{ id: string; number: number }>, withinMs: number) {
    const deadlineMs = performance.now() + withinMs
    for (;;) {
      const last = performance.now() >= deadlineMs
      try {
        const unsafe = await this.#options.unsafe()
        if (unsafe !== null) throw unavailable(unsafe)
        const { id, number } = await adopt()
        this.#id = id
        this.#number = number
        this.#begun = true
        this.#fault = null
        return
      } catch (error) {
        if (error instanceof CofferError && !(error instanceof Unanswered)) throw error
        if (last) throw unavailable(this.#fault ?? reasonOf(error))
      }
      await this.#ready()
    }
  }

  /**
   * Runs a script on this catalog. Rejects with Unanswered where the script may have run all the same. Rejects
   * with StoreUnavailable where it has not: the link is closed, Redis refused, or it holds another catalog.
   */
  async call(script: Script, args: readonly (string | Buffer)[]): Promise<Reply> {
    if (this.#closed) throw unavailable('the catalog is closed')
    if (this.#fault !== null) throw unavailable(this.#fault)
    if (this.#pending.size >= PENDING_MAX) throw unavailable('too many commands wait for Redis')
    return await this.#callAlways(script, args)
  }

  /** Runs a script, whether the link is open or not, and whatever catalog Redis holds. */
  async run(script: Script, args: readonly (string | Buffer)[]): Promise<readonly unknown[]> {
    const sent = { sentMs: performance.now() }
    this.#pending.add(sent)
    try {
      const reply = await this.#evaluate(script, args)
      return (reply as unknown[]).map((part, i) => (i === 0 ? String(part) : part))
    } catch (error) {
      if (isReply(error)) {
        const { message, reads } = refusalOf(error)
        if (reads) this.#refuseWrites(message)
        else this.#fail(message)
        throw unavailable(message)
      }
      this.#fail(reasonOf(error))
      throw new Unanswered(reasonOf(error))
    } finally {
      this.#pending.delete(sent)
    }
  }

  /** Resolves with true when the link is open, else with false at `deadlineMs` of performance.now(). */
  async open(deadlineMs: number): Promise<boolean> {
    while (this.#fault !== null && !this.#closed) {
      if (performance.now() >= deadlineMs) return false
      await this.#ready()
    }
    return !this.#closed
  }

  /**
   * Closes the link until the outcome of a commit in doubt can change no more. The commit is not sent again.
   * Resolves then, with true where the commit was done.
   */
  abandon(id: Buffer): Promise<boolean> {
    return new Promise((resolve) => {
      this.#doubtful.set(id, resolve)
      if (this.#fault === null) this.#fail('the outcome of a commit is unknown')
    })
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#wake()
    this.#options.client.stop()
  }

  async #callAlways(script: Script, args: readonly (string | Buffer)[]): Promise<Reply> {
    const reply = (await this.run(script, [this.#id, String(this.#number), ...args])) as Reply
    const [word, number] = reply
    if (word === 'foreign') {
      const message =
        String(reply[2]) === '' ? 'Redis was emptied' : 'Redis holds another catalog than it did'
      this.#fail(message)
      throw unavailable(message)
    }
    if (word === 'behind') {
      const message = `Redis is at commit ${number}, where it was at ${this.#number}: an older copy`
      this.#fail(message)
      throw unavailable(message)
    }
    if (number > this.#number) this.#number = number
    return reply
  }

  async #evaluate({ sha, text }: Script, args: readonly (string | Buffer)[]): Promise<unknown> {
    const { client } = this.#options
    const all = [...this.#keys, ...args]
    try {
      return await client.evalsha(sha, this.#keys.length, ...all)
    } catch (error) {
      // A restart or SCRIPT FLUSH removes scripts from Redis' cache; EVAL adds them again.
      if (!isNoScript(error)) throw error
      return await client.eval(text, this.#keys.length, ...all)
    }
  }

  #fail(reason: string): void {
    if (this.#closed || this.#fault === reason) return
    // The reason for which the last connection ended says more than that there is none.
    if (this.#fault !== null && reason === AWAY) return
    if (this.#fault === null) this.#reconnectedMs = performance.now()
    this.#fault = reason
    this.#options.log.error({ reason }, 'catalog: Redis cannot be used')
  }

  #refuseWrites(reason: string): void {
    if (this.#refusal !== reason) this.#options.log.error({ reason }, 'catalog: no writes')
    this.#refusal = reason
    this.#triedWriteMs = performance.now()
  }

  #tick(): void {
    const now = performance.now()
    const [oldest] = this.#pending
    const { timeoutMs } = this.#options
    if (this.#fault === null && oldest !== undefined && now - oldest.sentMs > timeoutMs) {
      this.#fail('Redis does not answer')
      this.#reconnect()
    } else if (this.#fault !== null) {
      // The new connection may be silent too, or lead to a master that was replaced.
      if (now - this.#reconnectedMs > 2 * timeoutMs) this.#reconnect()
      void this.#tryOpen()
    } else if (this.#refusal !== null && now - this.#triedWriteMs > WRITE_TRY_MS) {
      this.#triedWriteMs = now
      void this.#tryWrite()
    }
  }

  #reconnect(): void {
    this.#reconnectedMs = performance.now()
    this.#options.client.reconnect()
  }

  #tryOpen(): Promise<void> {
    if (this.#closed || !this.#begun) return Promise.resolve()
    this.#opening ??= this.#reopen().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async #reopen(): Promise<void> {
    const settled = [...this.#doubtful]
    let done: readonly number[] = []
    try {
      const unsafe = await this.#options.unsafe()
      if (unsafe !== null) return this.#fail(unsafe)
      if (this.#id !== '') {
        const ids = settled.map(([id]) => id)
        const reply = await this.#callAlways(ids.length === 0 ? scripts.look : scripts.settle, ids)
        done = (reply[2] ?? []) as readonly number[]
      }
    } catch (error) {
      if (!(error instanceof CofferError)) this.#fail(reasonOf(error))
      return
    }
    for (const [i, [id, resolve]] of settled.entries()) {
      this.#doubtful.delete(id)
      resolve(done[i] === 1)
    }
    if (this.#doubtful.size > 0 || this.#closed) return
    if (this.#fault !== null) {
      this.#options.log.info({ commitNumber: this.#number }, 'catalog: Redis answers')
    }
    this.#fault = null
    this.#wake()
  }

  async #tryWrite(): Promise<void> {
    try {
      await this.#callAlways(scripts.tryWrite, [])
    } catch {
      return
    }
    this.#refusal = null
    this.#options.log.info({}, 'catalog: Redis takes writes again')
  }

  /** Resolves when there is a new connection, or after TICK_MS. */
  async #ready(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TICK_MS)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
