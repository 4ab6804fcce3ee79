// Which operation a request line means, and what it addresses.
import t from 'tap'
import { accountNameOf, detect, parseQuery, storageIdOf } from '../../../middleware/swift/detect.ts'
import { SwiftError } from '../../../middleware/swift/swift-error.ts'

function read(method: string, url: string, headers: Record<string, string> = {}, prefix = 'AUTH') {
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  return detect(method, { path, query }, headers, prefix)
}

/** Status and text of the refusal. */
function refusal(method: string, url: string, headers: Record<string, string> = {}) {
  try {
    read(method, url, headers)
  } catch (error) {
    if (error instanceof SwiftError) return error
  }
  throw new Error(`not refused: ${method} ${url}`)
}

const rows: readonly [string, string, string, Record<string, string>?][] = [
  ['GET', '/info', 'Info'],
  ['HEAD', '/info', 'Info'],
  ['OPTIONS', '/info', 'Options'],
  ['GET', '/healthcheck', 'Healthcheck'],
  ['HEAD', '/v1/AUTH_a/c/o?symlink=get', 'HeadObject'],
  ['GET', '/crossdomain.xml', 'Crossdomain'],
  ['GET', '/auth/v1.0', 'Auth'],
  ['PUT', '/auth/auth', 'Auth'],
  ['GET', '/auth', 'Auth'],
  ['HEAD', '/v1/AUTH_a', 'HeadAccount'],
  ['GET', '/v1/AUTH_a/', 'GetAccount'],
  ['PUT', '/v1.0/AUTH_a', 'PutAccount'],
  ['POST', '/v1/AUTH_a', 'PostAccount'],
  ['DELETE', '/v1/AUTH_a', 'DeleteAccount'],
  ['POST', '/v1/AUTH_a?bulk-delete', 'BulkDelete'],
  ['DELETE', '/v1/AUTH_a?bulk-delete=true', 'BulkDelete'],
  ['DELETE', '/v1/AUTH_a/c?bulk-delete', 'BulkDelete'],
  ['PUT', '/v1/AUTH_a?extract-archive=tar', 'ExtractArchive'],
  ['PUT', '/v1/AUTH_a/c?extract-archive=tar.gz', 'ExtractArchive'],
  ['PUT', '/v1/AUTH_a/c/o?extract-archive=tar.bz2', 'ExtractArchive'],
  ['HEAD', '/v1/AUTH_a/c', 'HeadContainer'],
  ['GET', '/v1/AUTH_a/c/', 'GetContainer'],
  ['GET', '/v1/AUTH_a/c?versions', 'ListVersions'],
  ['HEAD', '/v1/AUTH_a/c?versions', 'HeadContainer'],
  ['PUT', '/v1/AUTH_a/c', 'PutContainer'],
  ['POST', '/v1/AUTH_a/c', 'PostContainer'],
  ['POST', '/v1/AUTH_a/c', 'FormPost', { 'content-type': 'multipart/form-data; boundary=b' }],
  ['POST', '/v1/AUTH_a/c/p', 'FormPost', { 'content-type': 'Multipart/Form-Data;boundary=b' }],
  ['POST', '/v1/AUTH_a/c/p', 'PostObject', { 'content-type': 'multipart/form-database' }],
  ['DELETE', '/v1/AUTH_a/c', 'DeleteContainer'],
  ['HEAD', '/v1/AUTH_a/c/o', 'HeadObject'],
  ['GET', '/v1/AUTH_a/c/o', 'GetObject'],
  ['GET', '/v1/AUTH_a/c/o?multipart-manifest=get', 'GetObject'],
  ['PUT', '/v1/AUTH_a/c/o', 'PutObject'],
  ['PUT', '/v1/AUTH_a/c/o?multipart-manifest=put', 'PutManifest'],
  ['PUT', '/v1/AUTH_a/c/o?version-id=1', 'MakeCurrent'],
  ['PUT', '/v1/AUTH_a/c/o', 'CopyObject', { 'x-copy-from': 'c/p' }],
  ['PUT', '/v1/AUTH_a/c/o?version-id=1', 'CopyObject', { 'x-copy-from': 'c/p' }],
  ['POST', '/v1/AUTH_a/c/o', 'PostObject'],
  ['DELETE', '/v1/AUTH_a/c/o?multipart-manifest=delete', 'DeleteObject'],
  ['COPY', '/v1/AUTH_a/c/o', 'CopyObject'],
  ['OPTIONS', '/v1/AUTH_a/c/o', 'Options'],
]

