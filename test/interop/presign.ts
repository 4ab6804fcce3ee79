// Presigned SigV4 URLs by the signer of the AWS SDK for JavaScript, which no part of coffer shares.
import { S3Client } from '@aws-sdk/client-s3'
import { SignatureV4 } from '@smithy/signature-v4'
import { accessKey, secretKey } from '../helpers/node.ts'

/** A URL for `path` (encoded) on `base`, valid for ten minutes, with these headers signed and these parameters added. */
export async function presignV4(
  method: string,
  base: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
  const client = new S3Client({ region: 'us-east-1' })
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    sha256: client.config.sha256,
    uriEscapePath: false,
    applyChecksum: false,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  })
  const { protocol, host, hostname, port } = new URL(base)
  const request = { method, protocol, hostname, port: Number(port), path, query: parameters }
  const presigned = await signer.presign(
    {
      ...request,
      headers: { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', ...headers },
    } as Parameters<typeof signer.presign>[0],
    {
      expiresIn: 600,
      unhoistableHeaders: new Set(Object.keys(headers)),
      unsignableHeaders: new Set(['content-type']),
    },
  )
  const query = new URLSearchParams(presigned.query as Record<string, string>)
  return `${base}${path}?${query}`
}
