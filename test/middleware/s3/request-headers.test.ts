// What the dialect reads from headers: conditions, checksums, copy sources, numbers, tokens.
import t from 'tap'
import { claimedChecksum, uploadChecksum } from '../../../middleware/s3/checksums.ts'
import {
  conditionsOf,
  rangesForOf,
  readS3Date,
  sourceConditionsOf,
  writeConditionsOf,
} from '../../../middleware/s3/conditions.ts'
import type { Context } from '../../../middleware/s3/context.ts'
import { copyRangeOf, parseCopySource } from '../../../middleware/s3/copy-source.ts'
import { contentHeaders, partNumberOf, versionIdOf } from '../../../middleware/s3/headers.ts'
import { type Screen, screen } from '../../../middleware/s3/screens.ts'
import { readToken, writeToken } from '../../../middleware/s3/tokens.ts'

type Headers = Readonly<Record<string, string>>
const from = (headers: Headers) => (name: string) => headers[name]
const context = (headers: Headers) => {
  const lines = Object.entries(headers).map(([name, value]) => [name, [value]])
  const req = { headers, headersDistinct: Object.fromEntries(lines) }
  return { req, state: {} } as unknown as Context
}

t.test('ETags come with and without quotes, alone and in lists', async (t) => {
  const match = (value: string) => conditionsOf(context({ 'if-match': value }))?.ifMatch
  t.same(match('"a"'), ['a'])
  t.same(match('a'), ['a'])
  t.same(match('"a", "b" ,c,, "d"'), ['a', 'b', 'c', 'd'])
  t.same(match('"a,b" , "c"'), ['a,b', 'c'], 'a comma within quotes parts none')
  t.same(match('"a,b'), ['"a', 'b'], 'but a quote left open is none')
  t.equal(match('*'), '*')
  t.same(match('"*"'), ['*'], 'in quotes it is an ETag like others')
  t.equal(conditionsOf(context({})), undefined)
})

t.test(
  'a weak ETag is like none for If-Match, and like the strong one for If-None-Match',
  async (t) => {
    const of = (name: string, value: string) => conditionsOf(context({ [name]: value }))
    t.same(of('if-match', 'W/"a"'), { ifMatch: [] })
    t.same(of('if-match', '"a", W/"b", W/c'), { ifMatch: ['a'] })
    t.same(of('if-none-match', '"a", W/"b", W/c'), { ifNoneMatch: ['a', 'b', 'c'] })
    t.same(of('if-none-match', 'w/"a"'), { ifNoneMatch: ['w/"a"'] }, 'the mark has one case')
  },
)

t.test('a list of ETags takes time in proportion to its length', async (t) => {
  for (const piece of ['"', '",', '"a"', ' "', 'W/"', '\t']) {
    const value = piece.repeat(16_384 / piece.length)
    t.ok(conditionsOf(context({ 'if-match': value })), JSON.stringify(piece))
  }
})

t.test('a range is for an ETag or a date, or for nothing that can be', async (t) => {
  const of = (value: string) => rangesForOf(context({ 'if-range': value }))
  t.same(of('"a"'), { etag: 'a' })
  t.same(of('a'), { etag: 'a' }, 'without quotes, as some clients send it')
  t.same(of('Tue, 14 Nov 2023 22:13:20 GMT'), { modifiedSeconds: 1_700_000_000 })
  for (const bad of ['W/"a"', '*', '"a", "b"', '', ' ']) t.equal(of(bad), null, bad)
  t.equal(rangesForOf(context({})), undefined)
})

t.test('dates that cannot be read set no condition', async (t) => {
  const headers = {
    'if-modified-since': 'Tue, 14 Nov 2023 22:13:20 GMT',
    'if-unmodified-since': 'yesterday',
  }
  t.same(conditionsOf(context(headers)), { ifModifiedSinceMicros: 1_700_000_000_000_000 })
  t.equal(writeConditionsOf(context(headers)), undefined, 'nor does If-Modified-Since on a write')
  t.equal(readS3Date('2023-11-14T22:13:20.500Z'), 1_700_000_000)
  t.equal(readS3Date('2023-11-14T23:13:20+01:00'), 1_700_000_000)
  for (const bad of ['2023-11-14T22:13:20', '2023-11-14', '1700000000', '2023-13-14T22:13:20Z']) {
    t.equal(readS3Date(bad), undefined, bad)
  }
})

t.test("a copy source's conditions have names of their own", async (t) => {
  const headers = { 'x-amz-copy-source-if-none-match': '"s"', 'if-none-match': '*' }
  t.same(sourceConditionsOf(from(headers)), { ifNoneMatch: ['s'] })
  t.same(writeConditionsOf(context(headers)), { ifNoneMatch: '*' })
  const since = { 'x-amz-copy-source-if-modified-since': '2023-11-14T22:13:20Z' }
  t.same(sourceConditionsOf(from(since)), { ifModifiedSinceMicros: 1_700_000_000_000_000 })
})

