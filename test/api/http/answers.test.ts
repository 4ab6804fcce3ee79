// Rows of docs/http.md about representations and answers, over sockets of their own.
import t from 'tap'
import { rule } from '../../helpers/rules.ts'
import { customerKey, hexMd5, withKey } from '../../helpers/s3.ts'
import {
  ask,
  keptHeaders,
  objectHeaders,
  speak,
  startWire,
  type WireAnswer,
} from '../../helpers/wire.ts'

const wire = await startWire(t)
const { base, root, sides, token } = wire
const [s3, swift] = sides
const own = [`X-Auth-Token: ${token}`]

const httpDate = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

/** Refusals of many kinds, with their statuses. */
const refusals: readonly (readonly [status: number, ask: () => Promise<WireAnswer>])[] = [
  [400, () => ask(base, 'GET', '/bkt/o?versionId=')],
  [400, () => ask(base, 'GET', '/v2/AUTH_test/bkt/o', own)],
  [401, () => ask(base, 'GET', root)],
  [403, () => ask(base, 'GET', '/')],
  [404, () => s3.read('GET', 'none')],
  [404, () => swift.read('GET', 'none')],
  [405, () => s3.read('PATCH', 'o')],
  [405, () => swift.read('PATCH', 'o')],
  [406, () => ask(base, 'GET', `${root}/bkt`, [...own, 'Accept: image/png'])],
  [411, () => ask(base, 'PUT', swift.path('x'), own)],
  [412, () => s3.read('GET', 'o', ['If-Match: "x"'])],
  [416, () => s3.read('GET', 'o', ['Range: bytes=99-'])],
  [416, () => swift.read('GET', 'o', ['Range: bytes=99-'])],
  [501, () => ask(base, 'LICK', '/bkt/o')],
]

rule('date-sent', async (t) => {
  const unparsed = async (text: string) => (await speak(base, text))[0]!
  const answers = [
    await s3.read('GET', 'o'),
    await s3.read('GET', 'o', ['If-None-Match: *']),
    await swift.read('GET', 'o', ['If-None-Match: *']),
    await s3.write('DELETE', 'none'),
    ...(await Promise.all(refusals.map(([, request]) => request()))),
    await unparsed(`GET /bkt/o HTTP/1.1\r\nHost: h\r\nX A\r\n\r\n`),
    await unparsed(`GET ${root} HTTP/1.1\r\nHost: h\r\nX A\r\n\r\n`),
    await unparsed('CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n'),
  ]
  for (const { status, header } of answers) t.match(header('date'), httpDate, String(status))
  for (const side of sides) {
    t.match((await side.read('GET', 'o')).header('last-modified'), httpDate)
  }
})

rule('method-get-head', async (t) => {
  for (const method of ['GET', 'HEAD']) {
    for (const target of [
      '/bkt',
      '/bkt/o',
      `${root}/bkt`,
      `${root}/bkt/o`,
      '/info',
      '/healthcheck',
    ]) {
      t.match(String((await ask(base, method, target)).status), /^20[04]$/, `${method} ${target}`)
    }
    t.match(String((await ask(base, method, root, own)).status), /^20[04]$/)
  }
  t.equal((await wire.s3('GET', '/')).status, 200)
})

rule('answer-length', async (t) => {
  const requests = [
    () => s3.read('GET', 'o'),
    () => swift.read('GET', 'o'),
    () => swift.read('GET', 'o', ['Range: bytes=0-1,3-4']),
    () => ask(base, 'GET', '/bkt'),
    () => ask(base, 'GET', `${root}/bkt`),
    () => swift.write('PUT', 'x'),
    () => s3.write('PUT', 'x'),
    ...refusals.map(([, request]) => request),
  ]
  for (const request of requests) {
    const { header, text, status } = await request()
    t.equal(header('content-length'), String(text.length), String(status))
  }
})

rule('content-type', async (t) => {
  for (const side of sides) {
    t.equal((await side.read('GET', 'o')).header('content-type'), 'text/x-digits')
    t.equal((await side.read('GET', 'none')).header('content-type') === undefined, false)
  }
  t.equal((await ask(base, 'GET', '/bkt')).header('content-type'), 'application/xml')
  t.match((await ask(base, 'GET', `${root}/bkt`)).header('content-type'), /^text\/plain/)
})

rule('content-encoding', async (t) => {
  for (const side of sides) {
    for (const fields of [[], ['Accept-Encoding: gzip'], ['Accept-Encoding: x-none']]) {
      const { header, text } = await side.read('GET', 'o', fields)
      t.match([header('content-encoding'), text], ['x-none', '0123456789'])
    }
  }
})

rule('accept-encoding', async (t) => {
  await s3.write('PUT', 'plain', [], 'a'.repeat(10_000))
  for (const side of sides) {
    for (const value of ['gzip', 'br;q=1, identity;q=0.5', '*;q=0', '']) {
      const { status, header, text } = await side.read('GET', 'plain', [
        `Accept-Encoding: ${value}`,
      ])
      t.match([status, header('content-encoding'), text.length], [200, undefined, 10_000], value)
    }
  }
})