t.test('every request line means one operation', async (t) => {
  for (const [method, url, operation, headers] of rows) {
    t.equal(read(method, url, headers).operation, operation, `${method} ${url}`)
  }
})

t.test('an object is the whole rest of the path, as it was sent', async (t) => {
  const names: readonly [string, string][] = [
    ['o', 'o'],
    ['a/b/', 'a/b/'],
    ['/o', '/o'],
    ['/', '/'],
    ['a//b', 'a//b'],
    ['.', '.'],
    ['../x/./y', '../x/./y'],
    ['a%2Fb', 'a/b'],
    ['%C3%A9+%2B', 'é++'],
    ['%EF%BB%BFx', '\ufeffx'],
    ['a%3Fb%23c', 'a?b#c'],
  ]
  for (const [sent, object] of names) {
    const found = read('GET', `/v1/AUTH_a/c/${sent}`)
    t.match(found, { container: 'c', object, level: 'object' }, sent)
  }
})

t.test('a path is decoded once, and then split', async (t) => {
  t.match(read('GET', '/v1/AUTH_a/c%2Fo'), { container: 'c', object: 'o' })
  t.match(read('GET', '/v1/AUTH_a/c%252Fo'), { container: 'c%2Fo', object: undefined })
})

t.test('the account is what follows the reseller prefix', async (t) => {
  t.match(read('GET', '/v1/AUTH_a'), { accountName: 'AUTH_a', account: 'a', container: undefined })
  t.match(read('GET', '/v1/a', {}, ''), { accountName: 'a', account: 'a' })
  for (const foreign of ['a', 'AUTH_', 'AUTH', 'SERVICE_a', 'auth_a', 'AUTH_.hidden']) {
    const found = read('GET', `/v1/${foreign}/c`)
    t.equal(found.account, undefined, foreign)
    t.equal(found.accountName, foreign)
  }
  t.equal(storageIdOf('.hidden', ''), undefined)
  t.equal(accountNameOf('a', 'AUTH'), 'AUTH_a')
  t.equal(accountNameOf('a', ''), 'a')
})

t.test('paths that name nothing are refused', async (t) => {
  for (const path of ['/v1', '/v1/', '/v1//c', '/v2', '/v1/AUTH_a//o']) {
    t.match(refusal('GET', path), { status: 412, text: 'Bad URL' }, path)
  }
  for (const path of ['/', '//AUTH_a']) t.equal(refusal('GET', path).status, 404, path)
  for (const path of ['/v2/AUTH_a', '/V1/AUTH_a', '/v1.1/AUTH_a/c']) {
    t.equal(refusal('GET', path).status, 400, path)
  }
  for (const path of ['/v1/AUTH_a/%FF', '/v1/AUTH_a/c/%00', '/v1/AUTH_a/c/%C3', '/v1/%zz']) {
    const { status, text } = refusal('GET', path)
    t.same([status, text], [412, 'Invalid UTF8 or contains NULL'], path)
  }
})

