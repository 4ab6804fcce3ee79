// Tokens after a logout, on this node and on another one, and after a restart.
import t from 'tap'
import { startNode, type TestNode } from '../helpers/node.ts'
import { askToken, login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'logout')

const leave = (node: TestNode, token?: string, path = '/auth/v1.0') =>
  node.request('DELETE', path, {
    sign: false,
    headers: token === undefined ? {} : { 'X-Auth-Token': token },
  })

const head = (node: TestNode, token: string) =>
  node.request('HEAD', '/v1/AUTH_test', { sign: false, headers: { 'X-Auth-Token': token } })

t.test('a token that leaked is over when its user logs out', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const stranger = await login(node, 'other:other', 'testing2')
  const colleague = await login(node, 'test:tester3', 'testing3')
  await owner.request('PUT', '/c')
  await owner.request('PUT', '/c/o', { body: 'x' })
  t.equal((await leave(node, owner.token)).status, 204)
  for (const [method, path] of [
    ['HEAD', ''],
    ['GET', ''],
    ['POST', ''],
    ['GET', '/c'],
    ['PUT', '/d'],
    ['DELETE', '/c'],
    ['GET', '/c/o'],
    ['PUT', '/c/o'],
    ['POST', '/c/o'],
    ['DELETE', '/c/o'],
    ['COPY', '/c/o'],
  ] as const) {
    const answer = await owner.request(method, path, { headers: { Destination: '/c/p' }, body: '' })
    table.tried(`${method} ${path || '/'} after it`, answer.status === 401, answer.status)
    const renamed = await node.request(method, `/v1/AUTH_test${path}`, {
      sign: false,
      headers: { 'X-Storage-Token': owner.token },
      body: '',
    })
    table.tried(`${method} ${path || '/'} as X-Storage-Token`, renamed.status === 401)
  }
  const again = await leave(node, owner.token)
  table.tried('a second logout with it', again.status === 401, again.status)
  t.match(again.headers['www-authenticate'], /^Swift realm=/)
  for (const [who, { token }] of Object.entries({ stranger, colleague })) {
    const answer = await node.request('HEAD', `/v1/AUTH_${who === 'stranger' ? 'other' : 'test'}`, {
      sign: false,
      headers: { 'X-Auth-Token': token },
    })
    t.not(answer.status, 401, `the ${who}'s token stays`)
  }
  const next = await login(node)
  t.not(next.token, owner.token, 'the next login draws a new one')
  t.equal((await next.request('GET', '/c/o')).text, 'x')
  await node.restart()
  table.tried('the old one after a restart', (await head(node, owner.token)).status === 401)
  t.ok((await head(node, next.token)).status < 300, 'the new one survives it')
  const passed = (await askToken(node)).headers['x-auth-token']
  t.ok(passed === next.token || (await head(node, String(passed))).status < 300)
  t.ok(node.audited.some(({ operation, result }) => operation === 'Logout' && result === 'ok'))
  t.notMatch(node.logged(), owner.token)
})

t.test('nobody logs out who is not known, and nobody else', async (t) => {
  const node = await startNode(t)
  const { token } = await login(node)
  const last = token.at(-1) === 'A' ? 'B' : 'A'
  const wrong: Record<string, string | undefined> = {
    'no token': undefined,
    'an empty token': '',
    'another word': 'x',
    'a token of another issuer': 'gAAAAABkeystone',
    'a changed token': token.slice(0, -1) + last,
    'half a token': token.slice(0, 40),
    'a token with more': `${token}A`,
    'the password': 'testing',
  }
  for (const [what, sent] of Object.entries(wrong)) {
    const answer = await leave(node, sent)
    table.tried(`${what}: 401`, answer.status === 401, answer.status)
  }
  const named = await node.request('DELETE', '/auth/v1.0', {
    sign: false,
    headers: { 'X-Auth-User': 'test:tester', 'X-Auth-Key': 'testing' },
  })
  table.tried('a name and a password, but no token', named.status === 401, named.status)
  const signed = await node.request('DELETE', '/auth/v1.0')
  table.tried('a signature of S3', signed.status >= 400 && signed.status < 500, signed.status)
  for (const [path, status] of [
    ['/auth', 404],
    ['/auth/', 404],
    ['/auth/v2.0', 400],
    ['/auth/v1/test', 400],
  ] as const) {
    const answer = await leave(node, token, path)
    table.tried(`DELETE ${path}`, answer.status === status, answer.status)
  }
  t.ok((await head(node, token)).status < 300, 'the user is logged in all the while')
  const post = await node.request('POST', '/auth/v1.0', { sign: false })
  t.equal(post.status, 405)
  t.equal(post.headers.allow, 'GET, DELETE')
  for (const path of ['/auth/auth', '/auth/v1/test/auth', '/auth/v1.0/']) {
    const session = await login(node)
    t.equal((await leave(node, session.token, path)).status, 204, path)
    t.equal((await head(node, session.token)).status, 401, path)
  }
})
