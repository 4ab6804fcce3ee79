// Pure: names the operation of a request, from its method, address, query and headers. Every operation of S3 has a
// name here; operations.ts says which of them are built.
import type { IncomingHttpHeaders } from 'node:http'
import { isSignedQuery } from '../../lib/auth/authenticate.ts'
import type { Target } from '../state.ts'
import type { OperationName } from './names.ts'
import { invalidArgument, invalidRequest, methodNotAllowed } from './s3-error.ts'
import { addressOf, parseQuery } from './target.ts'

/** What was read from the request line and headers; `ctx.state.s3` holds it. */
export interface S3Request {
  readonly operation: OperationName
  readonly bucket: string | undefined
  readonly key: string | undefined
  readonly query: ReadonlyMap<string, string>
}

type Methods = Readonly<Record<string, OperationName>>

/** The operations that get, put and delete one configuration of a bucket. */
const crud = <N extends string>(name: N) =>
  ({ GET: `Get${name}`, PUT: `Put${name}`, DELETE: `Delete${name}` }) as const

/** The operations of a configuration of which a bucket has several: `?id=` names one, and GET without it lists all. */
const crudById = <N extends string>(name: N) => crud(`Bucket${name}Configuration` as const)

const bucketSubresources: Readonly<Record<string, Methods>> = {
  abac: { GET: 'GetBucketAbac', PUT: 'PutBucketAbac' },
  accelerate: {
    GET: 'GetBucketAccelerateConfiguration',
    PUT: 'PutBucketAccelerateConfiguration',
  },
  acl: { GET: 'GetBucketAcl', PUT: 'PutBucketAcl' },
  analytics: crudById('Analytics'),
  cors: crud('BucketCors'),
  delete: { POST: 'DeleteObjects' },
  encryption: crud('BucketEncryption'),
  'intelligent-tiering': crudById('IntelligentTiering'),
  inventory: crudById('Inventory'),
  lifecycle: {
    GET: 'GetBucketLifecycleConfiguration',
    PUT: 'PutBucketLifecycleConfiguration',
    DELETE: 'DeleteBucketLifecycle',
  },
  location: { GET: 'GetBucketLocation' },
  logging: { GET: 'GetBucketLogging', PUT: 'PutBucketLogging' },
  metadataConfiguration: {
    GET: 'GetBucketMetadataConfiguration',
    POST: 'CreateBucketMetadataConfiguration',
    DELETE: 'DeleteBucketMetadataConfiguration',
  },
  metadataInventoryTable: { PUT: 'UpdateBucketMetadataInventoryTableConfiguration' },
  metadataJournalTable: { PUT: 'UpdateBucketMetadataJournalTableConfiguration' },
  metadataTable: {
    GET: 'GetBucketMetadataTableConfiguration',
    POST: 'CreateBucketMetadataTableConfiguration',
    DELETE: 'DeleteBucketMetadataTableConfiguration',
  },
  metrics: crudById('Metrics'),
  notification: {
    GET: 'GetBucketNotificationConfiguration',
    PUT: 'PutBucketNotificationConfiguration',
  },
  'object-lock': { GET: 'GetObjectLockConfiguration', PUT: 'PutObjectLockConfiguration' },
  ownershipControls: crud('BucketOwnershipControls'),
  policy: crud('BucketPolicy'),
  policyStatus: { GET: 'GetBucketPolicyStatus' },
  publicAccessBlock: crud('PublicAccessBlock'),
  replication: crud('BucketReplication'),
  requestPayment: { GET: 'GetBucketRequestPayment', PUT: 'PutBucketRequestPayment' },
  session: { GET: 'CreateSession' },
  tagging: crud('BucketTagging'),
  uploads: { GET: 'ListMultipartUploads' },
  versioning: { GET: 'GetBucketVersioning', PUT: 'PutBucketVersioning' },
  versions: { GET: 'ListObjectVersions' },
  website: crud('BucketWebsite'),
}

const objectSubresources: Readonly<Record<string, Methods>> = {
  acl: { GET: 'GetObjectAcl', PUT: 'PutObjectAcl' },
  attributes: { GET: 'GetObjectAttributes' },
  encryption: { PUT: 'UpdateObjectEncryption' },
  'legal-hold': { GET: 'GetObjectLegalHold', PUT: 'PutObjectLegalHold' },
  renameObject: { PUT: 'RenameObject' },
  restore: { POST: 'RestoreObject' },
  retention: { GET: 'GetObjectRetention', PUT: 'PutObjectRetention' },
  select: { POST: 'SelectObjectContent' },
  tagging: crud('ObjectTagging'),
  torrent: { GET: 'GetObjectTorrent' },
  uploadId: {
    GET: 'ListParts',
    PUT: 'UploadPart',
    POST: 'CompleteMultipartUpload',
    DELETE: 'AbortMultipartUpload',
  },
  uploads: { POST: 'CreateMultipartUpload' },
}