t.test('names are limited in bytes', async (t) => {
  const e = (count: number) => '%C3%A9'.repeat(count)
  t.equal(read('PUT', `/v1/AUTH_a/${'c'.repeat(256)}`).container?.length, 256)
  t.equal(read('PUT', `/v1/AUTH_a/c/${'o'.repeat(1024)}`).object?.length, 1024)
  t.equal(read('PUT', `/v1/AUTH_a/c/${e(512)}`).object?.length, 512)
  t.equal(read('GET', `/v1/AUTH_${'a'.repeat(251)}`).account?.length, 251)
  const long: readonly [string, string][] = [
    [`/v1/AUTH_a/${'c'.repeat(257)}`, 'Container name length of 257 bytes longer than 256'],
    [`/v1/AUTH_a/c/${'o'.repeat(1025)}`, 'Object name length of 1025 bytes longer than 1024'],
    [`/v1/AUTH_a/c/${e(513)}`, 'Object name length of 1026 bytes longer than 1024'],
    [`/v1/AUTH_${'a'.repeat(252)}`, 'Account name length of 257 bytes longer than 256'],
  ]
  for (const [path, text] of long) t.match(refusal('PUT', path), { status: 400, text })
})

t.test('other methods are refused with those that are allowed', async (t) => {
  const rest = 'HEAD, GET, PUT, POST, DELETE'
  t.match(refusal('PATCH', '/v1/AUTH_a'), { status: 405, headers: { Allow: `${rest}, OPTIONS` } })
  t.match(refusal('COPY', '/v1/AUTH_a/c'), { status: 405, headers: { Allow: `${rest}, OPTIONS` } })
  t.match(refusal('copy', '/v1/AUTH_a/c/o'), {
    status: 405,
    headers: { Allow: `${rest}, COPY, OPTIONS` },
  })
  t.match(refusal('POST', '/info'), { status: 405, headers: { Allow: 'HEAD, GET, OPTIONS' } })
  t.equal(refusal('constructor', '/v1/AUTH_a').status, 405)
})

t.test('parameters that ask for what is not built are refused by name', async (t) => {
  const names = ['temp_url_sig', 'temp_url_expires', 'temp_url_prefix', 'temp_url_ip_range']
  for (const name of [...names, 'symlink']) {
    const { status, text } = refusal('GET', `/v1/AUTH_a/c/o?${name}=x`)
    t.equal(status, 400, name)
    t.match(text, name)
  }
})

t.test('a query is decoded, and the first of several counts', async (t) => {
  const query = parseQuery('a=1&a=2&b+c=d%20e+f&versions&=x&é=1'.replace('é', '%C3%A9'))
  t.same(
    [...query],
    [
      ['a', '1'],
      ['b c', 'd e f'],
      ['versions', ''],
      ['é', '1'],
    ],
  )
  t.equal(parseQuery('').size, 0)
})

t.test('a customer key in the query is refused in every spelling, and not shown', async (t) => {
  for (const name of [
    'x-amz-server-side-encryption-customer-key',
    'X-Object-Encryption-Customer-Key',
    'X-Object-Encryption-Customer-Algorithm',
    'x-object-meta-encryption-key',
    'x-copy-source-object-encryption-customer-key-md5',
    'x-object-meta-encryption%2Dkey',
  ]) {
    const refused = refusal('PUT', `/v1/AUTH_a/c/o?${name}=c2VjcmV0`)
    t.match(refused, { status: 400, text: /in headers/ }, name)
    t.notMatch(refused.text, 'c2VjcmV0', name)
  }
  t.equal(read('PUT', '/v1/AUTH_a/c/o?encryption-keys=1').query.size, 1)
})

t.test('a query that cannot be read is refused', async (t) => {
  t.match(refusal('GET', '/v1/AUTH_a/c?prefix=%FF'), {
    status: 400,
    text: '"prefix" parameter not valid UTF-8',
  })
  t.equal(refusal('GET', '/v1/AUTH_a/c?marker=%zz').status, 400)
  t.equal(refusal('GET', '/v1/AUTH_a/c?%FF=1').status, 400)
  const many = (count: number) => Array.from({ length: count }, (_, i) => `p${i}=`).join('&')
  t.equal(read('GET', `/v1/AUTH_a/c?${many(1000)}`).query.size, 1000)
  t.equal(refusal('GET', `/v1/AUTH_a/c?${many(1001)}`).status, 400)
})
