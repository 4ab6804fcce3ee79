// An upload of very many parts without their bytes: only the catalog's rows, because Complete reads nothing
// else. To send 10,000 parts of the least size would take 50 GB.
import { createHash } from 'node:crypto'
import { type Catalog, COMMIT_ROWS_MAX } from '../../lib/catalog/catalog.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import { type ChecksumAlgorithm, segmentRow, uploadRow } from '../../lib/catalog/rows.ts'
import type { Cipher } from '../../lib/crypto/cipher.ts'
import { deriveCompletionKeys } from '../../lib/crypto/keys.ts'
import { sealPart } from '../../lib/crypto/part-list.ts'
import { recordCount } from '../../lib/crypto/records.ts'
import { nowMicros, randomId } from '../../lib/names.ts'
import { sealOfPart } from '../../lib/service/checksums.ts'
import type { ObjectRef } from '../../lib/service/types.ts'

/** The least size of a part that is not the last, in S3. */
const PART_BYTES = 5 << 20

const checksumBytes = { crc32: 4, crc32c: 4, crc64nvme: 8, sha1: 20, sha256: 32 }

const hexOf = (text: string) => createHash('md5').update(text).digest('hex')

const etagOf = (part: number) => hexOf(`part ${part}`)

const checksumOf = (algorithm: ChecksumAlgorithm, part: number) =>
  createHash('sha256')
    .update(`part ${part}`)
    .digest()
    .subarray(0, checksumBytes[algorithm])
    .toString('base64')

/** Adds parts 1 to `count` to an upload under the root key, which seals them. All have different sizes, which gives the largest layout. */
export async function fillParts(
  catalog: Catalog,
  rootCipher: Cipher,
  { account, container, object }: ObjectRef,
  uploadId: string,
  count: number,
): Promise<void> {
  const stored = await catalog.get(rowKeys.upload(account, container, object, uploadId))
  const { body, checksum, envelope, versionId } = uploadRow.decodeUnproven(stored!.value)
  const ref = { account, container, object, versionId }
  const { completionKey, checksumKey } = deriveCompletionKeys(
    rootCipher.unwrap(ref, envelope).bodyKey,
    body,
  )
  for (let first = 1; first <= count; first += COMMIT_ROWS_MAX) {
    const parts = Array.from(
      { length: Math.min(COMMIT_ROWS_MAX, count - first + 1) },
      (_, i) => first + i,
    )
    const named = parts.map((part) => {
      return { part, size: PART_BYTES + part, blob: randomId(), etag: etagOf(part) }
    })
    const put = named.map(({ part, size, blob, etag }) => ({
      key: rowKeys.segment(body, part),
      value: segmentRow.encode({
        blob,
        size,
        records: recordCount(size),
        inline: null,
        volume: null,
        storedBytes: 0,
        part: {
          timeMicros: nowMicros(),
          etag,
          seal: sealPart(completionKey, { part, size, blob, etag }),
          checksum:
            checksum &&
            sealOfPart(checksumKey, part, blob, {
              algorithm: checksum.algorithm,
              value: checksumOf(checksum.algorithm, part),
            }),
        },
      }),
    }))
    await catalog.commit({ id: randomId(), put })
  }
}

/** The Complete document of those parts, padded with blanks between its elements to `bytes`. */
export function completeDocument(
  count: number,
  { algorithm, bytes = 0 }: { algorithm?: ChecksumAlgorithm; bytes?: number } = {},
): string {
  const name = algorithm === undefined ? '' : `Checksum${algorithm.toUpperCase()}`
  const parts = Array.from({ length: count }, (_, i) => {
    const part = i + 1
    const checksum =
      algorithm === undefined ? '' : `<${name}>${checksumOf(algorithm, part)}</${name}>`
    const etag = `&quot;${etagOf(part)}&quot;`
    return `<Part><PartNumber>${part}</PartNumber><ETag>${etag}</ETag>${checksum}</Part>`
  })
  const bare = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
  const blanks = ' '.repeat(Math.max(0, Math.floor((bytes - bare.length) / (count + 1))))
  const list = parts.map((part) => blanks + part).join('')
  return `<CompleteMultipartUpload>${list}${blanks}</CompleteMultipartUpload>`
}
