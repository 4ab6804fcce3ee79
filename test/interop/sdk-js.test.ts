// The AWS SDK for JavaScript, version 3, over TLS with the node's certificate.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  NoSuchBucket,
  NoSuchKey,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import t from 'tap'
import { accessKey, keyHeaders, secretKey } from '../helpers/node.ts'
import { presignV4 } from './presign.ts'
import { type CustomerKeyFile, contentOf, type Setting, sizes, startSetting } from './setting.ts'

t.setTimeout(600_000)

const Bucket = 'bucket'

async function startSdk(t: Parameters<typeof startSetting>[0], options: S3ClientConfig = {}) {
  const setting = await startSetting(t)
  const httpsAgent = new Agent({ ca: readFileSync(setting.ca), keepAlive: true })
  const s3 = new S3Client({
    endpoint: setting.node.https,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    maxAttempts: 1,
    requestHandler: { httpsAgent },
    ...options,
  })
  t.teardown(() => {
    s3.destroy()
    httpsAgent.destroy()
  })
  await s3.send(new CreateBucketCommand({ Bucket }))
  return { setting, s3 }
}

/** The SDK takes the key as base64 and computes its MD5. */
const sealed = (key: CustomerKeyFile) => ({
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: key.base64,
  SSECustomerKeyMD5: key.md5,
})

const source = (key: CustomerKeyFile) => ({
  CopySourceSSECustomerAlgorithm: 'AES256',
  CopySourceSSECustomerKey: key.base64,
  CopySourceSSECustomerKeyMD5: key.md5,
})

async function read(s3: S3Client, Key: string, key: object = {}): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...key }))
  return Buffer.from(await Body!.transformToByteArray())
}

/** Status and name of the error that a command ends with. */
async function refusal(sent: Promise<unknown>): Promise<string> {
  try {
    await sent
  } catch (error) {
    if (error instanceof S3ServiceException)
      return `${error.$metadata.httpStatusCode} ${error.name}`
    throw error
  }
  throw new Error('not refused')
}

t.test('the SDK for JavaScript puts and gets files of every size', async (t) => {
  const { s3, setting } = await startSdk(t)
  for (const size of sizes) {
    const Body = contentOf(`size-${size}`, size)
    for (const key of [{}, sealed(setting.key)]) {
      const Key = `sizes/${size} bytes`
      await s3.send(new PutObjectCommand({ Bucket, Key, Body, ...key }))
      t.ok((await read(s3, Key, key)).equals(Body), `${size} bytes`)
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ...key }))
      t.equal(head.ContentLength, size)
    }
  }
})

t.test('the SDK for JavaScript streams bodies, with checksums behind them', async (t) => {
  const { s3, setting } = await startSdk(t)
  const size = 3 << 20
  const file = setting.file('streamed', size)
  const content = contentOf('streamed', size)
  const key = sealed(setting.key)
  for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
    const Key = `streamed-${ChecksumAlgorithm}`
    const Body = createReadStream(file)
    await s3.send(new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm, ...key }))
    const got = await s3.send(
      new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED', ...key }),
    )
    t.type(got[`Checksum${ChecksumAlgorithm}`], 'string', ChecksumAlgorithm)
    t.equal(got.ContentEncoding, undefined, 'aws-chunked is no encoding of the object')
    t.ok(Buffer.from(await got.Body!.transformToByteArray()).equals(content))
  }
  const pieces = Array.from({ length: 40 }, (_, i) =>
    content.subarray(i * 50_000, (i + 1) * 50_000),
  )
  const put = {
    Bucket,
    Key: 'pieces',
    Body: Readable.from(pieces),
    ContentLength: 2_000_000,
    ...key,
  }
  await s3.send(new PutObjectCommand(put))
  t.ok((await read(s3, 'pieces', key)).equals(content.subarray(0, 2_000_000)))
  t.same(Object.values(ChecksumAlgorithm).includes('CRC64NVME'), true)
})

t.test('the SDK for JavaScript refuses what the node refuses, by class and code', async (t) => {
  const { s3, setting } = await startSdk(t)
  const key = sealed(setting.key)
  await s3.send(new PutObjectCommand({ Bucket, Key: 'o', Body: 'secret', ...key }))
  const get = (options: object) =>
    refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'o', ...options })))
  t.equal(await get({}), '400 InvalidRequest')
  t.equal(await get(sealed(setting.other)), '403 AccessDenied')
  t.equal(await get({ Key: 'absent' }), '404 NoSuchKey')
  t.equal(await get({ ...key, IfMatch: '"x"' }), '412 PreconditionFailed')
  t.equal(await get({ ...key, Range: 'bytes=9-' }), '416 InvalidRange')
  await t.rejects(read(s3, 'absent'), NoSuchKey)
  await t.rejects(s3.send(new GetObjectCommand({ Bucket: 'absent', Key: 'o' })), NoSuchBucket)
  const again = new PutObjectCommand({ Bucket, Key: 'o', Body: 'x', IfNoneMatch: '*' })
  t.equal(await refusal(s3.send(again)), '412 PreconditionFailed')
  t.equal((await read(s3, 'o', key)).toString(), 'secret')
})

