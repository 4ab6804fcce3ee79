// Refusals over Swift: paths, methods, what is not built, and the form of every error.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

t.test('an error is a small page or a text, with the request’s id', async (t) => {
  const node = await startNode(t)
  const session = await login(node)
  const { status, headers, text } = await session.request('GET', '/none')
  t.equal(status, 404)
  t.match(headers, {
    'content-type': 'text/html; charset=UTF-8',
    'x-trans-id': /^tx[0-9a-f]{21}-[0-9a-f]{10}$/,
    'content-length': String(Buffer.byteLength(text)),
  })
  t.equal(headers['x-trans-id'], headers['x-openstack-request-id'])
  t.match(text, /^<html><h1>Not Found<\/h1><p>.+<\/p><\/html>$/)
  const head = await session.request('HEAD', '/none')
  t.match([head.status, head.text], [404, ''])
  t.match(node.logged(), String(headers['x-trans-id']))
})

t.test('paths that name nothing have their own answers', async (t) => {
  const node = await startNode(t)
  const { token } = await login(node)
  const get = (path: string) =>
    node.request('GET', path, { sign: false, headers: { 'X-Auth-Token': token } })
  const rows: readonly [string, number, string?][] = [
    ['/', 404],
    ['/v1', 412, 'Bad URL'],
    ['/v1/', 412, 'Bad URL'],
    ['/v1//c', 412, 'Bad URL'],
    ['/v2/AUTH_test', 400],
    ['/v1/AUTH_test/%FF', 412, 'Invalid UTF8 or contains NULL'],
    ['/v1/AUTH_test/c/a%00b', 412, 'Invalid UTF8 or contains NULL'],
    [
      `/v1/AUTH_test/c/${'o'.repeat(1025)}`,
      400,
      'Object name length of 1025 bytes longer than 1024',
    ],
  ]
  for (const [path, status, text] of rows) {
    const answer = await get(path)
    t.equal(answer.status, status, path)
    if (text !== undefined) t.equal(answer.text, text)
  }
  t.equal((await node.request('GET', '/v1', { sign: false })).status, 412)
})

t.test('methods that do not apply are 405 with those that do', async (t) => {
  const session = await login(await startNode(t))
  for (const [method, path] of [
    ['PATCH', ''],
    ['COPY', '/c'],
    ['TRACE', '/c/o'],
    ['LOCK', '/c/o'],
  ] as const) {
    const { status, headers } = await session.request(method, path)
    t.equal(status, 405, method)
    t.match(headers.allow, /^HEAD, GET, PUT, POST, DELETE.*, OPTIONS$/)
  }
})

t.test('what is not built is refused by name, and does nothing', async (t) => {
  const node = await startNode(t)
  const session = await login(node)
  await session.request('PUT', '/c')
  await session.request('PUT', '/c/o', { body: 'stays' })
  const rows: readonly [string, string, string, Record<string, string>?][] = [
    ['PUT', '?extract-archive=tar', 'extraction of archives'],
    ['GET', '/c/o?temp_url_sig=x&temp_url_expires=1', 'signed URLs (TempURL)'],
    ['PUT', '/c/o?symlink=put', 'symbolic links'],
    ['PUT', '/c/o', 'symbolic links', { 'X-Symlink-Target': 'c/p' }],
    ['POST', '/c', 'quotas', { 'X-Container-Meta-Quota-Bytes': '1' }],
    [
      'POST',
      '/c/o',
      'browser forms (FormPost)',
      { 'Content-Type': 'multipart/form-data; boundary=b' },
    ],
  ]
  for (const [method, path, feature, headers = {}] of rows) {
    const answer = await session.request(method, path, { headers, body: '/c/o\n' })
    t.equal(answer.status, 400, `${method} ${path}: clients try again what is 5xx`)
    // python-swiftclient shows the beginning of an answer.
    t.match(answer.text.slice(0, 40), `Not built: ${feature}`)
  }
  t.equal((await session.request('GET', '/c/o')).text, 'stays')
  const stranger = await node.request('PUT', '/v1/AUTH_test?extract-archive=tar', {
    sign: false,
    body: 'x',
  })
  t.equal(stranger.status, 401)
})

t.test('a header line of more than 8 KiB is refused', async (t) => {
  const session = await login(await startNode(t))
  const send = (length: number) => {
    const name = 'X-Padding'
    return session.request('HEAD', '', {
      headers: { [name]: 'v'.repeat(length - name.length - 2) },
    })
  }
  t.equal((await send(8192)).status, 200)
  t.equal((await send(8193)).status, 400)
})

t.test('nothing of a token is in an error or in the log', async (t) => {
  const node = await startNode(t)
  const { token, request } = await login(node)
  const texts = [
    (await request('GET', '/none')).text,
    (await request('POST', '/none', { headers: { 'X-Container-Read': '.bad:x' } })).text,
    (
      await node.request('GET', '/v1/AUTH_other', {
        sign: false,
        headers: { 'X-Auth-Token': token },
      })
    ).text,
  ]
  for (const text of [...texts, node.logged()]) t.notMatch(text, token)
  t.equal(texts.length, 3)
})
