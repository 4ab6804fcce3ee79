// Checks the sealed checksums of a body against its content as it passes: that of the whole, and those that parts have.
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import { createCRC64 } from 'hash-wasm'
import type { StoredSegment, StoredVersion } from './catalog.ts'
import { Failure } from './failure.ts'
import { checksumKeyOf, openChecksum } from './sealed.ts'

/** CRC-64/NVME's polynomial, reflected (NVM Express NVM Command Set specification §5.2.1.3.4). */
const NVME_POLYNOMIAL = '9a6c9329ac4bc9b5'

interface Digest {
  update(bytes: Buffer): void
  digest(): Buffer
}

function crcDigest(step: (bytes: Buffer, crc: number) => number): Digest {
  let crc = 0
  return {
    update(bytes) {
      crc = step(bytes, crc)
    },
    digest() {
      const out = Buffer.alloc(4)
      out.writeUInt32BE(crc)
      return out
    },
  }
}

async function startDigest(algorithm: string): Promise<Digest> {
  if (algorithm === 'crc32') return crcDigest(crc32)
  if (algorithm === 'crc32c') return crcDigest(crc32c)
  if (algorithm !== 'crc64nvme') return createHash(algorithm)
  const crc = (await createCRC64(NVME_POLYNOMIAL)).init()
  return {
    update: (bytes) => void crc.update(bytes),
    digest: () => Buffer.from(crc.digest('hex'), 'hex'),
  }
}

function requireSame(found: string, sealed: string, what: string): void {
  if (found !== sealed)
    throw new Failure('damaged', `the ${what} of the content is not the sealed one`)
}

/** A checksum of the whole, opened. */
interface Whole {
  readonly algorithm: string
  readonly isComposite: boolean
  readonly text: string
}

/** What runs along with one reading of a body. */
export class ContentChecks {
  readonly #key: Buffer
  readonly #whole: Whole | null
  /** Of the content; for a composite checksum, of the parts' digests. */
  readonly #digest: Digest | undefined
  #parts = 0
  #part: { readonly digest: Digest; readonly segment: StoredSegment } | undefined

  private constructor(key: Buffer, whole: Whole | null, digest?: Digest) {
    this.#key = key
    this.#whole = whole
    this.#digest = digest
  }

  /** Throws Failure damaged where the sealed value of the whole is not the body's. */
  static async start({ body, checksum }: StoredVersion, bodyKey: Buffer): Promise<ContentChecks> {
    const key = checksumKeyOf(bodyKey, body)
    if (checksum === null) return new ContentChecks(key, null)
    const { algorithm, type, value } = checksum
    const text = openChecksum(key, { part: 0, id: body, algorithm, type }, value)
    const whole = { algorithm, isComposite: type === 'COMPOSITE', text }
    return new ContentChecks(key, whole, await startDigest(algorithm))
  }

  async beginSegment(segment: StoredSegment): Promise<void> {
    const algorithm = this.#whole?.isComposite
      ? this.#whole.algorithm
      : segment.part?.checksum?.algorithm
    this.#part = algorithm ? { digest: await startDigest(algorithm), segment } : undefined
  }

  update(plain: Buffer): void {
    if (this.#whole?.isComposite === false) this.#digest!.update(plain)
    this.#part?.digest.update(plain)
  }

  /** Throws Failure damaged. */
  endSegment(): void {
    if (this.#part === undefined) return
    const { digest, segment } = this.#part
    const found = digest.digest()
    if (this.#whole?.isComposite) {
      this.#digest!.update(found)
      this.#parts++
    }
    const checksum = segment.part?.checksum
    if (!checksum) return
    const { algorithm, value } = checksum
    const context = { part: segment.number, id: segment.blob, algorithm, type: '' }
    const sealed = openChecksum(this.#key, context, value)
    if (this.#whole?.isComposite && this.#whole.algorithm !== algorithm) return
    requireSame(found.toString('base64'), sealed, `${algorithm} of part ${segment.number}`)
  }

  /** Throws Failure damaged. */
  end(): void {
    if (this.#whole === null) return
    const { algorithm, isComposite, text } = this.#whole
    const found = this.#digest!.digest().toString('base64')
    requireSame(isComposite ? `${found}-${this.#parts}` : found, text, algorithm)
  }
}
