// PutBucketAcl and PutObjectAcl: the owner's ACL can be set, and no other.

import { requireOwnAcl } from '../acl.ts'
import { sendEmpty, setVersion } from '../answer.ts'
import { versionIdOf } from '../headers.ts'
import { objectOf, settingsOf } from '../scope.ts'
import type { Handler } from './handler.ts'

/**
 * Sets the owner's ACL. It also empties Swift's lists of the container, which are the same policy (D-PRIVATE).
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html
 */
export const putBucketAcl: Handler = async (ctx, node, read) => {
  const info = await settingsOf(ctx, node, 'setContainerAcl')
  await requireOwnAcl(ctx, read, node.users.owner(info.account).canonicalId)
  if (info.acl.read !== '' || info.acl.write !== '') {
    const acl = { read: '', write: '' }
    await node.service.updateContainer(ctx.state.asker, info, { acl })
  }
  sendEmpty(ctx, 200)
}

/**
 * Answers 200 and changes nothing, because an object has no ACL of its own. The object must exist.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html
 */
export const putObjectAcl: Handler = async (ctx, node, read) => {
  const { account } = await settingsOf(ctx, node, 'setObjectAcl')
  const { info } = await node.service.head(ctx.state.asker, await objectOf(ctx, node), {
    versionId: versionIdOf(ctx.state.s3.query),
    cipher: node.rootCipher,
    keyOptional: true,
    action: 'setObjectAcl',
  })
  await requireOwnAcl(ctx, read, node.users.owner(account).canonicalId)
  setVersion(ctx, info)
  sendEmpty(ctx, 200)
}
