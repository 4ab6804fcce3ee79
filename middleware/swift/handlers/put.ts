// Writes an object, or makes an older version of it the current one again.
import { sendEmpty } from '../answer.ts'
import { writeConditionsOf } from '../conditions.ts'
import { readPutDescription, setWritten } from '../object-headers.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { SwiftError } from '../swift-error.ts'
import { refusingVersion } from '../version-refusals.ts'
import type { Handler } from './handler.ts'

/** https://docs.openstack.org/api-ref/object-store/#create-or-replace-object */
export const putObject: Handler = async (ctx, node) => {
  const { asker, cipher, source } = ctx.state
  const info = await node.service.put(asker, objectOf(ctx), {
    ...readPutDescription(ctx),
    conditions: writeConditionsOf(ctx),
    source,
    cipher,
    // Swift's clients compare the answer's ETag with the MD5 of what they sent.
    sealMd5: true,
  })
  setWritten(ctx, info)
  sendEmpty(ctx, 201)
}

/** Makes a version the current one: `PUT ?version-id=`. Swift: object_versioning.py, handle_put_version. */
export const makeCurrent: Handler = async (ctx, node) => {
  const { asker, source } = ctx.state
  const versionId = versionIdOf(ctx)
  if (versionId === undefined || versionId === 'null') {
    throw new SwiftError(400, 'Invalid version parameter')
  }
  if ((await source.read()) !== undefined) {
    throw new SwiftError(400, 'PUT version-id requests require a zero byte body')
  }
  const ref = objectOf(ctx)
  const info = await refusingVersion(ctx, node, ref, () =>
    node.service.makeCurrent(asker, ref, versionId),
  )
  setWritten(ctx, info)
  sendEmpty(ctx, 201)
}
