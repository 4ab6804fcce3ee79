// Checksums of content on their way into rows and out of them: rows hold them sealed, and whoever has the body's key, or
// completes the upload, reads them.
import { randomBytes } from 'node:crypto'
import type { Source } from '../bytes/source.ts'
import type {
  Checksum,
  ChecksumAlgorithm,
  PartChecksum,
  SealedChecksum,
  SealedPartChecksum,
  SegmentRow,
  VersionRow,
} from '../catalog/rows.ts'
import { deriveCompletionKeys, zeroCompletionKeys } from '../crypto/keys.ts'
import { openChecksum, sealChecksum } from '../crypto/sealed-checksum.ts'

/** The checksum of a whole body, as it is computed over a source. */
export function wholeChecksum(
  source: Source,
  algorithm: ChecksumAlgorithm | undefined,
): Checksum | null {
  if (algorithm === undefined) return null
  return { algorithm, type: 'FULL_OBJECT', value: source.digest(algorithm).toString('base64') }
}

/** The checksum of a whole body, sealed. */
export function sealWhole(key: Buffer, body: string, checksum: Checksum): SealedChecksum {
  const { algorithm, type, value } = checksum
  const context = { part: 0, id: body, algorithm, type }
  return { algorithm, type, value: sealChecksum(key, context, value, randomBytes(12)) }
}

/** The checksum of a version's body. Throws StoreCorrupt where it is not that body's. */
export function openWhole(bodyKey: Buffer, { body, checksum }: VersionRow): Checksum | null {
  if (checksum === null) return null
  const { algorithm, type, value } = checksum
  const context = { part: 0, id: body!, algorithm, type }
  return withChecksumKey(bodyKey, body!, (key) => {
    return { algorithm, type, value: openChecksum(key, context, value) }
  })
}

/** The checksum of a part, sealed. */
export function sealOfPart(
  key: Buffer,
  part: number,
  blob: string,
  { algorithm, value }: PartChecksum,
): SealedPartChecksum {
  const context = { part, id: blob, algorithm, type: '' }
  return { algorithm, value: sealChecksum(key, context, value, randomBytes(12)) }
}

/** The checksum of a part, null where it has none. Throws StoreCorrupt where it is not that part's. */
export function openOfPart(key: Buffer, part: number, row: SegmentRow): PartChecksum | null {
  const checksum = row.part?.checksum ?? null
  if (checksum === null) return null
  const { algorithm, value } = checksum
  const context = { part, id: row.blob, algorithm, type: '' }
  return { algorithm, value: openChecksum(key, context, value) }
}

/** Runs `use` with the checksum key of a body. */
export function withChecksumKey<T>(bodyKey: Buffer, body: string, use: (key: Buffer) => T): T {
  const keys = deriveCompletionKeys(bodyKey, body)
  try {
    return use(keys.checksumKey)
  } finally {
    zeroCompletionKeys(keys)
  }
}
