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
  /** Called once, before the first byte is waited for (to tell the client to go on). */
  readonly onFirstRead?: () => void
}

/** The stream is paused while this much waits to be read … */
const QUEUE_BYTES_HIGH = 256 << 10
/** … and goes on below this. */
const QUEUE_BYTES_LOW = 64 << 10

interface Waiter {
  resolve(piece: Buffer | undefined): void
  reject(error: CofferError): void
}

/**
 * `read` throws BodyTruncated where the stream closes or fails before its end, BodyTooSlow where no byte
 * came for `idleTimeoutMs` while one was waited for, or fewer than `bytesPerSecond`.
 */
export class Pull implements Pieces {
  readonly #stream: Readable
  readonly #options: PullOptions
  #queue: Buffer[] = []
  #queuedBytes = 0
  #takenBytes = 0
  /** Pieces that have come, read or not. */
  #pieces = 0
  /** Waited for bytes so far; time that a slow reader takes is not in it. */
  #waitedMs = 0
  #waitingSinceMs = 0
  #waiter: Waiter | null = null
  #timer: NodeJS.Timeout | null = null
  #ended = false
  #discarding = false
  #error: CofferError | null = null

  constructor(stream: Readable, options: PullOptions) {
    this.#stream = stream
    this.#options = options
  }

  read(): Promise<Buffer | undefined> {
    if (this.#timer === null && !this.#ended && this.#error === null) this.#start()
    const piece = this.#queue.shift()
    if (piece !== undefined) {
      this.#queuedBytes -= piece.length
      if (this.#queuedBytes < QUEUE_BYTES_LOW && this.#stream.isPaused()) this.#stream.resume()
      return Promise.resolve(piece)
    }
    if (this.#error !== null) return Promise.reject(this.#error)
    if (this.#ended) return Promise.resolve(undefined)
    this.#timer?.refresh()
    this.#waitingSinceMs = performance.now()
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
    })
  }

  /**
   * Takes whatever still comes off the connection and drops it, so that the next request on it can be
   * read; a client that sends nothing for `idleTimeoutMs` is cut off. For bodies that nobody will read on.
   */
  discard(): void {
    if (this.#ended || this.#discarding || this.#stream.destroyed) return
    this.#discarding = true
    this.#queue = []
    this.#queuedBytes = 0
    if (this.#timer === null) this.#listen()
    else this.#timer.refresh()
    // A node that stops does not wait for bytes that nobody wants.
    this.#timer?.unref()
    this.#stream.resume()
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
    if (this.#discarding || this.#error !== null) {
      this.#timer?.refresh()
      return
    }
    this.#takenBytes += piece.length
    const waiter = this.#waiter
    if (waiter !== null) {
      this.#waitedMs += performance.now() - this.#waitingSinceMs
      if (this.#isTooSlow()) {
        this.#fail(new CofferError('BodyTooSlow', { limit: this.#options.idleTimeoutMs }))
        return
      }
      this.#waiter = null
      waiter.resolve(piece)
      return
    }
    this.#queue.push(piece)
    this.#queuedBytes += piece.length
    if (this.#queuedBytes >= QUEUE_BYTES_HIGH) this.#stream.pause()
  }

  /** A byte now and then keeps the timer from firing, and would hold an upload open for ever. */
  #isTooSlow(): boolean {
    const { idleTimeoutMs, bytesPerSecond = 0 } = this.#options
    if (this.#waitedMs <= idleTimeoutMs) return false
    return this.#takenBytes < (bytesPerSecond * this.#waitedMs) / 1000
  }

  #end(): void {
    this.#ended = true
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.resolve(undefined)
  }

  #fail(error: CofferError): void {
    if (this.#ended || this.#error !== null) return
    this.#error = error
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.reject(error)
  }

  // Time that a slow reader takes does not count: the timer starts again with each wait. Where this process stood
  // still, bytes may have come that it has not looked at: it does that before the immediate.
  #idle(): void {
    const pieces = this.#pieces
    setImmediate(() => {
      if (this.#pieces === pieces && !this.#ended && !this.#stream.destroyed) this.#endIdle()
    })
  }

  #endIdle(): void {
    if (this.#discarding) {
      this.#stream.destroy()
      return
    }
    if (this.#waiter !== null) {
      this.#fail(new CofferError('BodyTooSlow', { limit: this.#options.idleTimeoutMs }))
    }
    this.#timer?.refresh()
  }
}
