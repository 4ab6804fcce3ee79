// Subresources that cannot be set yet. A read of one is answered as AWS answers where it was never set.
import { CofferError } from '../../../lib/errors.ts'
import type { Action } from '../../../lib/service/actions.ts'
import type { ContainerInfo } from '../../../lib/service/types.ts'
import type { Node } from '../../node.ts'
import { sendXml, setVersion } from '../answer.ts'
import { versionIdOf } from '../headers.ts'
import { aclElements } from '../owners.ts'
import { invalidRequest, S3Error } from '../s3-error.ts'
import { objectOf, settingsOf } from '../scope.ts'
import { node as element, type Fragment, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'

/** Answers the bucket's owner with the document. */
function bucketDocument(
  document: (node: Node, info: ContainerInfo) => Fragment,
  action: Action = 'getContainerSettings',
): Handler {
  return async (ctx, node) => {
    sendXml(ctx, document(node, await settingsOf(ctx, node, action)))
  }
}

/** Answers the bucket's owner 404 with the code of a configuration that is not there. */
function bucketMissing(code: string, message: string): Handler {
  return async (ctx, node) => {
    const { container } = await settingsOf(ctx, node, 'getContainerSettings')
    throw new S3Error(404, code, message, { BucketName: container })
  }
}

const noConfiguration: Handler = async (ctx, node) => {
  await settingsOf(ctx, node, 'getContainerSettings')
  throw new S3Error(404, 'NoSuchConfiguration', 'The specified configuration does not exist.')
}

const emptyList = (name: string) => bucketDocument(() => root(name, leaf('IsTruncated', false)))

const defaultEncryption = () =>
  root(
    'ServerSideEncryptionConfiguration',
    element(
      'Rule',
      element('ApplyServerSideEncryptionByDefault', leaf('SSEAlgorithm', 'AES256')),
      leaf('BucketKeyEnabled', false),
    ),
  )

/** AWS's default for new buckets, which is coffer's only case: there is no ACL but the owner's. */
const defaultOwnership = () =>
  root('OwnershipControls', element('Rule', leaf('ObjectOwnership', 'BucketOwnerEnforced')))

const noPolicy = bucketMissing('NoSuchBucketPolicy', 'The bucket policy does not exist')

export const unsetOfBucket = {
  accelerate: bucketDocument(() => root('AccelerateConfiguration')),
  acl: bucketDocument(
    (node, info) => root('AccessControlPolicy', aclElements(node, info, 'bucket')),
    'getContainerAcl',
  ),
  analytics: noConfiguration,
  analyticsList: emptyList('ListBucketAnalyticsConfigurationResult'),
  cors: bucketMissing('NoSuchCORSConfiguration', 'The CORS configuration does not exist'),
  encryption: bucketDocument(defaultEncryption),
  intelligentTiering: noConfiguration,
  intelligentTieringList: emptyList('ListBucketIntelligentTieringConfigurationsOutput'),
  inventory: noConfiguration,
  inventoryList: emptyList('ListInventoryConfigurationsResult'),
  lifecycle: bucketMissing(
    'NoSuchLifecycleConfiguration',
    'The lifecycle configuration does not exist',
  ),
  logging: bucketDocument(() => root('BucketLoggingStatus')),
  metrics: noConfiguration,
  metricsList: emptyList('ListMetricsConfigurationsResult'),
  notification: bucketDocument(() => root('NotificationConfiguration')),
  objectLock: bucketMissing(
    'ObjectLockConfigurationNotFoundError',
    'Object Lock configuration does not exist for this bucket',
  ),
  ownershipControls: bucketDocument(defaultOwnership),
  policy: noPolicy,
  policyStatus: noPolicy,
  publicAccessBlock: bucketMissing(
    'NoSuchPublicAccessBlockConfiguration',
    'The public access block configuration was not found',
  ),
  replication: bucketMissing(
    'ReplicationConfigurationNotFoundError',
    'The replication configuration was not found',
  ),
  requestPayment: bucketDocument(() =>
    root('RequestPaymentConfiguration', leaf('Payer', 'BucketOwner')),
  ),
  tagging: bucketMissing('NoSuchTagSet', 'The TagSet does not exist'),
  website: bucketMissing(
    'NoSuchWebsiteConfiguration',
    'The specified bucket does not have a website configuration',
  ),
} as const satisfies Record<string, Handler>

/** Answers the object's owner. What is no content needs no customer key. */
function ofObject(
  action: Action,
  answer: (node: Node, bucket: ContainerInfo) => Fragment,
): Handler {
  return async (ctx, node) => {
    const bucket = await settingsOf(ctx, node, action)
    const ref = await objectOf(ctx, node)
    const { info } = await node.service.head(ctx.state.asker, ref, {
      versionId: versionIdOf(ctx.state.s3.query),
      cipher: node.rootCipher,
      keyOptional: true,
      action,
    })
    setVersion(ctx, info)
    sendXml(ctx, answer(node, bucket))
  }
}

const noLock = (action: Action) =>
  ofObject(action, () => {
    throw invalidRequest('Bucket is missing Object Lock Configuration')
  })

export const unsetOfObject = {
  acl: ofObject('getObjectAcl', (node, info) =>
    root('AccessControlPolicy', aclElements(node, info, 'object')),
  ),
  legalHold: noLock('getLegalHold'),
  retention: noLock('getRetention'),
  tagging: ofObject('getObjectTags', () => root('Tagging', element('TagSet'))),
  torrent: async (ctx, node) => {
    const { object } = await objectOf(ctx, node)
    throw new CofferError('ObjectMissing', { object })
  },
} as const satisfies Record<string, Handler>