rule('content-location', async (t) => {
  for (const side of sides) {
    await side.write('PUT', 'located', ['Content-Location: /bkt/elsewhere'], 'x')
    const { status, header } = await side.read('GET', 'located')
    t.match([status, header('content-location')], [200, undefined])
    t.equal((await side.read('GET', 'elsewhere')).status, 404)
  }
})

rule('last-modified', async (t) => {
  for (const [i, side] of sides.entries()) {
    await side.write('PUT', 'dated', [], 'x')
    for (const method of ['GET', 'HEAD']) {
      const { header } = await side.read(method, 'dated')
      const ahead = Date.parse(header('last-modified')!) - Date.parse(header('date')!)
      t.ok(ahead <= i * 1000, `${side.dialect} ${method}: ${ahead} ms ahead of Date`)
    }
  }
})

rule('etag', async (t) => {
  const md5 = hexMd5('0123456789')
  t.equal((await s3.read('GET', 'o')).header('etag'), `"${md5}"`)
  t.equal((await swift.read('GET', 'o')).header('etag'), md5)
  const key = customerKey('k')
  await wire.s3('PUT', '/bkt/sealed', withKey(key, { body: 'x' }))
  for (const client of [wire.s3, wire.swift]) {
    const { headers } = await client('GET', '/bkt/sealed', withKey(key))
    t.match(headers.etag, /^"[0-9a-f]{32}"$/, 'strong, and no MD5, so in quotes')
  }
})

rule('etag-changes', async (t) => {
  for (const options of [{}, withKey(customerKey('k'))]) {
    const put = async (body: string) =>
      String((await wire.s3('PUT', '/bkt/changed', { ...options, body })).headers.etag)
    const etags = [await put('a'), await put('b'), await put('ab')]
    t.equal(new Set(etags).size, 3)
  }
})

rule('head', async (t) => {
  for (const side of sides) {
    const head = await side.read('HEAD', 'o')
    t.equal(head.text, '')
    t.same(keptHeaders(head), keptHeaders(await side.read('GET', 'o')))
    for (const fields of [[], ['If-Match: "x"'], ['If-None-Match: *']]) {
      for (const name of ['none', 'o']) {
        const { status, text } = await side.read('HEAD', name, fields)
        t.match([status, text], [(await side.read('GET', name, fields)).status, ''])
      }
    }
  }
  for (const target of ['/', root, '/bkt?acl', '/bkt/%zz', '/v1/AUTH_test/%zz']) {
    t.equal((await ask(base, 'HEAD', target)).text, '', target)
  }
})

rule('put-validator', async (t) => {
  for (const side of sides) {
    const put = await side.write('PUT', 'validated', [], 'abc')
    const got = await side.read('GET', 'validated')
    t.match([got.header('etag'), got.text], [put.header('etag')!, 'abc'])
  }
})

rule('options', async (t) => {
  for (const path of ['', '/bkt', '/bkt/o']) {
    const { status, header, text } = await ask(base, 'OPTIONS', root + path)
    t.match([status, header('content-length'), text], [200, '0', ''], path)
    t.match(header('allow'), /HEAD, GET, PUT/)
  }
  t.equal((await s3.read('OPTIONS', 'o')).status, 400)
  const preflight = ['Origin: http://h', 'Access-Control-Request-Method: GET']
  t.equal((await s3.read('OPTIONS', 'o', preflight)).status, 403)
})

rule('allow', async (t) => {
  const requests: [method: string, target: string, allowed: RegExp][] = [
    ['PATCH', '/', /^GET$/],
    ['PATCH', '/bkt', /GET, HEAD, PUT/],
    ['PATCH', '/bkt/o', /GET, HEAD, PUT/],
    ['DELETE', '/bkt?versions', /^GET$/],
    ['DELETE', '/bkt/o?attributes', /^GET$/],
    ['PATCH', root, /HEAD, GET/],
    ['PATCH', `${root}/bkt`, /HEAD, GET/],
    ['PATCH', swift.path('o'), /COPY/],
    ['POST', '/info', /^HEAD, GET, OPTIONS$/],
    ['POST', '/healthcheck', /^HEAD, GET, OPTIONS$/],
    ['POST', '/auth/v1.0', /^GET, DELETE$/],
    ['LICK', swift.path('o'), /COPY/],
  ]
  for (const [method, target, allowed] of requests) {
    const { status, header } = await ask(base, method, target)
    t.match([status, header('allow')], [405, allowed], `${method} ${target}`)
  }
  await wire.swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'true' } })
  await wire.s3('PUT', '/bkt/gone', { body: 'x' })
  const marker = (await wire.s3('DELETE', '/bkt/gone')).headers['x-amz-version-id']
  await wire.swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'false' } })
  const named = await wire.s3('GET', `/bkt/gone?versionId=${marker}`)
  t.match([named.status, named.headers.allow], [405, 'DELETE'], 'a delete marker')
})

