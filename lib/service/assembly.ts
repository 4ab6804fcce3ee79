// Makes size, ETag, checksum and layout of a whole object from its parts, which are read one after the other. 10,000
// parts are more work than one turn of the event loop may have, so that the steps are counted (lib/turns.ts).
import { createHash } from 'node:crypto'
import { combineCrc } from '../bytes/crc-combine.ts'
import { digestOnce } from '../bytes/digests.ts'
import { rowKeys } from '../catalog/keys.ts'
import type { Checksum, Layout, PartChecksum } from '../catalog/rows.ts'
import type { CompletionKeys } from '../crypto/keys.ts'
import { isSeal, PageDigests, sealPart } from '../crypto/part-list.ts'
import { CofferError } from '../errors.ts'
import { spend } from '../turns.ts'
import { openOfPart } from './checksums.ts'
import { type StoredPart, walkParts } from './parts.ts'
import type { Stores } from './stores.ts'
import type { CompleteInput } from './types.ts'
import type { FoundUpload } from './uploads.ts'

/**
 * Least bytes of every part but the last, 5 MiB.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
const PART_BYTES_MIN = 5 * 2 ** 20

/** Steps of a turn that the opening of a part's checksum counts. */
const OPEN_STEPS = 2

/** Steps of a turn that one combination of CRCs counts, where the part's length differs from the last part's. */
const COMBINE_STEPS = 50

type Wanted = CompleteInput['parts'][number]

/** The whole object that the listed parts make. */
export interface Assembled {
  readonly parts: number
  readonly size: number
  /** The ETag without quotes. */
  readonly etag: string
  /** The whole's checksum, null where the upload has none. */
  readonly checksum: Checksum | null
  readonly layout: Layout
  /** Digests of the pages of blob ids. */
  readonly pages: Buffer
  /** True where the upload has parts that are not listed. */
  readonly others: boolean
}

/** The ETag of a multipart object: the hex MD5 of the parts' binary ETags, and the number of parts. */
class MultipartEtag {
  readonly #hash = createHash('md5')
  #count = 0

  add(etag: string): void {
    this.#hash.update(Buffer.from(etag, 'hex'))
    this.#count++
  }

  /** To be called once. */
  finish(): string {
    return `${this.#hash.digest('hex')}-${this.#count}`
  }
}

/** The ETag of an object of those parts. */
export async function multipartEtag(parts: CompleteInput['parts']): Promise<string> {
  const etag = new MultipartEtag()
  for (const part of parts) {
    etag.add(part.etag)
    const turn = spend(1)
    if (turn !== undefined) await turn
  }
  return etag.finish()
}

/**
 * The whole object's checksum, from its parts'.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
interface WholeChecksum {
  /** Adds the next part's value. Returns the steps of a turn that it counts. */
  add(value: Buffer, size: number): number
  /** The checksum in base64. A composite one ends with the number of parts. */
  finish(): string
}

