// The documents that the built operations take, checked against S3's schema as they are read.
import type { PartChecksum } from '../../lib/catalog/rows.ts'
import type { CompleteInput } from '../../lib/service/types.ts'
import { checksumElements } from './checksums.ts'
import { DELETE_KEYS_MAX, PART_NUMBER_MAX } from './limits.ts'
import { headerNotImplemented, malformedXml, S3Error } from './s3-error.ts'
import type { Document, Fields, Shape } from './xml.ts'

/** Reads the request's body as a document of that shape, undefined for a request without a body. Throws S3Error. */
export type ReadDocument = <Row>(shape: Shape<Row>) => Promise<Document<Row> | undefined>

export interface DeleteEntry {
  readonly key: string
  readonly versionId: string | undefined
  /** The ETag as it was sent, with or without quotes. */
  readonly etag: string | undefined
  /** Conditions as they were sent. Each key's are read later, because a wrong one fails this key alone. */
  readonly size: string | undefined
  readonly modified: string | undefined
}

/** Reads the document. Throws S3Error MalformedXML for a request without a body, and what `read` throws. */
async function requireDocument<Row>(read: ReadDocument, shape: Shape<Row>): Promise<Document<Row>> {
  const document = await read(shape)
  if (document === undefined) throw malformedXml()
  return document
}

const deleteShape: Shape<DeleteEntry> = {
  root: 'Delete',
  fields: ['Quiet'],
  rows: {
    name: 'Object',
    countMax: DELETE_KEYS_MAX,
    fields: ['Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size'],
    read: readDeleteEntry,
  },
}

/** Reads a DeleteObjects. Throws S3Error MalformedXML, also for no key, an empty key, or more than DELETE_KEYS_MAX. */
export async function readDelete(
  read: ReadDocument,
): Promise<{ quiet: boolean; entries: readonly DeleteEntry[] }> {
  const { fields, rows } = await requireDocument(read, deleteShape)
  const quiet = fields.get('Quiet')?.trim().toLowerCase() ?? 'false'
  if ((quiet !== 'true' && quiet !== 'false') || rows.length === 0) throw malformedXml()
  return { quiet: quiet === 'true', entries: rows }
}

function readDeleteEntry(fields: Fields): DeleteEntry {
  const key = fields.get('Key')
  if (key === undefined || key === '') throw malformedXml()
  return {
    key,
    versionId: fields.get('VersionId') || undefined,
    etag: fields.get('ETag'),
    size: fields.get('Size'),
    modified: fields.get('LastModifiedTime'),
  }
}

type Part = CompleteInput['parts'][number]

const completeShape: Shape<Part> = {
  root: 'CompleteMultipartUpload',
  fields: [],
  rows: {
    name: 'Part',
    countMax: PART_NUMBER_MAX,
    fields: ['PartNumber', 'ETag', ...checksumElements.keys()],
    read: readPart,
  },
}

/** Reads the list of parts. Throws S3Error MalformedXML, InvalidRequest for a well-formed list without a part. */
export async function readComplete(read: ReadDocument): Promise<readonly Part[]> {
  const { rows } = await requireDocument(read, completeShape)
  if (rows.length > 0) return rows
  throw new S3Error(400, 'InvalidRequest', 'You must specify at least one part')
}

function readPart(fields: Fields): Part {
  const number = fields.get('PartNumber')?.trim() ?? ''
  const etag = fields.get('ETag')?.trim() ?? ''
  if (!/^\d{1,5}$/.test(number) || etag === '') throw malformedXml()
  const part = Number(number)
  if (part < 1 || part > PART_NUMBER_MAX) throw malformedXml()
  const checksum = readPartChecksum(fields)
  return { part, etag: unquote(etag), ...(checksum === undefined ? {} : { checksum }) }
}

function readPartChecksum(fields: Fields): PartChecksum | undefined {
  let found: PartChecksum | undefined
  for (const [name, algorithm] of checksumElements) {
    const value = fields.get(name)?.trim()
    if (value === undefined || value === '') continue
    if (found !== undefined) throw malformedXml()
    found = { algorithm, value }
  }
  return found
}

/** An ETag without its quotes. Clients send ETags with and without them. */
export function unquote(etag: string): string {
  return etag.length >= 2 && etag.startsWith('"') && etag.endsWith('"') ? etag.slice(1, -1) : etag
}

const versioningShape: Shape<never> = {
  root: 'VersioningConfiguration',
  fields: ['Status', 'MfaDelete'],
}

/**
 * The status that PutBucketVersioning sets. Throws S3Error MalformedXML, IllegalVersioningConfigurationException where
 * no status is given, NotImplemented for MFA delete (deletes that need a second factor).
 */
export async function readVersioning(read: ReadDocument): Promise<'enabled' | 'suspended'> {
  const { fields } = await requireDocument(read, versioningShape)
  const mfaDelete = fields.get('MfaDelete')?.trim() ?? 'Disabled'
  if (mfaDelete !== 'Enabled' && mfaDelete !== 'Disabled') throw malformedXml()
  const status = fields.get('Status')?.trim()
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

const createBucketShape: Shape<never> = {
  root: 'CreateBucketConfiguration',
  fields: ['LocationConstraint'],
  // Location and Bucket are of directory buckets; Tags sets tags at creation.
  refused: ['Location', 'Bucket', 'Tags'],
}

/** The location constraint, or undefined for none. Throws S3Error MalformedXML, NotImplemented. */
export async function readCreateBucket(read: ReadDocument): Promise<string | undefined> {
  const document = await read(createBucketShape)
  return document?.fields.get('LocationConstraint')?.trim() || undefined
}
