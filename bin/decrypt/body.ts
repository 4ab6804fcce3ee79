// From a version and a key to plaintext: written from docs/format.md §4 and §5. Everything that rows say of sizes and parts
// is proven before a byte is given out.
import { createHash } from 'node:crypto'
import type { Catalog, ObjectName, StoredVersion } from './catalog.ts'
import { ContentChecks } from './checksums.ts'
import { Failure } from './failure.ts'
import type { KeySource } from './keys.ts'
import { partsOf, provenSegments } from './parts.ts'
import { blobKeyOf, type Opened, openEnvelope, openSealedRecord, recordsOf } from './sealed.ts'
import type { Volumes } from './volumes.ts'

/** Opens the envelope of a version with that of the keys which is its own. Throws Failure wrongKey or damaged. */
export function openVersion(keys: KeySource, name: ObjectName, version: StoredVersion): Opened {
  const { versionId, envelope } = version
  let wrong: unknown
  for (const key of keys(envelope)) {
    try {
      return openEnvelope(key, { ...name, versionId }, envelope)
    } catch (error) {
      if (!(error instanceof Failure) || error.exit !== 'wrongKey') throw error
      wrong = error
    }
  }
  throw wrong
}

/** Plaintext of the whole body. Ends only after every size, digest and checksum was found right. Throws Failure. */
export async function* plaintext(
  catalog: Catalog,
  volumes: Volumes,
  version: StoredVersion,
  opened: Opened,
): AsyncGenerator<Buffer> {
  const list = await partsOf(catalog, version, opened)
  const { envelope, parts, etag } = version
  const isMd5Shown = envelope.kind === 1 && parts === 0 && opened.md5 !== null
  if (isMd5Shown && opened.md5!.toString('hex') !== etag) {
    throw new Failure('damaged', 'the ETag of the version is not the sealed MD5')
  }
  const md5 = createHash('md5')
  const checks = await ContentChecks.start(version, opened.bodyKey)
  for await (const segment of provenSegments(catalog, version.body, list)) {
    const { number, size, blob, inline } = segment
    await checks.beginSegment(segment)
    const key = blobKeyOf(opened.bodyKey, blob, number)
    const records = inline === null ? volumes.records(segment) : [inline]
    let index = 0
    for await (const sealed of records) {
      const plain = openSealedRecord(key, size, index++, sealed)
      md5.update(plain)
      checks.update(plain)
      if (plain.length > 0) yield plain
    }
    if (index !== recordsOf(size)) throw new Failure('damaged', `segment ${number} is not whole`)
    checks.endSegment()
  }
  checks.end()
  if (opened.md5 !== null && !md5.digest().equals(opened.md5)) {
    throw new Failure('damaged', 'the MD5 of the content is not the sealed one')
  }
}