t.test('the SDK for JavaScript copies across keys and completes uploads', async (t) => {
  const { s3, setting } = await startSdk(t)
  const [key, other] = [sealed(setting.key), sealed(setting.other)]
  const size = 5 << 20
  const whole = contentOf('whole', size)
  await s3.send(new PutObjectCommand({ Bucket, Key: 'a ü+b', Body: whole, ...key }))
  const CopySource = encodeURI('bucket/a ü+b').replace('+', '%2B')
  const copy = { Bucket, CopySource, ...source(setting.key) }
  await s3.send(new CopyObjectCommand({ ...copy, Key: 'copy', ...other }))
  t.ok((await read(s3, 'copy', other)).equals(whole), 'copied to another key')
  const Key = 'upload'
  const begun = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...other }))
  const upload = { Bucket, Key, UploadId: begun.UploadId }
  const part1 = await s3.send(
    new UploadPartCommand({ ...upload, PartNumber: 1, Body: whole, ...other }),
  )
  const part2 = await s3.send(
    new UploadPartCopyCommand({
      ...upload,
      ...copy,
      PartNumber: 2,
      CopySourceRange: 'bytes=65535-131072',
      ...other,
    }),
  )
  const parts = [
    { ...part1, PartNumber: 1 },
    { ...part2.CopyPartResult, PartNumber: 2 },
  ]
  const Parts = parts.map(({ ETag, PartNumber, ChecksumCRC32 }) => ({
    ETag,
    PartNumber,
    ChecksumCRC32,
  }))
  const complete = { ...upload, MultipartUpload: { Parts } }
  const done = await s3.send(new CompleteMultipartUploadCommand({ ...complete, ...other }))
  t.match(done.ETag, /-2"$/)
  const expected = Buffer.concat([whole, whole.subarray(65535, 131073)])
  t.ok((await read(s3, Key, other)).equals(expected))
  const attributes = await s3.send(
    new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ObjectSize'], ...other }),
  )
  t.equal(attributes.ObjectSize, expected.length)
})

t.test('the SDK for JavaScript lists in pages and deletes in bulk', async (t) => {
  const { s3 } = await startSdk(t)
  const names = Array.from({ length: 12 }, (_, i) => `n/${String(i).padStart(2, '0')} ü&<>`)
  for (const Key of names) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
  const found: (string | undefined)[] = []
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 5 }, { Bucket })) {
    found.push(...(page.Contents ?? []).map(({ Key }) => Key))
  }
  t.same(found, names)
  const Objects = names.map((Key) => ({ Key }))
  const deleted = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
  t.equal(deleted.Deleted?.length, 12)
  t.equal(deleted.Errors, undefined)
})

/** Sends one request over TLS; gives its status and body. */
function exchange(url: string, method: string, headers: Record<string, string>, body?: Buffer) {
  return async (setting: Setting) =>
    await new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
      const options = { method, headers, ca: readFileSync(setting.ca), agent: false as const }
      const req = httpsRequest(url, options, (res) => {
        buffer(res).then((got) => resolve({ status: res.statusCode!, body: got }), reject)
      })
      req.on('error', reject).end(body)
    })
}

t.test('URLs that the SDK for JavaScript presigns work with the key in headers', async (t) => {
  const { s3, setting } = await startSdk(t)
  const body = contentOf('presigned', 70_000)
  const headers = keyHeaders(setting.key.bytes)
  const { https } = setting.node
  const put = await presignV4('PUT', https, '/bucket/p', headers)
  t.equal((await exchange(put, 'PUT', headers, body)(setting)).status, 200)
  const get = await presignV4('GET', https, '/bucket/p')
  const got = await exchange(get, 'GET', headers)(setting)
  t.equal(got.status, 200)
  t.ok(got.body.equals(body))
  t.equal((await exchange(get, 'GET', {})(setting)).status, 400)
  t.ok((await read(s3, 'p', sealed(setting.key))).equals(body))
  const md5 = createHash('md5').update('plain').digest('hex')
  const plain = await s3.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'plain' }))
  t.equal(plain.ETag, `"${md5}"`, 'the ETag of a plain object is its MD5')
})