/** A composite checksum: the digest of the parts' concatenated digests, and the number of parts. */
class Composite implements WholeChecksum {
  readonly #algorithm: Checksum['algorithm']
  readonly #values: Buffer[] = []
  constructor(algorithm: Checksum['algorithm']) {
    this.#algorithm = algorithm
  }
  add(value: Buffer): number {
    this.#values.push(value)
    return 0
  }
  finish(): string {
    const digest = digestOnce(this.#algorithm, Buffer.concat(this.#values))
    return `${digest.toString('base64')}-${this.#values.length}`
  }
}

/** A CRC of all bytes, which is combined from the parts' CRCs. */
class Combined implements WholeChecksum {
  readonly #algorithm: 'crc32' | 'crc32c' | 'crc64nvme'
  #sum: Buffer | undefined
  #lastSize = 0
  constructor(algorithm: Checksum['algorithm']) {
    if (algorithm === 'sha1' || algorithm === 'sha256') {
      throw new CofferError('Internal', { algorithm })
    }
    this.#algorithm = algorithm
  }
  add(value: Buffer, size: number): number {
    this.#sum =
      this.#sum === undefined ? value : combineCrc(this.#algorithm, this.#sum, value, size)
    const steps = size === this.#lastSize ? 1 : COMBINE_STEPS
    this.#lastSize = size
    return steps
  }
  finish(): string {
    return this.#sum!.toString('base64')
  }
}

function startChecksum({ row }: FoundUpload): WholeChecksum | null {
  if (row.checksum === null) return null
  const { algorithm, type } = row.checksum
  return type === 'COMPOSITE' ? new Composite(algorithm) : new Combined(algorithm)
}

/** Adds a part to the layout, whose runs are parts of one size with consecutive numbers. */
function addToLayout(layout: Layout, { part, row }: StoredPart): void {
  const run = layout.at(-1)
  if (run !== undefined && run.size === row.size && run.first + run.count === part) run.count++
  else layout.push({ first: part, count: 1, size: row.size })
}

/**
 * Finds every listed part, and assembles the whole. `wanted` has rising numbers, each at most once. Throws
 * PartMissing, ChecksumInvalid, UploadChecksumMismatch, PartTooSmall, StoreCorrupt where a part's row is not what was
 * written with it.
 */
export async function assembleParts(
  stores: Stores,
  upload: FoundUpload,
  wanted: CompleteInput['parts'],
  { completionKey, checksumKey }: CompletionKeys,
): Promise<Assembled> {
  const checksum = startChecksum(upload)
  const etag = new MultipartEtag()
  const layout: Layout = []
  const pages = new PageDigests()
  let size = 0
  let parts = 0
  let others = false
  let last: StoredPart | undefined
  let tooSmall: StoredPart | undefined
  for await (const stored of walkParts(stores, upload.row.body, 0)) {
    const next = wanted[parts]
    if (next === undefined || stored.part < next.part) {
      others = true
      continue
    }
    const isNeeded = checksum !== null || next.checksum !== undefined
    const known = isNeeded ? openOfPart(checksumKey, stored.part, stored.row) : null
    requirePart(upload, stored, next, known)
    requireSeal(upload, stored, completionKey)
    pages.add(stored.row.blob)
    if (last !== undefined && last.row.size < PART_BYTES_MIN) tooSmall ??= last
    last = stored
    parts++
    size += stored.row.size
    etag.add(stored.row.part!.etag)
    addToLayout(layout, stored)
    if (checksum === null) continue
    if (known === null) throw partMissing(upload, next)
    const value = Buffer.from(known.value, 'base64')
    const turn = spend(checksum.add(value, stored.row.size) + OPEN_STEPS)
    if (turn !== undefined) await turn
  }
  const next = wanted[parts]
  if (next !== undefined) throw partMissing(upload, next)
  if (tooSmall !== undefined) throw partTooSmall(tooSmall)
  const whole = checksum && { ...upload.row.checksum!, value: checksum.finish() }
  return {
    parts,
    size,
    etag: etag.finish(),
    checksum: whole,
    layout,
    pages: pages.finish(),
    others,
  }
}

const partMissing = ({ uploadId }: FoundUpload, { part, etag }: Wanted) =>
  new CofferError('PartMissing', { part, etag, upload: uploadId })

const partTooSmall = ({ part, row }: StoredPart) =>
  new CofferError('PartTooSmall', {
    part,
    etag: row.part!.etag,
    size: row.size,
    limit: PART_BYTES_MIN,
  })

/** Throws StoreCorrupt where number, size, blob or ETag are not those that were sealed. */
function requireSeal({ row: { body } }: FoundUpload, stored: StoredPart, completionKey: Buffer) {
  const { part, row } = stored
  const { etag, seal } = row.part!
  const right = sealPart(completionKey, { part, size: row.size, blob: row.blob, etag })
  if (isSeal(seal, right)) return
  throw new CofferError('StoreCorrupt', { row: rowKeys.segment(body, part), what: 'seal' })
}

/** Compares the next stored part with the next listed one. */
function requirePart(
  upload: FoundUpload,
  stored: StoredPart,
  wanted: Wanted,
  known: PartChecksum | null,
): void {
  if (stored.part > wanted.part || stored.row.part!.etag !== wanted.etag) {
    throw partMissing(upload, wanted)
  }
  const { checksum } = upload.row
  if (wanted.checksum === undefined) {
    if (checksum?.type !== 'COMPOSITE') return
    const message = `The upload was created using a ${checksum.algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${wanted.part} in the request.`
    throw new CofferError('ChecksumInvalid', { message })
  }
  const { algorithm, value } = wanted.checksum
  if (known === null || known.algorithm !== algorithm) {
    const message = `Checksum Type mismatch occurred, expected checksum Type: ${known?.algorithm ?? 'null'}, actual checksum Type: ${algorithm}`
    throw new CofferError('ChecksumInvalid', { message })
  }
  if (known.value !== value) {
    const message = `The ${algorithm} you specified for part ${wanted.part} did not match what we received.`
    throw new CofferError('UploadChecksumMismatch', { message })
  }
}
