// Decodes aws-chunked bodies: `hex-size[;chunk-signature=…] CRLF data CRLF` …, a chunk of size 0, then
// trailers. Malformed input is an error at once, and never waited for. Buffered input is bounded. Payload is
// not copied where a whole piece from the socket lies within one chunk.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
import { createHash, type Hash } from 'node:crypto'
import type { Pieces } from '../bytes/pull.ts'
import { release } from '../bytes/release.ts'
import { CofferError } from '../errors.ts'
import { spend } from '../turns.ts'
import type { ChunkSignatures } from './chunk-signatures.ts'

export interface ChunkRules {
  /** Value of x-amz-decoded-content-length. */
  readonly decodedBytes: number
  /** True where the body ends with trailers. */
  readonly trailer: boolean
  /** The trailer that x-amz-trailer announces, in lower case. */
  readonly announced: string | undefined
  /** Null where chunks are not signed. */
  readonly signatures: ChunkSignatures | null
}

/** Least size of a signed chunk other than the last. */
export const SIGNED_CHUNK_BYTES_MIN = 8192
const LINE_BYTES_MAX = 1024
const TRAILER_LINES_MAX = 16
/** A copy below this size comes from Node's pool, so that its memory need not be released. */
const POOLED_BYTES_MAX = 4096

const NEWLINE = 10
const NOTHING = Buffer.alloc(0)

/**
 * `read` rejects with BodyTruncated (the body ends early, or its chunks together differ from the announced
 * length), ChunkMalformed, ChunkTooSmall, ChunkSignatureMismatch, TrailerMalformed.
 */
export class ChunkedPieces implements Pieces {
  readonly #input: Pieces
  readonly #rules: ChunkRules
  readonly #trailers = new Map<string, string>()
  #buf: Buffer = NOTHING
  #at = 0
  #decoded = 0
  #chunkLeft = 0
  #lastSize = Number.POSITIVE_INFINITY
  #signature = ''
  #hash: Hash | null = null
  #finished = false

  constructor(input: Pieces, rules: ChunkRules) {
    this.#input = input
    this.#rules = rules
  }

  /** A trailer's value, after the end. Names are in lower case. */
  trailer(name: string): string | undefined {
    return this.#trailers.get(name)
  }

  async read(): Promise<Buffer | undefined> {
    if (this.#finished) return undefined
    if (this.#chunkLeft === 0) {
      await this.#beginChunk()
      if (this.#chunkLeft === 0) {
        await this.#finish()
        this.#finished = true
        return undefined
      }
    }
    if (this.#at === this.#buf.length && !(await this.#fill())) throw truncated()
    const piece = this.#take(Math.min(this.#chunkLeft, this.#buf.length - this.#at))
    this.#hash?.update(piece)
    this.#chunkLeft -= piece.length
    if (this.#chunkLeft === 0) await this.#endChunk()
    return piece
  }

  /** Reads the next piece of input. False at its end. */
  async #fill(): Promise<boolean> {
    const piece = await this.#input.read()
    if (piece === undefined) return false
    this.#buf = piece
    this.#at = 0
    return true
  }

  /** Bytes of the current piece: the piece itself where all of it is taken, else a copy. The rest of the piece
   * is still needed, and with two views neither could be released. */
  #take(size: number): Buffer {
    if (size === this.#buf.length) {
      const whole = this.#buf
      this.#buf = NOTHING
      this.#at = 0
      return whole
    }
    const copy = size < POOLED_BYTES_MAX ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)
    this.#buf.copy(copy, 0, this.#at, this.#at + size)
    this.#skip(size)
    return copy
  }

