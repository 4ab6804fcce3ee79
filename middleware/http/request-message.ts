// A request whose body may come in chunks of a byte (D-SMALL-PIECES). Each chunk costs the thread some microseconds on
// its way through a stream, whatever its size, and libuv reads a socket up to 32 times in a row: two megabytes of such
// chunks would hold the thread for more than a second.
import { IncomingMessage } from 'node:http'

/** A chunk of fewer bytes is small. Clients usually send at least a kilobyte at a time. */
const SMALL_BYTES = 1024
/** After so many small chunks the connection is not read before the event loop has been round. */
const SMALL_CHUNKS_MAX = 2000
/** Small chunks go into the stream together when they hold so many bytes, if not before. */
const GATHERED_BYTES_MAX = 64 << 10

/** Small chunks that come in one turn of the event loop, all but the first, go into the stream as one piece. */
export class RequestMessage extends IncomingMessage {
  #smallChunks = 0
  #gathers = false
  #gathered: Buffer[] = []
  #gatheredBytes = 0

  /** Called by Node's parser, with null at the end of the body. Where it returns false, Node stops reading the connection
   * until `_read`. */
  override push(chunk: Buffer | null): boolean {
    if (chunk === null || chunk.length >= SMALL_BYTES) {
      this.#pushGathered()
      return super.push(chunk)
    }
    const wantsMore = this.#gathers ? this.#gather(chunk) : this.#pushFirst(chunk)
    return ++this.#smallChunks < SMALL_CHUNKS_MAX && wantsMore
  }

  /** Called by the stream when there is room for more; Node then reads the connection. */
  override _read(size: number): void {
    if (this.#smallChunks < SMALL_CHUNKS_MAX) {
      super._read(size)
      return
    }
    setImmediate(() => {
      this.#smallChunks = 0
      // Behind the end of the body the connection may be paused for other reasons.
      if (!this.complete) super._read(size)
    })
  }

  /** A reader that waits for the first byte of a slow client has it at once. */
  #pushFirst(chunk: Buffer): boolean {
    this.#gathers = true
    setImmediate(() => {
      this.#gathers = false
      this.#pushGathered()
    })
    return super.push(chunk)
  }

  #gather(chunk: Buffer): boolean {
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
    return this.#gatheredBytes < GATHERED_BYTES_MAX || this.#pushGathered()
  }

  /** False where the stream wants no more. */
  #pushGathered(): boolean {
    const gathered = this.#gathered
    if (gathered.length === 0) return true
    this.#gathered = []
    this.#gatheredBytes = 0
    return super.push(Buffer.concat(gathered))
  }
}
