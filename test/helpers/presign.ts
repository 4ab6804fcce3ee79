// Presigned URLs, computed without the code that verifies them.
import { createHmac } from 'node:crypto'
import { accessKey, secretKey } from './node.ts'

/**
 * Path and query of a SigV2 presigned request, as botocore makes them: x-amz-* parameters go into the query and
 * into the string to sign.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
 */
export function presignV2(
  method: string,
  path: string,
  options: {
    access?: string
    secret?: string
    expiresSeconds?: number
    parameters?: Record<string, string>
  } = {},
): string {
  const { access = accessKey, secret = secretKey, parameters = {} } = options
  const expires = Math.floor(Date.now() / 1000) + (options.expiresSeconds ?? 300)
  const amz = Object.keys(parameters)
    .sort()
    .map((name) => `${name}:${parameters[name]}\n`)
    .join('')
  const toSign = `${method}\n\n\n${expires}\n${amz}${path}`
  const signature = createHmac('sha1', secret).update(toSign).digest('base64')
  const query = new URLSearchParams({
    AWSAccessKeyId: access,
    Expires: String(expires),
    ...parameters,
    Signature: signature,
  })
  return `${path}?${query}`
}
