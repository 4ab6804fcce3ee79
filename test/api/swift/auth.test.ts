// v1 auth: every form of the login, what it answers, and what a token is worth afterwards.

import t from 'tap'
import { hashPassword } from '../../../lib/auth/passwords.ts'
import { type Answer, exchange, startNode, type TestNode, users } from '../../helpers/node.ts'
import { askToken, login } from '../../helpers/swift.ts'

const ask = (node: TestNode, path: string, headers: Record<string, string>, method = 'GET') =>
  node.request(method, path, { sign: false, headers })

const right = { 'X-Auth-User': 'test:tester', 'X-Auth-Key': 'testing' }
const realm = ({ headers }: Answer) => headers['www-authenticate']

/** The token with its last character but one changed: the MAC no longer holds. */
const spoil = (token: string) => {
  const at = 'AUTH_tk'.length + 5
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
}

t.test('a login answers with a token, its life and the URL of the account', async (t) => {
  const node = await startNode(t)
  const answer = await askToken(node)
  t.equal(answer.status, 200)
  t.equal(answer.text, '')
  t.equal(answer.headers['content-length'], '0')
  t.match(answer.headers['x-auth-token'], /^AUTH_tk[A-Za-z0-9_-]+$/)
  t.equal(answer.headers['x-storage-token'], answer.headers['x-auth-token'])
  const left = Number(answer.headers['x-auth-token-expires'])
  t.ok(left > 86_300 && left <= 86_400, String(left))
  t.equal(answer.headers['x-storage-url'], `${node.http}/v1/AUTH_test`)
  const again = await askToken(node)
  t.equal(again.headers['x-auth-token'], answer.headers['x-auth-token'], 'the same once more')
  const secure = await node.request('GET', '/auth/v1.0', { sign: false, tls: true, headers: right })
  t.equal(secure.headers['x-storage-url'], `${node.https}/v1/AUTH_test`)
})

t.test('every form that TempAuth takes is a login', async (t) => {
  const node = await startNode(t)
  const storage = { 'X-Storage-User': 'test:tester', 'X-Storage-Pass': 'testing' }
  const forms: [path: string, headers: Record<string, string>][] = [
    ['/auth/v1.0', right],
    ['/auth/v1.0/', right],
    ['/auth/v1.0/more', right],
    ['/auth/auth', right],
    ['/auth/v1.0', storage],
    ['/auth/v1.0', { 'X-Auth-User': 'test:tester', 'X-Storage-Pass': 'testing' }],
    ['/auth/v1.0', { 'X-Storage-User': 'test:tester', 'X-Auth-Key': 'testing' }],
    ['/auth/v1.0', { ...right, 'X-Storage-User': 'x:y', 'X-Storage-Pass': 'z' }],
    ['/auth/v1.0', { ...right, 'X-Auth-Token': 'AUTH_tkold' }],
    ['/auth/v1/test/auth', right],
    ['/auth/v1/t%65st/auth', right],
    ['/auth/v1/test/auth', { 'X-Storage-User': 'tester', 'X-Storage-Pass': 'testing' }],
    ['/auth/v1/test/auth', { 'X-Storage-User': 'tester', 'X-Auth-Key': 'testing' }],
  ]
  for (const [path, headers] of forms) {
    const answer = await ask(node, path, headers)
    t.equal(answer.status, 200, `${path} ${Object.keys(headers)}`)
    t.equal(answer.headers['x-storage-url'], `${node.http}/v1/AUTH_test`)
  }
})

t.test('wrong credentials are all denied alike, and audited without a secret', async (t) => {
  const node = await startNode(t)
  const denied: [headers: Record<string, string>, realm: string, path?: string][] = [
    [{}, 'unknown'],
    [{ 'X-Auth-User': 'test:tester' }, 'test'],
    [{ 'X-Auth-User': 'test', 'X-Auth-Key': 'testing' }, 'unknown'],
    [{ 'X-Auth-User': ':tester', 'X-Auth-Key': 'testing' }, 'unknown'],
    [{ 'X-Auth-User': 'test:', 'X-Auth-Key': 'testing' }, 'test'],
    [{ 'X-Auth-User': 'test:tester', 'X-Auth-Key': '' }, 'test'],
    [{ 'X-Auth-User': 'test:tester', 'X-Auth-Key': 'canary' }, 'test'],
    [{ 'X-Auth-User': 'test:canary', 'X-Auth-Key': 'testing' }, 'test'],
    [{ 'X-Auth-User': 'a"b:tester', 'X-Auth-Key': 'testing' }, 'a%22b'],
    [{ 'X-Auth-User': 'test:\xff', 'X-Auth-Key': 'testing' }, 'unknown'],
    [right, 'other', '/auth/v1/other/auth'],
    [{ 'X-Storage-User': 'test:tester', 'X-Auth-Key': 'testing' }, 'test', '/auth/v1/test/auth'],
  ]
  for (const [headers, shown, path = '/auth/v1.0'] of denied) {
    const answer = await ask(node, path, headers)
    const label = JSON.stringify([path, headers])
    t.equal(answer.status, 401, label)
    t.equal(realm(answer), `Swift realm="${shown}"`, label)
    t.notOk('x-auth-token' in answer.headers, label)
    t.notMatch(answer.text, 'canary')
  }
  const logins = node.audited.filter((entry) => entry.result === 'LoginDenied')
  t.equal(logins.length, denied.length)
  t.match(logins.at(6), { account: 'test', user: 'tester', operation: 'Auth', dialect: 'swift' })
  t.match(logins.at(7), { account: '', user: '' }, 'a name that nobody has')
  t.notMatch(node.logged() + JSON.stringify(node.audited), /canary/)
})

