// A request whose body may come in chunks of a byte. Each chunk costs the thread some microseconds on its way through a
// stream, whatever it holds, and libuv reads a socket up to 32 times in a row: two megabytes of such chunks would hold
// the thread for more than a second. Small chunks of one read therefore go through the stream as one.
import { IncomingMessage } from 'node:http'

/** A chunk of fewer bytes is gathered. Clients that mean well send at least a kilobyte at a time. */
const SMALL_BYTES = 1024
/** After so many small chunks nothing is read from the connection before everybody else had a turn. */
const SMALL_CHUNKS_MAX = 2000

export class RequestMessage extends IncomingMessage {
  #smallChunks = 0
  #gathered: Buffer[] = []

  /** Called by Node's parser, with null at the end of the body. Where it returns false, Node stops reading the connection
   * until `_read`. */
  override push(chunk: Buffer | null): boolean {
    if (chunk === null || chunk.length >= SMALL_BYTES) {
      this.#pushGathered()
      return super.push(chunk)
    }
    if (this.#gathered.push(chunk) === 1) setImmediate(() => this.#pushGathered())
    return ++this.#smallChunks < SMALL_CHUNKS_MAX
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

  #pushGathered(): void {
    const gathered = this.#gathered
    if (gathered.length === 0) return
    this.#gathered = []
    super.push(gathered.length === 1 ? gathered[0] : Buffer.concat(gathered))
  }
}
