// The table of operations: the handler of each, and its rules as data. docs/s3.md lists the same rows for users, and
// test/middleware/s3/docs.test.ts compares the two.
import { CofferError } from '../../lib/errors.ts'
import type { KeyRule } from '../state.ts'
import { putBucketAcl, putObjectAcl } from './handlers/acls.ts'
import { getObjectAttributes } from './handlers/attributes.ts'
import { postObject, preflight } from './handlers/browsers.ts'
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  headBucket,
  listBuckets,
} from './handlers/buckets.ts'
import { copyObject, uploadPartCopy } from './handlers/copy.ts'
import type { Handler } from './handlers/handler.ts'
import { listObjects, listObjectsV2 } from './handlers/listings.ts'
import { deleteObjects } from './handlers/multi-delete.ts'
import { deleteObject, getObject, headObject, putObject } from './handlers/objects.ts'
import { listParts, uploadPart } from './handlers/parts.ts'
import { unsetOfBucket, unsetOfObject } from './handlers/unset.ts'
import { abortUpload, completeUpload, createUpload, listUploads } from './handlers/uploads.ts'
import { listObjectVersions } from './handlers/version-listing.ts'
import { getBucketVersioning, putBucketVersioning } from './handlers/versioning.ts'
import { type OperationName, operationNames } from './names.ts'
import { operationNotImplemented } from './s3-error.ts'
import type { Screen } from './screens.ts'

export interface Operation {
  readonly handle: Handler
  /** `partial` and `refused` are explained in docs/s3.md. */
  readonly built: 'done' | 'partial' | 'refused'
  /** What the operation does with customer keys. */
  readonly ssec: KeyRule
  /** Families of headers that are refused, because their features are not built. */
  readonly screens: readonly Screen[]
  /** Longest XML body in bytes; absent: the operation takes none. */
  readonly documentBytesMax?: number
}

const WRITE_SCREENS: readonly Screen[] = [
  'acl',
  'storageClass',
  'tagging',
  'lock',
  'redirect',
  'append',
  'encryption',
]

const plain = (handle: Handler, built: Operation['built'] = 'done'): Operation => ({
  handle,
  built,
  ssec: 'none',
  screens: [],
})

const read = (handle: Handler): Operation => ({
  handle,
  built: 'done',
  ssec: 'read',
  screens: ['noEncryption'],
})

const write = (handle: Handler, ssec: KeyRule): Operation => ({
  handle,
  built: 'done',
  ssec,
  screens: WRITE_SCREENS,
})

/** A subresource that reads as never set, and cannot be set. */
const unset = (handle: Handler): Operation => plain(handle, 'partial')

/** An operation that is not built. An anonymous caller is refused for that, and is not shown what is built. */
const refused: Operation = plain(async (ctx) => {
  if (ctx.state.caller === null) throw new CofferError('AccessDenied')
  throw operationNotImplemented(ctx.state.operation)
}, 'refused')

const built: Partial<Record<OperationName, Operation>> = {
  ListBuckets: plain(listBuckets),
  CreateBucket: {
    ...plain(createBucket),
    screens: ['bucket', 'acl'],
    documentBytesMax: 64 << 10,
  },
  HeadBucket: plain(headBucket),
  DeleteBucket: plain(deleteBucket),
  GetBucketLocation: plain(getBucketLocation),
  GetBucketVersioning: plain(getBucketVersioning),
  PutBucketVersioning: { ...plain(putBucketVersioning, 'partial'), documentBytesMax: 64 << 10 },
  ListObjects: plain(listObjects),
  ListObjectsV2: plain(listObjectsV2),
  ListObjectVersions: plain(listObjectVersions),
  ListMultipartUploads: plain(listUploads),
  // 1,000 keys of 1,024 bytes, in which characters may be escaped.
  DeleteObjects: { ...plain(deleteObjects), documentBytesMax: 2 << 20 },
  PostObject: plain(postObject, 'refused'),
  Preflight: plain(preflight, 'partial'),
  PutObject: write(putObject, 'write'),
  GetObject: read(getObject),
  HeadObject: read(headObject),
  DeleteObject: { ...plain(deleteObject), screens: ['deletion'] },
  CopyObject: write(copyObject, 'copy'),
  GetObjectAttributes: read(getObjectAttributes),
  CreateMultipartUpload: write(createUpload, 'write'),
  UploadPart: { ...plain(uploadPart), ssec: 'write' },
  UploadPartCopy: { ...plain(uploadPartCopy), ssec: 'copy' },
  CompleteMultipartUpload: {
    ...plain(completeUpload),
    ssec: 'optional',
    // 10,000 parts with a SHA-256 each take 1.8 MB as SDKs write them, more with blanks between.
    documentBytesMax: 4 << 20,
  },
  AbortMultipartUpload: plain(abortUpload),
  ListParts: { ...plain(listParts), ssec: 'optional' },
  GetBucketAccelerateConfiguration: unset(unsetOfBucket.accelerate),
  GetBucketAcl: unset(unsetOfBucket.acl),
  GetBucketAnalyticsConfiguration: unset(unsetOfBucket.analytics),
  ListBucketAnalyticsConfigurations: unset(unsetOfBucket.analyticsList),
  GetBucketCors: unset(unsetOfBucket.cors),
  GetBucketEncryption: unset(unsetOfBucket.encryption),
  GetBucketIntelligentTieringConfiguration: unset(unsetOfBucket.intelligentTiering),
  ListBucketIntelligentTieringConfigurations: unset(unsetOfBucket.intelligentTieringList),
  GetBucketInventoryConfiguration: unset(unsetOfBucket.inventory),
  ListBucketInventoryConfigurations: unset(unsetOfBucket.inventoryList),
  GetBucketLifecycleConfiguration: unset(unsetOfBucket.lifecycle),
  GetBucketLogging: unset(unsetOfBucket.logging),
  GetBucketMetricsConfiguration: unset(unsetOfBucket.metrics),
  ListBucketMetricsConfigurations: unset(unsetOfBucket.metricsList),
  GetBucketNotificationConfiguration: unset(unsetOfBucket.notification),
  GetBucketOwnershipControls: unset(unsetOfBucket.ownershipControls),
  GetBucketPolicy: unset(unsetOfBucket.policy),
  GetBucketPolicyStatus: unset(unsetOfBucket.policyStatus),
  GetBucketReplication: unset(unsetOfBucket.replication),
  GetBucketRequestPayment: unset(unsetOfBucket.requestPayment),
  GetBucketTagging: unset(unsetOfBucket.tagging),
  GetBucketWebsite: unset(unsetOfBucket.website),
  GetObjectLockConfiguration: unset(unsetOfBucket.objectLock),
  GetPublicAccessBlock: unset(unsetOfBucket.publicAccessBlock),
  PutBucketAcl: { ...plain(putBucketAcl, 'partial'), documentBytesMax: 64 << 10 },
  PutObjectAcl: { ...plain(putObjectAcl, 'partial'), documentBytesMax: 64 << 10 },
  GetObjectAcl: unset(unsetOfObject.acl),
  GetObjectLegalHold: unset(unsetOfObject.legalHold),
  GetObjectRetention: unset(unsetOfObject.retention),
  GetObjectTagging: unset(unsetOfObject.tagging),
  GetObjectTorrent: unset(unsetOfObject.torrent),
}

/** A row for each operation. Those without a row above are refused. */
export const operations = Object.fromEntries(
  operationNames.map((name) => [name, built[name] ?? refused]),
) as Readonly<Record<OperationName, Operation>>
