// Verifies a body on its way to the service. Digests are taken as pieces pass, and the end of the body shows
// only after everything that the client claimed about the body was verified.
import { CofferError } from '../errors.ts'
import { Digests } from './digests.ts'
import type { Pieces } from './pull.ts'
import type { DigestName, Source } from './source.ts'

/** What the request claims about its body. */
export interface Claims {
  /** Length in plain bytes. */
  readonly length?: number
  /** The 16 bytes of an MD5. */
  readonly md5?: Buffer
  /** The signed SHA-256, lower-case hex. */
  readonly sha256?: string
  /** `value` is called at the end, when trailers have come. It may throw ChecksumInvalid. */
  readonly checksum?: { readonly algorithm: DigestName; value(): Buffer }
}

/** A body without bytes. The request's stream is not read. */
export const noPieces: Pieces = { read: () => Promise.resolve(undefined) }

/**
 * `read` rejects with BodyTruncated (the length differs from the claim), PayloadHashMismatch, DigestMismatch,
 * ChecksumMismatch, and the errors of `pieces`.
 */
export class VerifiedSource implements Source {
  readonly #pieces: Pieces
  readonly #claims: Claims
  readonly #digests = new Digests()
  #count = 0
  #finished = false
  #error: unknown

  constructor(pieces: Pieces, claims: Claims) {
    this.#pieces = pieces
    this.#claims = claims
    if (claims.md5 !== undefined) this.want('md5')
    if (claims.sha256 !== undefined) this.want('sha256')
    if (claims.checksum !== undefined) this.want(claims.checksum.algorithm)
  }

  get length(): number | undefined {
    return this.#claims.length
  }

  want(name: DigestName): void {
    this.#digests.want(name)
  }

  async read(): Promise<Buffer | undefined> {
    if (this.#finished) return undefined
    if (this.#error !== undefined) throw this.#error
    try {
      const piece = await this.#pieces.read()
      if (piece !== undefined) {
        this.#count += piece.length
        this.#digests.update(piece)
        return piece
      }
      this.#verify()
      this.#finished = true
      return undefined
    } catch (error) {
      this.#error = error
      throw error
    }
  }

  digest(name: DigestName): Buffer {
    return this.#digests.digest(name)
  }

  #verify(): void {
    const { length, md5, sha256, checksum } = this.#claims
    if (length !== undefined && this.#count !== length) throw new CofferError('BodyTruncated')
    if (sha256 !== undefined) {
      const computed = this.digest('sha256').toString('hex')
      if (computed !== sha256) {
        throw new CofferError('PayloadHashMismatch', { claimed: sha256, computed })
      }
    }
    if (md5 !== undefined && !this.digest('md5').equals(md5)) {
      throw new CofferError('DigestMismatch', {
        expected: md5.toString('base64'),
        computed: this.digest('md5').toString('base64'),
      })
    }
    if (checksum !== undefined && !this.digest(checksum.algorithm).equals(checksum.value())) {
      throw new CofferError('ChecksumMismatch', { algorithm: checksum.algorithm })
    }
  }
}