t.test('another method, version or path is no login', async (t) => {
  const node = await startNode(t)
  for (const method of ['POST', 'PUT', 'PATCH', 'HEAD']) {
    const answer = await ask(node, '/auth/v1.0', right, method)
    t.equal(answer.status, 405, method)
    t.equal(answer.headers.allow, 'GET, DELETE')
  }
  for (const [path, status] of [
    ['/auth/v2.0', 400],
    ['/auth/v3', 400],
    ['/auth/v1', 400],
    ['/auth/v1/test', 400],
    ['/auth/v1/test/other', 400],
    ['/auth', 404],
    ['/auth/', 404],
    ['/auth//v1.0', 404],
    ['/auth/v1/%FF/auth', 412],
  ] as const) {
    t.equal((await ask(node, path, right)).status, status, path)
  }
})

t.test('the storage URL follows the listener, the proxy, or the Host header', async (t) => {
  const entry = { host: '127.0.0.1', port: 0, serves: ['object'] as 'object'[] }
  const node = await startNode(t, {
    listen: [{ ...entry, url: 'https://swift.test/base/' }, { ...entry }],
    trustedProxies: ['127.0.0.0/8'],
  } as never)
  const urlOf = async (base: string, headers: Record<string, string>, path = '/auth/v1.0') => {
    const { hostname, port } = new URL(base)
    const all = { ...right, ...headers }
    const answer = await exchange({ path, hostname, port, headers: all }, Buffer.alloc(0))
    return answer.headers['x-storage-url']
  }
  t.equal(await urlOf(node.http, { host: 'x' }), 'https://swift.test/base/v1/AUTH_test')
  t.equal(await urlOf(node.https, { host: 'Node.test:81' }), 'http://Node.test:81/v1/AUTH_test')
  const proxied = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'public.test:444, inner' }
  t.equal(await urlOf(node.https, proxied), 'https://public.test:444/v1/AUTH_test')
})

t.test('names and passwords beyond ASCII are UTF-8, and the URL is percent-encoded', async (t) => {
  const node = await startNode(t)
  const password = 'pässwörd'
  node.replaceUsers({
    accounts: [{ id: 'ümlaut', users: [{ name: 'a:b', password: await hashPassword(password) }] }],
  })
  const bytes = (text: string) => Buffer.from(text).toString('latin1')
  const answer = await askToken(node, bytes('ümlaut:a:b'), bytes(password))
  t.equal(answer.status, 200)
  t.equal(answer.headers['x-storage-url'], `${node.http}/v1/AUTH_%C3%BCmlaut`)
  const wrong = await askToken(node, bytes('ümlaut:a:b'), password)
  t.equal(wrong.status, 401, 'Latin-1 is another password')
})

t.test('a token opens its account, in either header, and survives a restart', async (t) => {
  const node = await startNode(t)
  const { token } = await login(node)
  const head = async (headers: Record<string, string>) =>
    (await ask(node, '/v1/AUTH_test', headers, 'HEAD')).status
  const ok = await head({ 'X-Auth-Token': token })
  t.ok(ok >= 200 && ok < 300, String(ok))
  t.equal(await head({ 'X-Storage-Token': token }), ok)
  t.equal(await head({ 'X-Auth-Token': token, 'X-Storage-Token': 'AUTH_tkx' }), ok)
  await node.restart()
  t.equal(await head({ 'X-Auth-Token': token }), ok, 'after a restart')
  t.equal(await head({}), 401)
  t.notMatch(node.logged() + JSON.stringify(node.audited), token)
})

