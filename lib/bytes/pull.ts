// Reads a stream piece by piece, on demand, in the very Buffers the socket gave: `stream.read()` would
// concatenate them into copies. A small queue keeps the socket busy while the reader works.
import type { Readable } from 'node:stream'
import { CofferError } from '../errors.ts'

/** Pieces of a body; undefined at the end. A reader that once threw throws the same again. */
export interface Pieces {
  /** The next piece, never empty, owned by the caller. One read at a time. */
  read(): Promise<Buffer | undefined>
}

export interface PullOptions {
  /** Longest wait for the next byte, in milliseconds. */
  readonly idleTimeoutMs: number
  /** What a stream must bring on average while it is waited for, once it was waited for as long as
   * `idleTimeoutMs` altogether. Absent or 0: any. */
  readonly bytesPerSecond?: number
  /** Longest time that a stream is waited for altogether. Absent: any. */
  readonly totalTimeoutMs?: number
  /** What the stream is to bring in all, where that is known: it must be as fast as would bring that within
   * `totalTimeoutMs`, by the rule of `bytesPerSecond`. */
  readonly expectedBytes?: number | undefined
  /** Called once, before the first byte is waited for (to tell the client to go on). */
  readonly onFirstRead?: () => void
}

/** The stream is paused while this much waits to be read … */
const QUEUE_BYTES_HIGH = 256 << 10
/** … and goes on below this. */
const QUEUE_BYTES_LOW = 64 << 10
/** Of pieces below this all that come in one turn of the event loop, but the first, are given as one: each costs as
 * much as a large one, and a body may come in chunks of a byte … */
const SMALL_BYTES = 1024
/** … and the stream is paused when there are so many. */
const SMALL_PIECES_MAX = 1000
const GATHERED_BYTES_MAX = 64 << 10

interface Waiter {
  resolve(piece: Buffer | undefined): void
  reject(error: CofferError): void
}

/**
 * `read` throws BodyTruncated where the stream closes or fails before its end, BodyTooSlow where no byte
 * came for `idleTimeoutMs` while one was waited for, or where they come too slowly: fewer than `bytesPerSecond`, or too
 * few for `expectedBytes` to be there within `totalTimeoutMs`.
 */
export class Pull implements Pieces {
  readonly #stream: Readable
  readonly #options: PullOptions
  #queue: Buffer[] = []
  #queuedBytes = 0
  /** In this turn of the event loop. */
  #smallPieces = 0
  #takenBytes = 0
  /** Pieces that have come, read or not. */
  #pieces = 0
  /** Waited for bytes so far; time that a slow reader takes is not in it. */
  #waitedMs = 0
  #waitingSinceMs = 0
  #waiter: Waiter | null = null
  #timer: NodeJS.Timeout | null = null
  #ended = false
  #closed = false
  #error: CofferError | null = null

  constructor(stream: Readable, options: PullOptions) {
    this.#stream = stream
    this.#options = options
  }