t.test('a copy source is a bucket, a key and perhaps a version', async (t) => {
  const key = (value: string) => parseCopySource(value)
  const named = (bucket: string, key: string, versionId?: string) => ({
    candidates: [{ bucket, key }],
    versionId,
  })
  t.same(key('/b/k'), named('b', 'k'))
  t.same(key('b/a/b%20c%2Bd'), named('b', 'a/b c+d'))
  t.same(key('b/k%3FversionId=1?versionId=null'), named('b', 'k?versionId=1', 'null'))
  t.same(key('b/k?versionId=%6eull'), named('b', 'k', 'null'))
  t.same(key('b//k'), named('b', '/k'))
  t.same(key('%2Fb%2Fk'), named('b', 'k'))
  const either = [
    { bucket: 'b', key: 'c+d e+f' },
    { bucket: 'b', key: 'c d e+f' },
  ]
  t.same(key('b/c+d%20e%2Bf').candidates, either, 'a bare plus is a plus, or else a space')
  for (const bad of [
    '',
    '/',
    'b',
    '/b',
    'b/',
    'b/%',
    'b/%zz',
    'b/%ff',
    'b/k?versionId=',
    'b/k?versionId=%',
  ]) {
    t.throws(() => key(bad), { code: 'InvalidArgument', status: 400 }, bad)
  }
})

t.test('a copy range has both ends', async (t) => {
  const range = (value?: string) =>
    copyRangeOf(context(value === undefined ? {} : { 'x-amz-copy-source-range': value }))
  t.equal(range(), undefined)
  t.same(range('bytes=0-0'), { first: 0, last: 0 })
  t.same(range('bytes=5-10'), { first: 5, last: 10 })
  for (const bad of ['', '0-8', 'bytes=0', 'bytes=-5', 'bytes=5-', 'bytes=5-4', 'bytes=0-2,3-5']) {
    t.throws(() => range(bad), { code: 'InvalidArgument' }, bad)
  }
})

t.test('aws-chunked is not kept, other codings are', async (t) => {
  const encoding = (value: string) => contentHeaders(from({ 'content-encoding': value })).encoding
  t.equal(encoding('aws-chunked'), undefined)
  t.equal(encoding('gzip, aws-chunked'), 'gzip')
  t.equal(encoding('AWS-Chunked,br'), 'br')
  t.equal(encoding('gzip'), 'gzip')
  t.same(contentHeaders(from({})), { type: 'binary/octet-stream' })
  t.equal(contentHeaders(from({ 'content-type': '' })).type, 'binary/octet-stream')
})

t.test('part numbers are 1 to 10,000', async (t) => {
  const part = (value: string) => partNumberOf(new Map([['partNumber', value]]))
  t.equal(partNumberOf(new Map()), undefined)
  t.equal(part('1'), 1)
  t.equal(part('10000'), 10_000)
  for (const bad of ['0', '10001', '-1', '', 'x', '1.0', ' 1', '9'.repeat(40)]) {
    t.throws(
      () => part(bad),
      { message: 'Part number must be an integer between 1 and 10000, inclusive' },
      bad,
    )
  }
})

t.test('a version id is never empty', async (t) => {
  t.equal(versionIdOf(new Map([['versionId', 'null']])), 'null')
  t.throws(() => versionIdOf(new Map([['versionId', '']])), { code: 'InvalidArgument' })
})

t.test('an upload chooses algorithm and type, and only pairs that exist', async (t) => {
  const choose = (algorithm?: string, type?: string) =>
    uploadChecksum(
      from({
        ...(algorithm && { 'x-amz-checksum-algorithm': algorithm }),
        ...(type && { 'x-amz-checksum-type': type }),
      }),
    )
  t.equal(choose(), undefined)
  t.same(choose('CRC32'), { algorithm: 'crc32', type: 'COMPOSITE' })
  t.same(choose('crc64nvme'), { algorithm: 'crc64nvme', type: 'FULL_OBJECT' })
  t.same(choose('CRC32C', 'full_object'), { algorithm: 'crc32c', type: 'FULL_OBJECT' })
  const refusals: readonly [string | undefined, string, string][] = [
    [
      'SHA256',
      'FULL_OBJECT',
      'The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm.',
    ],
    [
      'CRC64NVME',
      'COMPOSITE',
      'The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.',
    ],
    [
      undefined,
      'COMPOSITE',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    ],
    ['CRC32', 'HALF', 'Value for x-amz-checksum-type header is invalid.'],
  ]
  for (const [algorithm, type, message] of refusals) {
    t.throws(() => choose(algorithm, type), { code: 'InvalidRequest', message })
  }
  t.throws(() => choose('MD4'), { message: /^Checksum algorithm provided is unsupported/ })
})

