// The request line: bucket, key and query.
import t from 'tap'
import { bucketOfHost } from '../../../lib/auth/virtual-host.ts'
import { decodePercent } from '../../../middleware/http/percent.ts'
import { addressOf, parseQuery } from '../../../middleware/s3/target.ts'

const domains = ['s3.test', 'deep.s3.test']
const address = (path: string, host = 'localhost') => addressOf({ path, host }, domains)

t.test('path style names a bucket and a key, byte for byte', async (t) => {
  t.same(address('/'), { bucket: undefined, key: undefined })
  t.same(address('/b'), { bucket: 'b', key: undefined })
  t.same(address('/b/'), { bucket: 'b', key: undefined })
  t.same(address('/b/k'), { bucket: 'b', key: 'k' })
  t.same(address('/b//k'), { bucket: 'b', key: '/k' })
  t.same(address('/b/a/../k/.'), { bucket: 'b', key: 'a/../k/.' })
  t.same(address('/b/a%2Fb+c%20d'), { bucket: 'b', key: 'a/b+c d' })
  t.same(address('/b/%E2%82%AC'), { bucket: 'b', key: '€' })
  t.same(address('/b/\u00e2\u0082\u00ac'), { bucket: 'b', key: '€' }, 'raw bytes of UTF-8')
  t.same(address('/b/%EF%BB%BFk'), { bucket: 'b', key: '\ufeffk' }, 'a byte-order mark stays')
  t.same(address('/b/%00'), { bucket: 'b', key: '\u0000' })
})

t.test('a virtual host names the bucket, by the longest domain that fits', async (t) => {
  t.same(address('/k/l', 'b.s3.test'), { bucket: 'b', key: 'k/l' })
  t.same(address('/', 'b.s3.test'), { bucket: 'b', key: undefined })
  t.same(address('/k', 'b.deep.s3.test'), { bucket: 'b', key: 'k' })
  t.same(address('/b/k', 's3.test'), { bucket: 'b', key: 'k' })
  t.equal(bucketOfHost('a.b.s3.test', domains), 'a.b')
  t.equal(bucketOfHost('.s3.test', domains), undefined)
  t.equal(bucketOfHost('bs3.test', domains), undefined)
})

t.test('an escape that cannot be read is InvalidURI', async (t) => {
  for (const path of [
    '/b/%',
    '/b/%4',
    '/b/%zz',
    '/b/%ff',
    '/b/%C0%80',
    '/b/%ED%A0%80',
    '/%',
    'x',
  ]) {
    t.throws(() => address(path), { code: 'InvalidURI', status: 400 }, path)
  }
  t.throws(() => parseQuery('a=%f'), { code: 'InvalidURI' })
})

t.test('a bucket that no container can be called is InvalidBucketName', async (t) => {
  for (const path of ['//k', '/a%2Fb/k', `/${'x'.repeat(257)}/k`]) {
    t.throws(() => address(path), { code: 'InvalidBucketName', status: 400 }, path)
  }
  for (const label of ['a%62', 'a b', 'a/b', 'a,b', 'ü']) {
    t.throws(() => address('/k', `${label}.s3.test`), { code: 'InvalidBucketName' }, label)
  }
  t.equal(address(`/${'x'.repeat(256)}/k`).bucket?.length, 256)
})

t.test('a query decodes plus to a space', async (t) => {
  t.same(
    [...parseQuery('prefix=a+b%2Bc&acl&=y&&e=')],
    [
      ['prefix', 'a b+c'],
      ['acl', ''],
      ['e', ''],
    ],
  )
})

t.test('a parameter that comes twice with two values is refused where it is read', async (t) => {
  const query = parseQuery('x=1&x=2&%78=3&same=1&same=1&y=2')
  t.equal(query.get('y'), '2')
  t.equal(query.get('same'), '1')
  for (const read of [() => query.get('x'), () => query.has('x')]) {
    t.throws(read, { status: 400, code: 'InvalidArgument', elements: { ArgumentName: 'x' } })
  }
})

t.test('of a customer key in the query only the name is kept', async (t) => {
  const name = 'x-amz-server-side-encryption-customer-'
  const query = parseQuery(`${name}key=secret&X-Amz-Copy-Source-${name.slice(6)}Key=s&a=m`)
  t.same(
    [...query],
    [
      [`${name}key`, ''],
      [`X-Amz-Copy-Source-${name.slice(6)}Key`, ''],
      ['a', 'm'],
    ],
  )
})

t.test('a thousand parameters are read, more are refused', async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `p${i}=${i}`).join('&')
  t.equal(parseQuery(many(1000)).size, 1000)
  t.throws(() => parseQuery(many(1001)), { code: 'InvalidURI' })
  t.throws(() => parseQuery('&'.repeat(1_000_000)), { code: 'InvalidURI' })
})

t.test('text beyond one byte a character was not on the wire', async (t) => {
  t.equal(decodePercent('€', false), undefined)
  t.equal(decodePercent('plain', false), 'plain')
})