  read(): Promise<Buffer | undefined> {
    if (this.#timer === null && !this.#ended && this.#error === null) this.#start()
    const piece = this.#shift()
    if (piece !== undefined) return Promise.resolve(piece)
    if (this.#error !== null) return Promise.reject(this.#error)
    if (this.#ended) return Promise.resolve(undefined)
    this.#timer?.refresh()
    this.#waitingSinceMs = performance.now()
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
    })
  }

  /** Reads no more: what is queued is dropped, and what still comes waits in the stream. Safe more than once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue = []
    this.#queuedBytes = 0
    if (this.#timer === null || this.#ended) return
    clearTimeout(this.#timer)
    this.#stream.pause()
  }

  /** Takes the next piece off the queue, with those behind it where it is small. */
  #shift(): Buffer | undefined {
    const queue = this.#queue
    const first = queue.shift()
    if (first === undefined) return undefined
    let bytes = first.length
    let count = 0
    while (
      first.length < SMALL_BYTES &&
      count < queue.length &&
      bytes + queue[count]!.length <= GATHERED_BYTES_MAX
    ) {
      bytes += queue[count++]!.length
    }
    this.#queuedBytes -= bytes
    if (this.#queuedBytes < QUEUE_BYTES_LOW && this.#stream.isPaused()) this.#stream.resume()
    return count === 0 ? first : Buffer.concat([first, ...queue.splice(0, count)], bytes)
  }

  #start(): void {
    if (this.#stream.readableEnded) this.#ended = true
    else if (this.#stream.destroyed) this.#fail(new CofferError('BodyTruncated'))
    else {
      this.#options.onFirstRead?.()
      this.#listen()
    }
  }

  #listen(): void {
    const timer = setTimeout(() => this.#idle(), this.#options.idleTimeoutMs)
    this.#timer = timer
    this.#stream.on('end', () => {
      clearTimeout(timer)
      this.#end()
    })
    this.#stream.on('error', (error) => this.#fail(new CofferError('BodyTruncated', {}, error)))
    this.#stream.on('close', () => {
      clearTimeout(timer)
      // Every good body ends with 'close' too, and an error with its stack is not cheap.
      if (!this.#ended) this.#fail(new CofferError('BodyTruncated'))
    })
    this.#stream.on('data', (piece: Buffer) => this.#take(piece))
  }

  #take(piece: Buffer): void {
    this.#pieces++
    if (this.#closed || this.#error !== null) return
    this.#takenBytes += piece.length
    const isGathered = piece.length < SMALL_BYTES && this.#gathers()
    if (this.#waiter !== null && !isGathered && this.#queue.length === 0) {
      this.#give(piece)
      return
    }
    this.#queue.push(piece)
    this.#queuedBytes += piece.length
    // Behind small ones that wait for the end of the turn: they go first.
    if (this.#waiter !== null && !isGathered) this.#give(this.#shift()!)
    if (this.#queuedBytes >= QUEUE_BYTES_HIGH) this.#stream.pause()
  }

  /** Gives a piece to whoever waits for one. */
  #give(piece: Buffer): void {
    this.#waitedMs += performance.now() - this.#waitingSinceMs
    if (this.#isTooSlow()) {
      this.#fail(new CofferError('BodyTooSlow', { limit: this.#options.idleTimeoutMs }))
      return
    }
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.resolve(piece)
  }

  /** True for a small piece that is not the first of its turn: it waits for the end of the turn. */
  #gathers(): boolean {
    if (++this.#smallPieces === 1) {
      setImmediate(() => {
        this.#smallPieces = 0
        const piece = this.#waiter === null || this.#error !== null ? undefined : this.#shift()
        if (piece !== undefined) this.#give(piece)
      })
      return false
    }
    if (this.#smallPieces === SMALL_PIECES_MAX) this.#stream.pause()
    return true
  }

  /** A byte now and then keeps the timer from firing, and would hold an upload open for ever. */
  #isTooSlow(): boolean {
    const { idleTimeoutMs, bytesPerSecond = 0, totalTimeoutMs, expectedBytes = 0 } = this.#options
    const waitedMs = this.#waitedMs
    const takenBytes = this.#takenBytes
    if (waitedMs <= idleTimeoutMs) return false
    if (takenBytes < (bytesPerSecond * waitedMs) / 1000) return true
    if (totalTimeoutMs === undefined) return false
    return waitedMs > totalTimeoutMs || takenBytes / waitedMs < expectedBytes / totalTimeoutMs
  }

  #end(): void {
    this.#ended = true
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.resolve(this.#shift())
  }

  #fail(error: CofferError): void {
    if (this.#ended || this.#error !== null) return
    this.#error = error
    if (this.#timer !== null) clearTimeout(this.#timer)
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.reject(error)
  }

  // Time that a slow reader takes does not count: the timer starts again with each wait. Where this process stood
  // still, bytes may have come that it has not looked at: it does that before the immediate.
  #idle(): void {
    const waiter = this.#waiter
    const pieces = this.#pieces
    if (waiter === null) this.#timer?.refresh()
    else {
      setImmediate(() => {
        if (this.#waiter !== waiter || this.#pieces !== pieces) return
        this.#fail(new CofferError('BodyTooSlow', { limit: this.#options.idleTimeoutMs }))
      })
    }
  }
}
