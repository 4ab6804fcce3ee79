// The error document: what S3 says for each code, in the words that AWS answers with.
import t from 'tap'
import { type Code, CofferError, codes, type Details } from '../../../lib/errors.ts'
import { describeError, renderS3Error } from '../../../middleware/s3/errors.ts'
import { headerNotImplemented, methodNotAllowed, S3Error } from '../../../middleware/s3/s3-error.ts'
import type { Context } from '../../../middleware/state.ts'
import { leavesOf } from '../../helpers/xml.ts'

interface Asked {
  readonly method?: string
  readonly operation?: string
  readonly headers?: Record<string, string>
}

/** Just what rendering needs of Koa's context. */
function contextOf({ method = 'GET', operation = 'GetObject', headers = {} }: Asked = {}) {
  const sent: Record<string, string> = { 'x-amz-request-id': 'ID', etag: 'stale', vary: 'x' }
  const ctx = {
    method,
    req: { headers },
    response: { headers: sent },
    status: 0,
    body: undefined as string | undefined,
    type: '',
    set: (name: string, value: string) => void Object.assign(sent, { [name.toLowerCase()]: value }),
    remove: (name: string) => void delete sent[name],
    state: {
      requestId: 'ID',
      operation,
      target: { path: '/b/k' },
      s3: { bucket: 'b', key: 'k' },
    },
  }
  return { ctx: ctx as unknown as Context, sent }
}

function render(error: unknown, asked?: Asked) {
  const { ctx, sent } = contextOf(asked)
  renderS3Error(ctx, error)
  const body = ctx.body as string | undefined
  const elements = Object.fromEntries(body === undefined ? [] : leavesOf(body))
  return { status: ctx.status, sent, body, elements }
}

const coffer = (code: Code, details: Details = {}, asked?: Asked) =>
  render(new CofferError(code, details), asked)

