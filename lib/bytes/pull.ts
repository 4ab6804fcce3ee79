// Reads a stream piece by piece in the Buffers that came from the socket: `stream.read()` would concatenate
// them into copies. A small queue keeps the socket busy while the reader works.
import type { Readable } from 'node:stream'
import { CofferError } from '../errors.ts'

/** Pieces of a body; undefined at the end. After an error every `read` rejects with that error. */
export interface Pieces {
  /** The next piece, never empty, owned by the caller. Call it again only after it resolved. */
  read(): Promise<Buffer | undefined>
}

export interface PullOptions {
  /** Longest wait for the next byte, in milliseconds. */
  readonly idleTimeoutMs: number
  /** Least average rate while the stream is waited for, once that was for `idleTimeoutMs` altogether. Absent
   * or 0: any. */
  readonly bytesPerSecond?: number
  /** Longest time that the stream is waited for altogether, in milliseconds. Absent: any. */
  readonly totalTimeoutMs?: number
  /** Bytes of the whole stream, where known. The stream must be fast enough to bring them within
   * `totalTimeoutMs`, by the rule of `bytesPerSecond`. */
  readonly expectedBytes?: number | undefined
  /** Called once, before the first byte is waited for (the client then gets 100 Continue). */
  readonly onFirstRead?: () => void
}

/** The stream is paused when this much is queued … */
const QUEUE_BYTES_HIGH = 256 << 10
/** … and resumed below this. */
const QUEUE_BYTES_LOW = 64 << 10

interface Waiter {
  resolve(piece: Buffer | undefined): void
  reject(error: CofferError): void
}

/**
 * `read` rejects with BodyTruncated where the stream closes or fails before its end. It rejects with
 * BodyTooSlow where no byte came for `idleTimeoutMs` of waiting, or where bytes come too slowly: fewer than
 * `bytesPerSecond`, or too few for `expectedBytes` to be there within `totalTimeoutMs`.
 */
export class Pull implements Pieces {
  readonly #stream: Readable
  readonly #options: PullOptions
  #queue: Buffer[] = []
  #queuedBytes = 0
  #takenBytes = 0
  /** Pieces that have come, read or not. */
  #pieces = 0
  /** Time that the stream was waited for. The time that a slow reader takes does not count. */
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

  /** Reads no more: drops the queue and pauses the stream. May be called more than once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue = []
    this.#queuedBytes = 0
    if (this.#timer === null || this.#ended) return
    clearTimeout(this.#timer)
    this.#stream.pause()
  }

  /** Takes the next piece off the queue. */
  #shift(): Buffer | undefined {
    const piece = this.#queue.shift()
    if (piece === undefined) return undefined
    this.#queuedBytes -= piece.length
    if (this.#queuedBytes < QUEUE_BYTES_LOW && this.#stream.isPaused()) this.#stream.resume()
    return piece
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
      // Every sound body ends with 'close' too, and to make an error with its stack is not cheap.
      if (!this.#ended) this.#fail(new CofferError('BodyTruncated'))
    })
    this.#stream.on('data', (piece: Buffer) => this.#take(piece))
  }

  #take(piece: Buffer): void {
    this.#pieces++
    if (this.#closed || this.#error !== null) return
    this.#takenBytes += piece.length
    if (this.#waiter !== null) {
      this.#give(piece)
      return
    }
    this.#queue.push(piece)
    this.#queuedBytes += piece.length
    if (this.#queuedBytes >= QUEUE_BYTES_HIGH) this.#stream.pause()
  }

  /** Resolves the pending `read` with a piece, unless the stream was too slow. */
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
    waiter?.resolve(undefined)
  }

  #fail(error: CofferError): void {
    if (this.#ended || this.#error !== null) return
    this.#error = error
    if (this.#timer !== null) clearTimeout(this.#timer)
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.reject(error)
  }

  // The timer starts again with each wait, because the time that a slow reader takes does not count. After a
  // pause of this process, bytes may have come that were not read yet. They are read before the immediate runs.
  #idle(): void {
    if (this.#waiter === null) {
      this.#timer?.refresh()
      return
    }
    const pieces = this.#pieces
    setImmediate(() => {
      if (this.#closed || this.#ended || this.#error !== null || this.#stream.destroyed) return
      if (this.#waiter !== null && this.#pieces === pieces) {
        this.#fail(new CofferError('BodyTooSlow', { limit: this.#options.idleTimeoutMs }))
      } else this.#timer?.refresh()
    })
  }
}