rule('challenge', async (t) => {
  const challenges: [target: string, fields: string[], challenge: string][] = [
    [root, [], 'Swift realm="AUTH_test"'],
    [root, ['X-Auth-Token: AUTH_tkno'], 'Swift realm="AUTH_test"'],
    [`/v1/a%22b/c`, [], 'Swift realm="a%22b"'],
    ['/auth/v1.0', ['X-Auth-User: test:tester', 'X-Auth-Key: no'], 'Swift realm="test"'],
    ['/auth/v1.0', [], 'Swift realm="unknown"'],
  ]
  for (const [target, fields, challenge] of challenges) {
    const { status, header } = await ask(base, 'GET', target, fields)
    t.match([status, header('www-authenticate')], [401, challenge], target)
  }
  const preflight = await swift.read('OPTIONS', 'o', ['Origin: http://h'])
  t.match([preflight.status, preflight.header('www-authenticate')], [401, /^Swift realm=/])
  for (const fields of [
    [],
    ['Authorization: AWS nobody:x'],
    ['Authorization: AWS test:tester:x'],
  ]) {
    t.equal(
      (await ask(base, 'GET', '/', [...fields, `Date: ${new Date().toUTCString()}`])).status,
      403,
    )
  }
})

rule('retry-after', async (t) => {
  const wrong = { 'X-Auth-User': 'test:nobody', 'X-Auth-Key': 'no' }
  const attempt = () => wire.node.request('GET', '/auth/v1.0', { sign: false, headers: wrong })
  let answer = await attempt()
  for (let i = 0; i < 20 && answer.status === 401; i++) answer = await attempt()
  t.equal(answer.status, 429)
  t.match(answer.headers['retry-after'], /^[1-9]\d*$/)
})

rule('negotiation', async (t) => {
  const list = (accept: string) => ask(base, 'GET', `${root}/bkt`, [`Accept: ${accept}`])
  for (const [accept, type] of [
    ['*/*', 'text/plain'],
    ['application/json', 'application/json'],
    ['text/html, application/xml;q=0.9, */*;q=0.1', 'application/xml'],
    ['application/json;q=0, text/*', 'text/plain'],
  ] as const) {
    const { header } = await list(accept)
    t.match([header('content-type'), header('vary')], [new RegExp(`^${type}`), 'Accept'], accept)
  }
  t.equal((await list('image/png')).status, 406)
})

rule('not-modified', async (t) => {
  const versioned = async (enabled: string) =>
    await wire.swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': enabled } })
  await versioned('true')
  await wire.s3('PUT', '/bkt/kept', { body: 'x', headers: objectHeaders })
  const must = ['etag', 'cache-control', 'expires', 'content-location', 'vary', 'last-modified']
  for (const side of sides) {
    for (const method of ['GET', 'HEAD']) {
      const full = await side.read(method, 'kept')
      const answer = await side.read(method, 'kept', ['If-None-Match: *'])
      t.match([answer.status, answer.text], [304, ''])
      t.ok(answer.header('date'))
      for (const name of must)
        t.equal(answer.header(name), full.header(name), `${side.dialect} ${name}`)
      t.equal(answer.header('cache-control'), 'max-age=9')
      t.equal(answer.header('content-length'), undefined)
      const since = `If-Modified-Since: ${full.header('last-modified')}`
      t.equal((await side.read(method, 'kept', [since])).header('expires'), objectHeaders.Expires)
    }
  }
  await versioned('false')
  const query = 'response-cache-control=no-store&response-expires=0'
  const overridden = await wire.s3('GET', `/bkt/kept?${query}`, {
    headers: { 'if-none-match': '*' },
  })
  t.equal(overridden.status, 304)
  t.match(overridden.headers, { 'cache-control': 'no-store', expires: '0' }, 'overrides count too')
  await t.test(
    '304 has the ETag of the object that was judged, though another takes its place',
    async (t) => {
      const { service } = wire.node.coffer
      const { get } = service
      t.teardown(() => void Object.assign(service, { get }))
      for (const side of sides) {
        await side.write('PUT', 'replaced', [], 'old')
        const etag = (await side.read('HEAD', 'replaced')).header('etag')!
        const getAndReplace: typeof get = async (...args) => {
          try {
            return await get(...args)
          } catch (error) {
            await side.write('PUT', 'replaced', [], 'new')
            throw error
          }
        }
        Object.assign(service, { get: getAndReplace })
        const answer = await side.read('GET', 'replaced', [`If-None-Match: ${etag}`])
        t.match([answer.status, answer.header('etag')], [304, etag], side.dialect)
        Object.assign(service, { get })
      }
    },
  )
})

rule('error-content', async (t) => {
  for (const [status, request] of refusals) {
    const answer = await request()
    t.equal(answer.status, status)
    const isS3 = answer.header('x-amz-request-id') !== undefined
    t.match(answer.text, isS3 ? /<Error><Code>\w+<\/Code><Message>[^<]/ : /^<html><h1>|^[A-Z]/)
  }
})
