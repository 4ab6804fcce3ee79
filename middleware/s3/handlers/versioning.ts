// Reads and sets whether a bucket keeps versions.
import { sendEmpty, sendXml } from '../answer.ts'
import { readVersioning } from '../documents.ts'
import { bucketOf, settingsOf } from '../scope.ts'
import { leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'

const spelled = { enabled: 'Enabled', suspended: 'Suspended' } as const

/**
 * Answers an empty document for a bucket that never kept versions.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
 */
export const getBucketVersioning: Handler = async (ctx, node) => {
  const { versioning } = await settingsOf(ctx, node, 'getVersioning')
  const status = versioning === null ? undefined : spelled[versioning]
  sendXml(ctx, root('VersioningConfiguration', leaf('Status', status)))
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html */
export const putBucketVersioning: Handler = async (ctx, node, read) => {
  const { asker } = ctx.state
  const ref = await bucketOf(ctx, node)
  await node.service.authorize(asker, 'setVersioning', ref)
  const versioning = await readVersioning(read)
  await node.service.updateContainer(asker, ref, { versioning })
  sendEmpty(ctx, 200)
}