t.test('a Complete may claim one checksum of the whole', async (t) => {
  t.same(claimedChecksum(from({ 'x-amz-checksum-sha1': 'qqo=-2', 'x-amz-checksum-type': 'x' })), {
    algorithm: 'sha1',
    value: 'qqo=-2',
  })
  t.equal(claimedChecksum(from({ 'x-amz-checksum-algorithm': 'CRC32' })), undefined)
  t.throws(() => claimedChecksum(from({ 'x-amz-checksum-crc32': '<x>' })), {
    message: 'Value for x-amz-checksum-crc32 header is invalid.',
  })
  const both = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha1': 'qqo=' }
  t.throws(() => claimedChecksum(from(both)), { message: /^Expecting a single/ })
})

t.test('a token is read back, and nothing else is one', async (t) => {
  for (const name of ['a', 'ü/€', '\u0000', 'x'.repeat(1024)]) {
    t.equal(readToken(writeToken(name)), name)
  }
  t.equal(readToken(undefined), undefined)
  t.equal(readToken(''), undefined)
  for (const bad of ['a', 'bad-token', 'AAAA', Buffer.from('name').toString('base64'), '*']) {
    t.throws(() => readToken(bad), { message: 'The continuation token provided is incorrect' }, bad)
  }
})

t.test('headers that ask for what is not built are refused by name', async (t) => {
  const refusals: readonly [Screen, string, string, number, string][] = [
    ['acl', 'x-amz-acl', 'public-read', 400, 'AccessControlListNotSupported'],
    ['acl', 'x-amz-acl', 'fake-acl', 400, 'InvalidArgument'],
    ['acl', 'x-amz-grant-read', 'id=x', 400, 'AccessControlListNotSupported'],
    ['storageClass', 'x-amz-storage-class', 'GLACIER', 501, 'NotImplemented'],
    ['storageClass', 'x-amz-storage-class', 'OUTPOSTS', 400, 'InvalidStorageClass'],
    ['tagging', 'x-amz-tagging', 'a=b', 501, 'NotImplemented'],
    ['lock', 'x-amz-object-lock-mode', 'GOVERNANCE', 501, 'NotImplemented'],
    ['lock', 'x-amz-object-lock-legal-hold', 'ON', 501, 'NotImplemented'],
    ['redirect', 'x-amz-website-redirect-location', '/x', 501, 'NotImplemented'],
    ['append', 'x-amz-write-offset-bytes', '5', 501, 'NotImplemented'],
    ['encryption', 'x-amz-server-side-encryption', 'aws:kms', 501, 'NotImplemented'],
    ['encryption', 'x-amz-server-side-encryption', 'AES-256', 400, 'InvalidArgument'],
    ['encryption', 'x-amz-server-side-encryption-aws-kms-key-id', 'x', 400, 'InvalidArgument'],
    [
      'encryption',
      'x-amz-server-side-encryption-bucket-key-enabled',
      'true',
      501,
      'NotImplemented',
    ],
    ['noEncryption', 'x-amz-server-side-encryption', 'AES256', 400, 'InvalidArgument'],
    ['deletion', 'x-amz-bypass-governance-retention', 'true', 400, 'InvalidArgument'],
    ['bucket', 'x-amz-bucket-object-lock-enabled', 'true', 501, 'NotImplemented'],
    ['bucket', 'x-amz-object-ownership', 'ObjectWriter', 501, 'NotImplemented'],
    ['bucket', 'x-amz-object-ownership', 'RandomValue', 400, 'InvalidArgument'],
  ]
  for (const [name, header, value, status, code] of refusals) {
    t.throws(() => screen(context({ [header]: value }), [name]), { status, code }, header)
  }
  const kms = {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'k',
  }
  t.throws(() => screen(context(kms), ['encryption']), { code: 'KMS.NotFoundException' })
  t.throws(() => screen(context({ 'x-amz-acl': 'private', 'x-amz-grant-read': 'id=x' }), ['acl']), {
    message: 'Specifying both Canned ACLs and Header Grants is not allowed',
  })
})

t.test('headers that ask for what is there anyway pass', async (t) => {
  const headers = {
    'x-amz-acl': 'bucket-owner-full-control',
    'x-amz-storage-class': 'STANDARD',
    'x-amz-server-side-encryption': 'AES256',
    'x-amz-tagging': '',
    'x-amz-bucket-object-lock-enabled': 'false',
    'x-amz-object-ownership': 'BucketOwnerEnforced',
  }
  const all: Screen[] = ['acl', 'storageClass', 'encryption', 'tagging', 'bucket', 'lock']
  t.doesNotThrow(() => screen(context(headers), all))
})
