// Which dialect a request speaks, rule by rule and in their order (D-DIALECT).
import t from 'tap'
import { dialectOf } from '../../middleware/dialect.ts'

const rules = { domains: ['s3.test'], remapDomains: ['swift.test'], resellers: ['AUTH', 'SERVICE'] }
const ask = (path: string, headers: Record<string, string> = {}, query = '', host = '127.0.0.1') =>
  dialectOf({ path, query, host }, headers, rules)

t.test('a signature makes it S3, whatever the path and the other headers', async (t) => {
  const token = { 'x-auth-token': 'AUTH_tk1' }
  t.equal(ask('/v1/AUTH_test', { ...token, authorization: 'AWS4-HMAC-SHA256 …' }), 's3')
  t.equal(ask('/info', { authorization: 'AWS key:signature' }), 's3')
  for (const name of [
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Signature',
    'AWSAccessKeyId',
    'Signature',
  ]) {
    t.equal(ask('/v1/b', token, `a=1&${name}=x`), 's3', name)
  }
  t.equal(ask('/v1/b', {}, 'xSignature=1'), 'swift', 'only whole names count')
})

t.test('a token makes it Swift, whatever the path', async (t) => {
  for (const name of ['x-auth-token', 'x-storage-token', 'x-auth-user']) {
    t.equal(ask('/bucket/key', { [name]: 'x' }), 'swift', name)
  }
})

t.test('a virtual host makes it S3, a remapped account Swift', async (t) => {
  t.equal(ask('/v1', {}, '', 'bucket.s3.test'), 's3')
  t.equal(ask('/o', {}, '', 'c.auth_test.swift.test'), 'swift')
  t.equal(ask('/o', {}, '', 'c.auth-test.swift.test'), 'swift')
  t.equal(ask('/o', {}, '', 'c.nobody.swift.test'), 's3')
  t.equal(ask('/v1', {}, '', 's3.test'), 'swift', 'the bare domain has no bucket')
})

t.test("Swift's own paths are Swift's, and their look-alikes are not", async (t) => {
  for (const path of [
    '/info',
    '/healthcheck',
    '/crossdomain.xml',
    '/auth',
    '/auth/v1.0',
    '/v1',
    '/v1/AUTH_a/c/o',
    '/v1.0/x',
  ]) {
    t.equal(ask(path), 'swift', path)
  }
  for (const path of [
    '/',
    '/info/',
    '/infos',
    '/v2/x',
    '/v10',
    '/authx',
    '/bucket',
    '//v1',
    '/%76%31',
  ]) {
    t.equal(ask(path), 's3', path)
  }
})

t.test('everything else is S3: anonymous reads, forms, a malformed Authorization', async (t) => {
  t.equal(ask('/bucket/key', { authorization: 'Bearer x' }), 's3')
  t.equal(ask('/bucket/key'), 's3')
})
