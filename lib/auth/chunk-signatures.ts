// The chain of signatures over an aws-chunked body. Each signature covers a chunk's hash and the signature
// before. The first one covers the request's own signature ("seed").
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
import { CofferError } from '../errors.ts'
import { type HmacKey, sameSignature, sha256 } from './hmac.ts'

const EMPTY_SHA256 = sha256('')

/** Verifies the chunks of one body, in order. Neither `util.inspect` nor JSON shows key or signatures. */
export class ChunkSignatures {
  readonly #key: HmacKey
  readonly #timestamp: string
  readonly #scope: string
  #previous: string

  constructor(key: HmacKey, timestamp: string, scope: string, seed: string) {
    this.#key = key
    this.#timestamp = timestamp
    this.#scope = scope
    this.#previous = seed
  }

  #verify(kind: 'PAYLOAD' | 'TRAILER', hashes: string, signature: string): void {
    const text = `AWS4-HMAC-SHA256-${kind}\n${this.#timestamp}\n${this.#scope}\n${this.#previous}\n${hashes}`
    if (!sameSignature(signature, this.#key.sign(text, 'hex'))) {
      throw new CofferError('ChunkSignatureMismatch')
    }
    this.#previous = signature
  }

  /** Verifies a chunk by the SHA-256 of its data, in hex. Throws ChunkSignatureMismatch. */
  verifyChunk(dataSha256: string, signature: string): void {
    this.#verify('PAYLOAD', `${EMPTY_SHA256}\n${dataSha256}`, signature)
  }

  /** Verifies the trailer: the trailing headers as a byte string, each as `name:value\n`. Throws
   * ChunkSignatureMismatch. */
  verifyTrailer(trailer: string, signature: string): void {
    this.#verify('TRAILER', sha256(Buffer.from(trailer, 'latin1')), signature)
  }
}
