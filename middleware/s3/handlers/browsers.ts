// What only browsers send: preflight requests, and forms.
import { isCode } from '../../../lib/errors.ts'
import type { Node } from '../../node.ts'
import type { Context } from '../context.ts'
import { headerOf } from '../headers.ts'
import { operationNotImplemented, S3Error } from '../s3-error.ts'
import type { Handler } from './handler.ts'

const forbidden = (ctx: Context, message: string, method: string) =>
  new S3Error(403, 'AccessForbidden', `CORSResponse: ${message}`, {
    Method: method,
    ResourceType: ctx.state.s3.key === undefined ? 'BUCKET' : 'OBJECT',
  })

async function requireBucket(ctx: Context, node: Node): Promise<void> {
  try {
    await node.service.resolve(ctx.state.asker, ctx.state.s3.bucket ?? '')
  } catch (error) {
    if (!isCode(error, 'ContainerMissing')) throw error
    throw forbidden(ctx, 'Bucket not found', 'OPTIONS')
  }
}

/**
 * No bucket has a CORS configuration yet, so every well-formed preflight is forbidden.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html
 */
export const preflight: Handler = async (ctx, node) => {
  const header = headerOf(ctx)
  if (header('origin') === undefined) {
    const message = 'Insufficient information. Origin request header needed.'
    throw new S3Error(400, 'BadRequest', message)
  }
  const method = header('access-control-request-method')
  if (method === undefined) {
    throw new S3Error(400, 'BadRequest', 'Invalid Access-Control-Request-Method: null')
  }
  await requireBucket(ctx, node)
  throw forbidden(ctx, 'CORS is not enabled for this bucket.', method)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html */
export const postObject: Handler = async (ctx) => {
  if (ctx.is('multipart/form-data')) throw operationNotImplemented('PostObject')
  throw new S3Error(
    412,
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    { Condition: 'Bucket POST must be of the enclosure-type multipart/form-data' },
  )
}
