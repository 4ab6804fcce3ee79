// Strangers at the identity service: guesses, forged and foreign tokens, bodies that are too much, and ways from one
// project into another.
import t from 'tap'
import { LONGEST_TURN, watchTurns } from '../helpers/counted-turns.ts'
import { appCredentialLogin, passwordLogin, startIdentityNode } from '../helpers/identity.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'identity')
const EC2 = '/v3/users/test:tester/credentials/OS-EC2'
const APPS = '/v3/users/test:tester/application_credentials'

t.test('guesses wait, whichever way they come', async (t) => {
  const limits = { loginFailures: 5, loginBackoffMs: 60_000, loginBackoffMaxMs: 60_000 }
  const { node, ask, login, tokenOf } = await startIdentityNode(t, { limits })
  const token = await tokenOf('tester', 'testing')
  const app = (
    await ask('POST', APPS, { token, body: { application_credential: { name: 'app' } } })
  ).json.application_credential
  const guess = async (what: string, attempt: () => Promise<{ status: number }>) => {
    const statuses: number[] = []
    for (let i = 0; i < 7; i++) statuses.push((await attempt()).status)
    table.tried(
      what,
      statuses.slice(5).every((status) => status === 429),
      statuses,
    )
  }
  await guess('passwords', () => login('tester', 'wrong', 'test'))
  const swift = await node.request('GET', '/auth/v1.0', {
    sign: false,
    headers: { 'x-auth-user': 'test:tester', 'x-auth-key': 'wrong' },
  })
  table.tried('then passwords at Swift’s login', swift.status === 429, swift.status)
  const v2 = {
    auth: { passwordCredentials: { username: 'tester', password: 'wrong' }, tenantName: 'test' },
  }
  const atV2 = await ask('POST', '/v2.0/tokens', { body: v2 })
  table.tried('then passwords at version 2', atV2.status === 429, atV2.status)
  const own = await ask('POST', '/v3/users/test:tester/password', {
    token,
    body: { user: { original_password: 'wrong', password: 'new' } },
  })
  table.tried('then as the old password of a new one', own.status === 429, own.status)
  await guess('secrets of an application credential', () =>
    ask('POST', '/v3/auth/tokens', { body: appCredentialLogin(app.id, 'wrong') }),
  )
  await guess('users that there are not', () => login('nobody', 'wrong', 'test'))
  const known = await login('tester', 'testing', 'test')
  t.equal(known.status, 201, 'a password that was right before is still taken')
  t.match(String(atV2.headers['retry-after']), /^\d+$/)
})