/** Names of the query parameters that select an operation. A SigV2 signature must cover each of them. */
export const subresourceNames = () => [
  ...new Set([...Object.keys(bucketSubresources), ...Object.keys(objectSubresources)]),
]

const bucketMethods: Methods = {
  GET: 'ListObjects',
  HEAD: 'HeadBucket',
  PUT: 'CreateBucket',
  DELETE: 'DeleteBucket',
  POST: 'PostObject',
}

const objectMethods: Methods = {
  GET: 'GetObject',
  HEAD: 'HeadObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
}

/** Writes, which take no `versionId`: the node draws the id of a version. */
const versionless: readonly OperationName[] = [
  'PutObject',
  'CreateMultipartUpload',
  'UploadPart',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
  'ListParts',
]

/** True where the request names a copy's source, in a header or in the signed query of a presigned URL. */
function copies(headers: IncomingHttpHeaders, query: ReadonlyMap<string, string>): boolean {
  if (headers['x-amz-copy-source'] !== undefined) return true
  if (!isSignedQuery((name) => query.has(name))) return false
  return [...query.keys()].some((name) => name.toLowerCase() === 'x-amz-copy-source')
}

/** The one subresource that the query names, if any. Throws S3Error where it names several. */
function subresourceOf(
  query: ReadonlyMap<string, string>,
  table: Readonly<Record<string, Methods>>,
): string | undefined {
  const found: string[] = []
  for (const name of query.keys())
    if (Object.hasOwn(table, name) && query.has(name)) found.push(name)
  if (found.length > 1) {
    const names = found.join(', ')
    throw invalidArgument(`Conflicting query string parameters: ${names}`, 'ResourceType', names)
  }
  return found[0]
}

function refuseForeign(
  query: ReadonlyMap<string, string>,
  table: Readonly<Record<string, Methods>>,
  level: string,
): void {
  // `DELETE /bucket?uploadId=…` must not delete the bucket.
  for (const name of query.keys()) {
    if (Object.hasOwn(table, name)) {
      throw invalidRequest(`The query parameter ${name} does not apply to a ${level}`)
    }
  }
}

function bucketOperation(method: string, query: ReadonlyMap<string, string>): OperationName {
  const subresource = method === 'HEAD' ? undefined : subresourceOf(query, bucketSubresources)
  if (subresource === undefined && method !== 'HEAD' && method !== 'GET') {
    refuseForeign(query, objectSubresources, 'bucket')
  }
  const methods = subresource === undefined ? bucketMethods : bucketSubresources[subresource]!
  const operation = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (operation === undefined) throw methodNotAllowed(method, Object.keys(methods), 'BUCKET')
  if (operation === 'ListObjects' && query.get('list-type') === '2') return 'ListObjectsV2'
  const listable = /^GetBucket(Analytics|IntelligentTiering|Inventory|Metrics)Configuration$/
  const list = query.has('id') ? null : listable.exec(operation)
  return list === null ? operation : (`ListBucket${list[1]}Configurations` as OperationName)
}

function objectOperation(
  method: string,
  query: ReadonlyMap<string, string>,
  copy: boolean,
): OperationName {
  const subresource = method === 'HEAD' ? undefined : subresourceOf(query, objectSubresources)
  if (subresource === undefined && method !== 'HEAD' && method !== 'GET') {
    refuseForeign(query, bucketSubresources, 'key')
  }
  const methods = subresource === undefined ? objectMethods : objectSubresources[subresource]!
  const operation = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (operation === undefined) throw methodNotAllowed(method, Object.keys(methods), 'OBJECT')
  if (operation === 'PutObject' && query.has('partNumber')) {
    throw invalidArgument('This operation does not accept a part number.', 'partNumber')
  }
  if (versionless.includes(operation) && query.has('versionId')) {
    throw invalidArgument('This operation does not accept a version-id.', 'versionId')
  }
  if (operation === 'UploadPart') return copy ? 'UploadPartCopy' : 'UploadPart'
  return operation === 'PutObject' && copy ? 'CopyObject' : operation
}

/**
 * Names the operation. `x-id` and parameters that S3 does not have are ignored. Throws S3Error:
 * InvalidURI, InvalidBucketName, MethodNotAllowed (with Allow), InvalidArgument for several
 * subresources at once, InvalidRequest for one that does not belong to what is addressed.
 */
export function detect(
  method: string,
  target: Pick<Target, 'path' | 'query' | 'host'>,
  headers: IncomingHttpHeaders,
  domains: readonly string[],
): S3Request {
  const { bucket, key } = addressOf(target, domains)
  const query = parseQuery(target.query)
  const request = (operation: OperationName) => ({ operation, bucket, key, query })
  if (method === 'OPTIONS') return request('Preflight')
  if (bucket === undefined) {
    if (method !== 'GET') throw methodNotAllowed(method, ['GET'], 'SERVICE')
    return request('ListBuckets')
  }
  if (key === undefined) return request(bucketOperation(method, query))
  return request(objectOperation(method, query, copies(headers, query)))
}
