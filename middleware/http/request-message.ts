// A request whose body may come in chunks of a byte. Each chunk costs the thread about a microsecond, whatever it holds,
// and libuv reads a socket up to 32 times in a row: two megabytes of such chunks would hold the thread for 300 ms.
import { IncomingMessage } from 'node:http'

/** A chunk of fewer bytes counts. Clients that mean well send at least a kilobyte at a time. */
const SMALL_BYTES = 1024
/** After so many small chunks nothing is read from the connection before everybody else had a turn. */
const SMALL_CHUNKS_MAX = 2000

export class RequestMessage extends IncomingMessage {
  #smallChunks = 0

  /** Called by Node's parser; where this returns false, Node stops reading the connection until `_read`. */
  override push(chunk: Buffer | null): boolean {
    const wantsMore = super.push(chunk)
    if (chunk === null || chunk.length >= SMALL_BYTES) return wantsMore
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
      super._read(size)
    })
  }
}