const expected: readonly [Code, Details, number, string, Record<string, string>][] = [
  ['ObjectMissing', {}, 404, 'NoSuchKey', { Key: 'k' }],
  ['ObjectMissing', { object: 'source' }, 404, 'NoSuchKey', { Key: 'source' }],
  ['ContainerMissing', { container: 'x' }, 404, 'NoSuchBucket', { BucketName: 'x' }],
  ['ContainerNotEmpty', {}, 409, 'BucketNotEmpty', { BucketName: 'b' }],
  ['ContainerExists', {}, 409, 'BucketAlreadyOwnedByYou', { BucketName: 'b' }],
  ['ContainerTaken', {}, 409, 'BucketAlreadyExists', { BucketName: 'b' }],
  ['VersionMissing', { version: 'v' }, 404, 'NoSuchVersion', { Key: 'k', VersionId: 'v' }],
  [
    'PreconditionFailed',
    { condition: 'ifMatch' },
    412,
    'PreconditionFailed',
    { Condition: 'If-Match' },
  ],
  [
    'RangeUnsatisfiable',
    { size: 8, range: 'bytes=9-' },
    416,
    'InvalidRange',
    { ActualObjectSize: '8', RangeRequested: 'bytes=9-' },
  ],
  [
    'PartNumberUnsatisfiable',
    { part: 10, parts: 2 },
    416,
    'InvalidPartNumber',
    { ActualPartCount: '2', PartNumberRequested: '10' },
  ],
  [
    'DigestMismatch',
    { expected: 'CYketZBSTvw3Jz7c3cXVlg==', computed: 'Q3uTDbhLgHnC3YBKcZNrXw==' },
    400,
    'BadDigest',
    {
      CalculatedDigest: 'Q3uTDbhLgHnC3YBKcZNrXw==',
      ExpectedDigest: '09891eb590524efc37273edcddc5d596',
    },
  ],
  [
    'DigestInvalid',
    { value: '__invalid__' },
    400,
    'InvalidDigest',
    { 'Content-MD5': '__invalid__' },
  ],
  [
    'ChecksumMismatch',
    { algorithm: 'crc32c' },
    400,
    'BadDigest',
    { Message: 'The CRC32C you specified did not match the calculated checksum.' },
  ],
  [
    'PartTooSmall',
    { part: 1, etag: 'e', size: 4, limit: 5242880 },
    400,
    'EntityTooSmall',
    { ETag: 'e', MinSizeAllowed: '5242880', PartNumber: '1', ProposedSize: '4' },
  ],
  [
    'PartMissing',
    { part: 2, etag: 'e', upload: 'u' },
    400,
    'InvalidPart',
    { ETag: 'e', PartNumber: '2', UploadId: 'u' },
  ],
  ['UploadMissing', { upload: 'u' }, 404, 'NoSuchUpload', { UploadId: 'u' }],
  [
    'UploadSizeMismatch',
    { claimed: 5, computed: 4 },
    400,
    'InvalidRequest',
    {
      Message:
        "The provided 'x-amz-mp-object-size' header value 5 does not match what was computed: 4",
    },
  ],
  [
    'SignatureExpired',
    { expires: 'a', serverTime: 'b' },
    403,
    'AccessDenied',
    { Message: 'Request has expired', Expires: 'a', ServerTime: 'b' },
  ],
  [
    'HeadersUnsigned',
    { headers: 'x-amz-date' },
    403,
    'AccessDenied',
    { HeadersNotSigned: 'x-amz-date' },
  ],
  [
    'SignatureMismatch',
    { accessKey: 'AK', stringToSign: 'AB', signature: 's' },
    403,
    'SignatureDoesNotMatch',
    {
      AWSAccessKeyId: 'AK',
      StringToSign: 'AB',
      StringToSignBytes: '41 42',
      SignatureProvided: 's',
    },
  ],
  [
    'KeyAlgorithmInvalid',
    { value: 'KMS' },
    400,
    'InvalidEncryptionAlgorithmError',
    { ArgumentName: 'x-amz-server-side-encryption', ArgumentValue: 'KMS' },
  ],
  [
    'KeyInvalid',
    { message: 'M' },
    400,
    'InvalidArgument',
    { Message: 'M', ArgumentName: 'x-amz-server-side-encryption', ArgumentValue: 'null' },
  ],
  ['KeyInsecure', { rule: 'R' }, 400, 'InvalidArgument', { additionalMessage: 'R' }],
  ['KeyWrong', {}, 403, 'AccessDenied', {}],
  ['KeyWrong', { status: 400 }, 400, 'InvalidRequest', {}],
  ['KeyWrong', { status: 403 }, 403, 'AccessDenied', {}],
  [
    'VersionInvalid',
    { version: 'x' },
    400,
    'InvalidArgument',
    { ArgumentName: 'versionId', ArgumentValue: 'x' },
  ],
  ['StoreCorrupt', { object: 'k' }, 500, 'InternalError', { Resource: '/b/k' }],
]

t.test('each cause has the status, the code and the elements that AWS gives it', async (t) => {
  for (const [code, details, status, name, elements] of expected) {
    const answer = coffer(code, details)
    t.equal(answer.status, status, code)
    t.match(answer.elements, { Code: name, ...elements }, code)
  }
})

const given = { size: 1, limit: 2, claimed: 3, computed: 4, condition: 'ifMatch' }

t.test('every code has a status, a message and the request id', async (t) => {
  for (const code of codes) {
    const { status, elements, body } = coffer(code, given)
    if (code === 'NotModified') continue
    t.ok(status >= 400 && status < 600, code)
    t.match(elements, { Code: /^[A-Z]\w+/, Message: /\S/, RequestId: 'ID', HostId: /\S/ }, code)
    t.notMatch(body, /undefined|NaN/, code)
  }
})

t.test('an unknown error is ours and says nothing of itself', async (t) => {
  const { status, elements, body } = render(new Error('secret path'))
  t.equal(status, 500)
  t.equal(elements.Code, 'InternalError')
  t.notMatch(body, /secret/)
  t.equal(render(undefined).status, 500)
})

t.test('the message is never empty', async (t) => {
  t.equal(render(new S3Error(400, 'Code', '')).elements.Message, 'Code')
})

t.test('what may be a key in the wrong header is not repeated', async (t) => {
  const value = Buffer.alloc(32, 1).toString('base64')
  t.notOk(coffer('KeyAlgorithmInvalid', { value }).body?.includes(value))
  t.notOk(coffer('KeyInvalid', { message: 'M', value }).body?.includes(value))
})