t.test('no token but a good one opens anything', async (t) => {
  const { ask, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  const claims = Buffer.from(token.slice('AUTH_tk'.length), 'base64url')
  const said = JSON.parse(claims.subarray(32).toString()) as unknown[]
  const forged = (place: number, value: unknown) => {
    const changed = said.with(place, value)
    const bytes = Buffer.concat([claims.subarray(0, 32), Buffer.from(JSON.stringify(changed))])
    return `AUTH_tk${bytes.toString('base64url')}`
  }
  const tokens: Record<string, string> = {
    none: '',
    'a word': 'x',
    'half of one': token.slice(0, 60),
    'one with more': `${token}A`,
    'for another account': forged(1, 'other'),
    'for another user': forged(2, 'tester3'),
    'that ends later': forged(3, 4_000_000_000),
    'with another id': forged(5, 'f'.repeat(32)),
    'of an application credential': forged(8, 'f'.repeat(32)),
    'with a claim less': `AUTH_tk${Buffer.concat([claims.subarray(0, 32), Buffer.from(JSON.stringify(said.slice(0, 9)))]).toString('base64url')}`,
  }
  for (const [what, bad] of Object.entries(tokens)) {
    for (const [method, path] of [
      ['GET', '/v3/auth/tokens'],
      ['GET', '/v3/projects'],
      ['GET', '/v3/users'],
      ['GET', EC2],
      ['POST', EC2],
      ['POST', '/v3/users'],
      ['DELETE', '/v3/users/test:tester3'],
    ] as const) {
      const answer = await ask(method, path, {
        headers: { 'x-subject-token': token, ...(bad !== '' && { 'x-auth-token': bad }) },
        ...(method === 'POST' && { body: {} }),
      })
      table.tried(`${method} ${path} with a token: ${what}`, answer.status === 401, answer.status)
    }
    if (bad === '') continue
    const body = { auth: { identity: { methods: ['token'], token: { id: bad } } } }
    const login = await ask('POST', '/v3/auth/tokens', { body })
    table.tried(`a login with a token: ${what}`, login.status === 401, login.status)
  }
})

t.test('a project’s owner reaches nothing of another project', async (t) => {
  const { ask, tokenOf } = await startIdentityNode(t)
  const theirs = await tokenOf('tester', 'testing')
  const ec2 = (await ask('POST', EC2, { token: theirs, body: {} })).json.credential
  const app = (
    await ask('POST', APPS, { token: theirs, body: { application_credential: { name: 'a' } } })
  ).json.application_credential
  const stranger = await tokenOf('other', 'testing2')
  const colleague = await tokenOf('tester3', 'testing3')
  for (const [who, token] of Object.entries({ stranger, colleague })) {
    for (const [method, path, body] of [
      ['GET', EC2],
      ['GET', `${EC2}/${ec2.access}`],
      ['DELETE', `${EC2}/${ec2.access}`],
      ['POST', EC2, {}],
      ['GET', APPS],
      ['GET', `${APPS}/${app.id}`],
      ['DELETE', `${APPS}/${app.id}`],
      ['POST', APPS, { application_credential: { name: 'b' } }],
      ['GET', '/v3/users/test:tester'],
      ['PATCH', '/v3/users/test:tester', { user: { password: 'mine' } }],
      ['DELETE', '/v3/users/test:tester'],
      ['POST', '/v3/users', { user: { name: 'mine', default_project_id: 'test' } }],
      ['PATCH', '/v3/projects/test', { project: { enabled: false } }],
      ['DELETE', '/v3/projects/test'],
      ['PUT', '/v3/projects/test/users/test:tester3/roles/admin'],
      ['POST', '/v3/projects', { project: { name: 'mine' } }],
    ] as const) {
      const answer = await ask(method, path, { token, ...(body !== undefined && { body }) })
      const held = answer.status === 403 || answer.status === 404
      table.tried(`the ${who}: ${method} ${path}`, held, `${answer.status} ${answer.text}`)
      table.tried(`the ${who}: no secret in it`, !answer.text.includes(ec2.secret))
    }
    const revoked = await ask('DELETE', '/v3/auth/tokens', {
      token,
      headers: { 'x-subject-token': theirs },
    })
    table.tried(`the ${who}: revokes a token of another`, revoked.status === 403, revoked.status)
  }
  const crossed = `/v3/users/other:other/credentials/OS-EC2/${ec2.access}`
  for (const method of ['GET', 'DELETE']) {
    const answer = await ask(method, crossed, { token: stranger })
    table.tried(`${method} a credential below the wrong user`, answer.status === 404, answer.status)
  }
  t.equal((await ask('GET', `${EC2}/${ec2.access}`, { token: theirs })).status, 200, 'all is there')
})

t.test(
  'what is too much, or no JSON, is refused before and after the caller is known',
  async (t) => {
    const { node, ask, tokenOf } = await startIdentityNode(t)
    const token = await tokenOf('tester', 'testing')
    const deep = '['.repeat(30_000) + ']'.repeat(30_000)
    const bodies: Record<string, [string, number]> = {
      'a body of 10 MB': ['x'.repeat(10 << 20), 413],
      'a body of lists in lists': [deep, 400],
      'half a body of JSON': ['{"auth":', 400],
      'bytes that are no UTF-8': ['{"auth":"\ud800"}', 400],
      'a number': ['1e999', 400],
      'a prototype': ['{"__proto__":{"auth":1},"constructor":1}', 400],
    }
    for (const [what, [body, status]] of Object.entries(bodies)) {
      for (const [path, known] of [
        ['/v3/auth/tokens', undefined],
        ['/v2.0/tokens', undefined],
        ['/v3/users', token],
        [APPS, token],
      ] as const) {
        const answer = await ask('POST', path, {
          body,
          ...(known !== undefined && { token: known }),
        }).catch((error) => ({ status: 0, text: String(error) }))
        // A client that still sends a body which is refused may be cut off.
        const held = answer.status === status || (status === 413 && answer.status === 0)
        table.tried(`${what} to ${path}`, held, answer.status)
      }
    }
    const long = await ask('GET', `/v3/users/${'a'.repeat(20_000)}`, { token })
    table.tried('a path of 20,000 characters', long.status === 404, long.status)
    for (const path of [
      '/v3/users/%',
      '/v3/users/%00',
      '/v3/users/%2e%2e%2fprojects',
      '/v3/projects/__proto__',
    ]) {
      const answer = await ask('GET', path, { token })
      table.tried(path, answer.status === 404 || answer.status === 400, answer.status)
    }
    const { auth } = passwordLogin('tester', 'testing', 'test')
    const login = await ask('POST', '/v3/auth/tokens', { body: { auth } })
    t.equal(login.status, 201, 'the node serves as before')
    t.notMatch(node.logged(), /"status":500/)
  },
)

t.test('time tells nobody which users there are', async (t) => {
  const limits = { loginFailures: 1000, loginFailuresPerAddress: 1000 }
  const { ask, login, tokenOf } = await startIdentityNode(t, { limits })
  const token = await tokenOf('tester', 'testing')
  const user = { name: 'alice', password: 'secret1' }
  t.equal((await ask('POST', '/v3/users', { token, body: { user } })).status, 201)
  // Checks of hashes wait for one another, sixteen of an address at most. Those beyond are refused, whoever they are for.
  for (const name of ['alice', 'tester', 'nobody']) {
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => login(name, 'wrong', 'test')),
    )
    const refused = answers.filter(({ status }) => status === 503).length
    table.tried(`a guess at ${name} costs a hash`, refused > 0, refused)
  }
})

t.test('a list of many users holds the thread for no other request', async (t) => {
  const { node, ask, tokenOf } = await startIdentityNode(t)
  const many = Array.from({ length: 6000 }, (_, i) => ({ name: `user${i}`, roles: [`role${i}`] }))
  const root = { name: 'root', password: 'root-pass', roles: ['admin', 'reseller_admin'] }
  node.replaceUsers({ accounts: [{ id: 'test', users: [root, ...many] }] })
  const token = await tokenOf('root', 'root-pass')
  for (const path of [
    '/v3/users',
    '/v3/users?name=user5999',
    '/v3/roles',
    '/v3/role_assignments',
  ]) {
    const { answer, steps, longestTurn } = await watchTurns(() => ask('GET', path, { token }))
    t.equal(answer.status, 200, path)
    t.ok(steps >= 5000, `${path}: ${steps} steps are counted`)
    table.tried(
      `${path}: other requests have their turns`,
      longestTurn <= LONGEST_TURN,
      longestTurn,
    )
  }
  const all = await ask('GET', '/v3/users', { token })
  t.equal(all.json.users.length, 5000)
  t.equal(all.json.truncated, true, 'a list that is cut says so')
})