  #skip(size: number): void {
    this.#at += size
    if (this.#at < this.#buf.length) return
    release(this.#buf)
    this.#buf = NOTHING
    this.#at = 0
  }

  /** The next line without its end (LF; the CR of a CRLF stays), undefined at the input's end. Rejects with
   * ChunkMalformed for a line beyond 1 KiB, BodyTruncated for one that does not end. */
  async #line(): Promise<string | undefined> {
    let text = ''
    for (;;) {
      if (this.#at === this.#buf.length && !(await this.#fill())) {
        if (text === '') return undefined
        throw truncated()
      }
      const window = this.#buf.subarray(this.#at, this.#at + LINE_BYTES_MAX + 1 - text.length)
      const end = window.indexOf(NEWLINE)
      text += window.toString('latin1', 0, end < 0 ? window.length : end)
      if (end < 0 && text.length > LINE_BYTES_MAX) throw chunkMalformed()
      this.#skip(end < 0 ? window.length : end + 1)
      if (end >= 0) return text
    }
  }

  async #beginChunk(): Promise<void> {
    const turn = spend(1)
    if (turn !== undefined) await turn
    const line = await this.#line()
    if (line === undefined) throw truncated()
    const signed = this.#rules.signatures !== null
    const form = signed
      ? /^([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})\r$/
      : /^([0-9a-fA-F]{1,16})\r$/
    const match = form.exec(line)
    if (match === null) throw chunkMalformed()
    const size = Number.parseInt(match[1]!, 16)
    if (size > this.#rules.decodedBytes - this.#decoded) throw truncated()
    if (signed && size > 0 && this.#lastSize < SIGNED_CHUNK_BYTES_MIN) {
      throw new CofferError('ChunkTooSmall', {
        size: this.#lastSize,
        limit: SIGNED_CHUNK_BYTES_MIN,
      })
    }
    this.#lastSize = size
    this.#chunkLeft = size
    this.#decoded += size
    if (signed) {
      this.#signature = match[2]!
      this.#hash = createHash('sha256')
    }
  }

  async #endChunk(): Promise<void> {
    this.#verifyChunk()
    const line = await this.#line()
    if (line === undefined) throw truncated()
    if (line !== '\r') throw chunkMalformed()
  }

  #verifyChunk(): void {
    if (this.#hash === null) return
    this.#rules.signatures!.verifyChunk(this.#hash.digest('hex'), this.#signature)
  }

  /**
   * Reads the part behind the chunk of size 0: trailers, where there are any, and the empty line that ends the
   * body. Some signers end trailer lines with LF, or put empty lines between them, so that lines are counted,
   * not CRLFs.
   */
  async #finish(): Promise<void> {
    this.#verifyChunk()
    if (this.#decoded !== this.#rules.decodedBytes) throw truncated()
    const lines: string[] = []
    let ended = false
    for (let line = await this.#line(); line !== undefined; line = await this.#line()) {
      if (lines.length === TRAILER_LINES_MAX) throw malformedTrailer()
      lines.push(line)
      ended = line === '' || line === '\r'
    }
    if (!ended) throw truncated()
    const written = lines.filter((line) => line !== '' && line !== '\r')
    if (this.#rules.trailer) this.#readTrailers(written)
    else if (written.length > 0) throw chunkMalformed()
  }

  #readTrailers(lines: readonly string[]): void {
    const { announced, signatures } = this.#rules
    let signature: string | undefined
    let canonical = ''
    for (const line of lines) {
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r]*)\r?$/.exec(line)
      if (match === null || signature !== undefined) throw malformedTrailer()
      const name = match[1]!.toLowerCase()
      const value = match[2]!.trim()
      if (name === 'x-amz-trailer-signature') {
        signature = value
        continue
      }
      if (name !== announced || this.#trailers.has(name)) throw malformedTrailer()
      this.#trailers.set(name, value)
      canonical += `${name}:${value}\n`
    }
    if (signatures !== null) {
      // AWS answers IncompleteBody where nothing at all follows the last chunk.
      if (lines.length === 0) throw truncated()
      if (signature === undefined) throw malformedTrailer()
      signatures.verifyTrailer(canonical, signature)
    } else if (signature !== undefined) {
      throw malformedTrailer()
    }
    if (announced !== undefined && !this.#trailers.has(announced)) throw malformedTrailer()
  }
}

const truncated = () => new CofferError('BodyTruncated')
const chunkMalformed = () => new CofferError('ChunkMalformed')
const malformedTrailer = () => new CofferError('TrailerMalformed')