t.test('HEAD has a status and no body; 304 has its ETag', async (t) => {
  const head = coffer('ObjectMissing', {}, { method: 'HEAD' })
  t.match(head, { status: 404, body: undefined })
  const unchanged = coffer('NotModified', { etag: 'e', modifiedMicros: 1_700_000_000_000_000 })
  t.match(unchanged, { status: 304, body: undefined })
  t.match(unchanged.sent, { etag: '"e"', 'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT' })
})

t.test('headers of the answer that was begun go, the request id stays', async (t) => {
  t.same(coffer('ContainerMissing').sent, { 'x-amz-request-id': 'ID' })
})

t.test('405 says what is allowed, and that a delete marker is in the way', async (t) => {
  t.equal(render(methodNotAllowed('PUT', ['GET', 'HEAD'], 'BUCKET')).sent.allow, 'GET, HEAD')
  const marker = coffer('VersionIsMarker', { version: 'v', timeMicros: 1_700_000_000_900_000 })
  t.match(marker.sent, {
    allow: 'DELETE',
    'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
    'x-amz-delete-marker': 'true',
    'x-amz-version-id': 'v',
  })
  t.match(marker.elements, { Method: 'GET', ResourceType: 'DeleteMarker' })
})

t.test(
  'a 404 tells of the delete marker that hides the object, where it was to be read',
  async (t) => {
    const hidden = (operation: string, marker?: string) =>
      coffer('ObjectMissing', { marker }, { operation }).sent
    const told = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': 'v' }
    t.match(hidden('GetObject', 'v'), told)
    t.match(hidden('GetObjectTagging', 'v'), told)
    t.match(hidden('HeadObject'), { 'x-amz-delete-marker': 'false', 'x-amz-version-id': undefined })
    t.notOk('x-amz-delete-marker' in hidden('GetObjectTagging'))
    t.notOk('x-amz-delete-marker' in hidden('PutObject', 'v'))
    t.notOk('x-amz-delete-marker' in hidden('CopyObject', 'v'))
  },
)

t.test('a bucket with versions is not empty, and says why', async (t) => {
  t.notMatch(coffer('ContainerNotEmpty').elements.Message, /version/)
  t.match(coffer('ContainerNotEmpty', { versions: 1 }).elements.Message, /delete all versions/)
})

t.test('on copies the source is to blame in other words', async (t) => {
  const copy = { operation: 'CopyObject', headers: { 'x-amz-copy-source-if-match': 'e' } }
  t.match(coffer('KeyWrong', {}, copy), { status: 400, elements: { Code: 'InvalidRequest' } })
  t.match(coffer('VersionIsMarker', {}, copy).elements, { Code: 'InvalidRequest' })
  const failed = (condition: string) =>
    coffer('PreconditionFailed', { condition }, copy).elements.Condition
  t.equal(failed('ifMatch'), 'x-amz-copy-source-If-Match')
  t.equal(failed('ifNoneMatch'), 'If-None-Match', "the target's own")
})

t.test('a copy range behind the source is told from one that ends there', async (t) => {
  const ranged = (range: string) =>
    coffer(
      'CopySourceRangeInvalid',
      { size: 10 },
      { operation: 'UploadPartCopy', headers: { 'x-amz-copy-source-range': range } },
    ).elements
  t.match(ranged('bytes=0-100'), {
    Code: 'InvalidArgument',
    Message: 'Range specified is not valid for source object of size: 10',
    ArgumentValue: 'bytes=0-100',
  })
  t.match(ranged('bytes=100-200'), { Code: 'InvalidRequest' })
})

t.test('a header that asks for too much is named', async (t) => {
  const { status, elements } = render(headerNotImplemented('x-amz-tagging'))
  t.equal(status, 501)
  t.match(elements, { Code: 'NotImplemented', Header: 'x-amz-tagging' })
})

t.test('DeleteObjects lists the same code and message', async (t) => {
  const { ctx } = contextOf()
  t.match(describeError(ctx, new CofferError('AccessDenied')), {
    code: 'AccessDenied',
    message: 'Access Denied',
  })
})