t.test('a user without rights is 403, a bad token 401 even where nothing is secret', async (t) => {
  const node = await startNode(t)
  const admin = await login(node)
  t.equal(
    (await admin.request('PUT', '/pub', { headers: { 'X-Container-Read': '.r:*' } })).status,
    201,
  )
  t.equal((await admin.request('PUT', '/pub/o', { body: 'x' })).status, 201)
  const plain = await login(node, 'test:tester3', 'testing3')
  t.equal((await plain.request('GET', '')).status, 403)
  const stranger = await login(node, 'other:other', 'testing2')
  const get = (headers: Record<string, string>, path = '/pub/o') =>
    ask(node, `/v1/AUTH_test${path}`, headers)
  t.equal((await get({ 'X-Auth-Token': stranger.token }, '')).status, 403)
  t.equal((await get({})).status, 200, 'a public object')
  for (const bad of [spoil(admin.token), 'AUTH_tk', 'AUTH_', 'AUTH_tkabc']) {
    const answer = await get({ 'X-Auth-Token': bad })
    t.equal(answer.status, 401, bad)
    t.equal(realm(answer), 'Swift realm="AUTH_test"')
    t.match(node.audited.at(-1), { result: 'TokenDenied', account: '', user: '', container: 'pub' })
    t.equal((await get({ 'X-Storage-Token': bad })).status, 401)
  }
  for (const foreign of ['', 'gAAAAABk', 'SERVICE_tkx', 'auth_tkx']) {
    t.equal((await get({ 'X-Auth-Token': foreign })).status, 200, `ignored: ${foreign}`)
    t.equal((await get({ 'X-Auth-Token': foreign }, '')).status, 401)
  }
  t.equal((await get({ 'X-Service-Token': admin.token }, '')).status, 401, 'proves nothing')
  t.notMatch(node.logged() + JSON.stringify(node.audited), spoil(admin.token))
})

t.test('what needs no token does not ask for a good one', async (t) => {
  const node = await startNode(t)
  const bad = { 'X-Auth-Token': 'AUTH_tkbad' }
  t.equal((await ask(node, '/info', bad)).status, 200)
  t.equal((await ask(node, '/healthcheck', bad)).status, 200)
  t.not((await ask(node, '/v1/AUTH_test/c/o', bad, 'OPTIONS')).status, 401)
})

t.test('a user that is removed or gets another password or role is that at once', async (t) => {
  const node = await startNode(t)
  const { request } = await login(node)
  const status = async () => (await request('GET', '?format=json')).status
  t.equal(await status(), 200)
  const [account, ...others] = users.accounts
  const [tester, ...rest] = account!.users
  const replace = (changed: object[]) =>
    node.replaceUsers({
      accounts: [{ ...account!, users: [...changed, ...rest] as never }, ...others],
    })
  replace([{ ...tester!, roles: [] }])
  t.equal(await status(), 403)
  replace([{ ...tester!, password: 'changed' }])
  t.equal(await status(), 401)
  replace([tester!])
  t.equal(await status(), 200)
  replace([])
  t.equal(await status(), 401)
})

t.test('a token lives as long as the configuration says', async (t) => {
  const node = await startNode(t, { swift: { tokenSeconds: 60 } })
  const left = Number((await askToken(node)).headers['x-auth-token-expires'])
  t.ok(left >= 55 && left <= 60, String(left))
})

t.test('another prefix stands before accounts and tokens', async (t) => {
  const node = await startNode(t, { swift: { resellers: [{ prefix: 'KEY' }] } })
  const session = await login(node)
  t.match(session.token, /^KEY_tk/)
  t.match(session.storageUrl, /\/v1\/KEY_test$/)
  t.ok((await session.request('HEAD', '')).status < 300)
})

t.test('every answer carries an id in Swift’s form, which is the log’s too', async (t) => {
  const node = await startNode(t)
  const plain = await askToken(node)
  const id = String(plain.headers['x-trans-id'])
  t.match(id, /^tx[0-9a-f]{21}-[0-9a-f]{10}$/)
  t.equal(plain.headers['x-openstack-request-id'], id)
  t.notOk('x-amz-request-id' in plain.headers)
  const age = Date.now() / 1000 - Number.parseInt(id.slice(-10), 16)
  t.ok(age >= -1 && age < 600, String(age))
  const extra = `${'e'.repeat(30)} ${'f'.repeat(9)}`
  const denied = await ask(node, '/v1/AUTH_test', { 'X-Trans-Id-Extra': extra })
  t.match(String(denied.headers['x-trans-id']), /^tx[0-9a-f]{21}-[0-9a-f]{10}-e{30}%20f$/)
  t.match(node.logged(), `"requestId":"${id}"`)
})
