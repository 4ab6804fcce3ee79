// The documents that the built operations take, checked against S3's schema as they are read.
import type { ChecksumAlgorithm, PartChecksum } from '../../lib/catalog/rows.ts'
import type { CompleteInput } from '../../lib/service/types.ts'
import { checksumElements } from './checksums.ts'
import { headerNotImplemented, malformedXml, S3Error } from './s3-error.ts'
import { type Element, parseXml } from './xml.ts'

/** AWS: no more keys in one DeleteObjects. */
const DELETE_KEYS_MAX = 1000
const PARTS_MAX = 10_000

export interface DeleteEntry {
  readonly key: string
  readonly versionId: string | undefined
  /** As sent, with or without quotes. */
  readonly etag: string | undefined
  /** Conditions as sent, not yet read: a wrong one concerns this key only. */
  readonly size: string | undefined
  readonly modified: string | undefined
}

/** The root, if it has that name; schema violations are MalformedXML. */
function rootOf(bytes: Buffer, name: string): Element {
  const root = parseXml(bytes)
  if (root.name !== name) throw malformedXml()
  return root
}

/** The one child of that name, or none. Throws MalformedXML where there are several. */
function only(parent: Element, name: string): string | undefined {
  const found = parent.children.filter((child) => child.name === name)
  if (found.length > 1 || found[0]?.children.length) throw malformedXml()
  return found[0]?.text
}

function requireKnown(parent: Element, names: readonly string[]): void {
  for (const child of parent.children) if (!names.includes(child.name)) throw malformedXml()
  if (parent.children.length > 0 && parent.text.trim() !== '') throw malformedXml()
}

/** Throws S3Error MalformedXML; also for no key, an empty one, or more than 1,000. */
export function readDelete(bytes: Buffer): { quiet: boolean; entries: readonly DeleteEntry[] } {
  const root = rootOf(bytes, 'Delete')
  requireKnown(root, ['Quiet', 'Object'])
  const quiet = only(root, 'Quiet')?.trim().toLowerCase() ?? 'false'
  if (quiet !== 'true' && quiet !== 'false') throw malformedXml()
  const entries = root.children.filter((child) => child.name === 'Object').map(readDeleteEntry)
  if (entries.length === 0 || entries.length > DELETE_KEYS_MAX) throw malformedXml()
  return { quiet: quiet === 'true', entries }
}

function readDeleteEntry(object: Element): DeleteEntry {
  requireKnown(object, ['Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size'])
  const key = only(object, 'Key')
  if (key === undefined || key === '') throw malformedXml()
  return {
    key,
    versionId: only(object, 'VersionId') || undefined,
    etag: only(object, 'ETag'),
    size: only(object, 'Size'),
    modified: only(object, 'LastModifiedTime'),
  }
}

/** Throws S3Error MalformedXML, and InvalidRequest for a well-formed list without a part. */
export function readComplete(bytes: Buffer): CompleteInput['parts'] {
  const root = rootOf(bytes, 'CompleteMultipartUpload')
  requireKnown(root, ['Part'])
  if (root.children.length === 0) {
    throw new S3Error(400, 'InvalidRequest', 'You must specify at least one part')
  }
  if (root.children.length > PARTS_MAX) throw malformedXml()
  return root.children.map(readPart)
}

function readPart(element: Element): CompleteInput['parts'][number] {
  requireKnown(element, ['PartNumber', 'ETag', ...checksumElements.keys()])
  const number = only(element, 'PartNumber')?.trim() ?? ''
  const etag = only(element, 'ETag')?.trim() ?? ''
  if (!/^\d{1,5}$/.test(number) || etag === '') throw malformedXml()
  const part = Number(number)
  if (part < 1 || part > PARTS_MAX) throw malformedXml()
  const checksum = readPartChecksum(element)
  return { part, etag: unquote(etag), ...(checksum === undefined ? {} : { checksum }) }
}

function readPartChecksum(element: Element): PartChecksum | undefined {
  let found: PartChecksum | undefined
  for (const [name, algorithm] of checksumElements) {
    const value = only(element, name)?.trim()
    if (value === undefined || value === '') continue
    if (found !== undefined) throw malformedXml()
    found = { algorithm: algorithm as ChecksumAlgorithm, value }
  }
  return found
}

/** An ETag without its quotes; clients send both forms. */
export function unquote(etag: string): string {
  return etag.length >= 2 && etag.startsWith('"') && etag.endsWith('"') ? etag.slice(1, -1) : etag
}

/**
 * What PutBucketVersioning asks for. Throws S3Error MalformedXML; IllegalVersioningConfigurationException
 * where no status is given; NotImplemented for deletes that only a second factor allows.
 */
export function readVersioning(bytes: Buffer): 'enabled' | 'suspended' {
  const root = rootOf(bytes, 'VersioningConfiguration')
  requireKnown(root, ['Status', 'MfaDelete'])
  const mfaDelete = only(root, 'MfaDelete')?.trim() ?? 'Disabled'
  if (mfaDelete !== 'Enabled' && mfaDelete !== 'Disabled') throw malformedXml()
  const status = only(root, 'Status')?.trim()
  if (status === undefined) {
    throw new S3Error(
      400,
      'IllegalVersioningConfigurationException',
      'The Versioning element must be specified',
    )
  }
  if (status !== 'Enabled' && status !== 'Suspended') throw malformedXml()
  if (mfaDelete === 'Enabled') throw headerNotImplemented('MfaDelete')
  return status === 'Enabled' ? 'enabled' : 'suspended'
}

/** The location constraint, or undefined for none. Throws S3Error MalformedXML, NotImplemented. */
export function readCreateBucket(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined
  const root = rootOf(bytes, 'CreateBucketConfiguration')
  requireKnown(root, ['LocationConstraint', 'Location', 'Bucket', 'Tags'])
  // Directory buckets, and tags at creation.
  for (const { name } of root.children) {
    if (name !== 'LocationConstraint') throw headerNotImplemented(name)
  }
  return only(root, 'LocationConstraint')?.trim() || undefined
}
