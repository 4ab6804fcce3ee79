// The way to Redis: sends scripts, and knows whether anything can be asked. A command that fails for want of
// an answer closes the way for all at once, so that nobody waits for a Redis that is away; it opens again
// when Redis was asked, is safe, is still this catalog, and no earlier commit is left in doubt.
import type { Logger } from 'pino'
import { CofferError } from '../../errors.ts'
import type { Client } from './client.ts'
import { AWAY, isNoScript, isReply, reasonOf, refusalOf, unavailable } from './reasons.ts'
import { type Script, scripts } from './scripts.ts'

/** Commands on their way, at most: further ones are refused. */
const PENDING_MAX = 10_000
/** How often a closed way is tried, and a slow answer noticed. */
const TICK_MS = 200
/** How often a Redis that refuses writes is asked again. */
const WRITE_TRY_MS = 1000

/** The answer of a script: a word, the commit number, and what follows. */
export type Reply = readonly [string, number, ...unknown[]]

export interface LinkOptions {
  readonly client: Client
  /** `{prefix}:`, so that all keys lie in one hash slot. */
  readonly prefix: string
  /** Longest wait for an answer. */
  readonly timeoutMs: number
  /** Says what makes a server unsafe for a catalog, or null. Asked at every new connection. */
  readonly unsafe: () => Promise<string | null>
  readonly log: Logger
}

/** The command was sent, or may have been, and no answer came: it may be carried out, even later. */
export class Unanswered extends CofferError {
  constructor(message: string) {
    super('StoreUnavailable', { message })
  }
}

export class Link {
  /** Keys of every script. */
  readonly #keys: readonly string[]
  readonly #options: LinkOptions
  /** When each command was sent, oldest first. */
  readonly #pending = new Set<{ readonly sentMs: number }>()
  /** Ids of commits in doubt whose callers have been answered, 16 bytes each, and who hears whether they were done. */
  readonly #doubtful = new Map<Buffer, (done: boolean) => void>()
  /** None on a link that only runs scripts. */
  #id = ''
  #begun = false
  #number = 0
  /** Why nothing is asked; null: the way is open. */
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
   * Opens the way for the first time: `adopt` learns or makes the catalog's id. Throws what `adopt`
   * throws, and StoreUnavailable where Redis is unsafe, or cannot be asked within `withinMs`.
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
   * Runs a script as this catalog. Throws Unanswered where it may have run all the same, StoreUnavailable
   * where it has not: the way is closed, Redis refused, or it is not this catalog any more.
   */
  async ask(script: Script, args: readonly (string | Buffer)[]): Promise<Reply> {
    if (this.#closed) throw unavailable('the catalog is closed')
    if (this.#fault !== null) throw unavailable(this.#fault)
    if (this.#pending.size >= PENDING_MAX) throw unavailable('too many commands wait for Redis')
    return await this.#askAnyway(script, args)
  }

  /** Runs a script without a look at whether the way is open, or whose catalog it is. */
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

  /** Resolves with true when the way is open, with false when it is not by `deadlineMs` of performance.now(). */
  async open(deadlineMs: number): Promise<boolean> {
    while (this.#fault !== null && !this.#closed) {
      if (performance.now() >= deadlineMs) return false
      await this.#ready()
    }
    return !this.#closed
  }

  /**
   * A commit in doubt is not sent again. The way is closed until its outcome can change no more: then the promise
   * resolves, with true where it was done.
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

  async #askAnyway(script: Script, args: readonly (string | Buffer)[]): Promise<Reply> {
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
      // A restart or SCRIPT FLUSH forgets scripts; EVAL makes Redis know it again.
      if (!isNoScript(error)) throw error
      return await client.eval(text, this.#keys.length, ...all)
    }
  }

  #fail(reason: string): void {
    if (this.#closed || this.#fault === reason) return
    // That there is no connection says less than why the last one ended.
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
      // The new connection may be as mute, or lead to yesterday's master.
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
        const reply = await this.#askAnyway(ids.length === 0 ? scripts.look : scripts.settle, ids)
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
      await this.#askAnyway(scripts.tryWrite, [])
    } catch {
      return
    }
    this.#refusal = null
    this.#options.log.info({}, 'catalog: Redis takes writes again')
  }

  /** Resolves when there is a new connection, or a while later. */
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
