// The canary of identity and of the key manager: no password, token, EC2 secret, secret of an application credential or
// payload of a secret is found in the log, the audit, an answer that need not have it, a row or a file.
import t from 'tap'
import { check, checkKept } from '../../helpers/canary.ts'
import {
  appCredentialLogin,
  passwordLogin,
  type RestOptions,
  startIdentityNode,
} from '../../helpers/identity.ts'

const password = 'canary-password-5c1e'
const own = 'canary-own-secret-77aa'
const mistyped = 'canary-mistyped-9b77'
const payload = 'canary-payload-31d0-canary-paylo'

t.test('no secret of identity or of the key manager is found anywhere afterwards', async (t) => {
  const { node, ask, keys } = await startIdentityNode(t)
  node.replaceUsers({
    accounts: [
      { id: 'test', users: [{ name: 'tester', password, roles: ['admin', 'reseller_admin'] }] },
    ],
  })
  const answers: string[] = []
  const asking =
    (service: typeof ask): typeof ask =>
    async (...args) => {
      const answer = await service(...args)
      answers.push(answer.text, JSON.stringify(answer.headers))
      return answer
    }
  const [quiet, quietKeys] = [asking(ask), asking(keys)]
  const login = await ask('POST', '/v3/auth/tokens', { body: passwordLogin('tester', password) })
  const token = String(login.headers['x-subject-token'])
  answers.push(login.text)
  const user = '/v3/users/test:tester'
  const ec2 = (await ask('POST', `${user}/credentials/OS-EC2`, { token, body: {} })).json.credential
  const apps = `${user}/application_credentials`
  const app = async (body: object) =>
    (await ask('POST', apps, { token, body: { application_credential: body } })).json
      .application_credential
  const drawn = await app({ name: 'drawn' })
  await app({ name: 'own', secret: own })
  const bearer = await ask('POST', '/v3/auth/tokens', {
    body: appCredentialLogin(drawn.id, drawn.secret),
  })
  const delegated = String(bearer.headers['x-subject-token'])
  const made = { user: { name: 'bob', password: own, default_project_id: 'test' } }
  await quiet('POST', '/v3/users', { token, body: made })
  await quiet('GET', apps, { token })
  await quiet('GET', '/v3/users', { token })
  await node.request('PUT', '/bucket', ec2)
  await node.request('PUT', '/bucket', { access: ec2.access, secret: mistyped })
  // Wrong, out of place, and in every field of a login.
  for (const body of [
    passwordLogin('tester', mistyped),
    passwordLogin(mistyped, password),
    passwordLogin(password, 'x', mistyped),
    appCredentialLogin(drawn.id, mistyped),
    appCredentialLogin(own, drawn.secret),
    { auth: { identity: { methods: [password] } } },
    { auth: { identity: { methods: ['password'], password: { user: { password: [own] } } } } },
    { auth: { identity: { methods: ['token'], token: { id: `${token}x` } } } },
    `{"auth":"${password}`,
  ]) {
    await quiet('POST', '/v3/auth/tokens', { body })
  }
  await quiet('POST', '/v2.0/tokens', {
    body: { auth: { passwordCredentials: { username: mistyped, password }, tenantName: own } },
  })
  const change = { user: { password: own, original_password: mistyped } }
  await quiet('POST', `${user}/password`, { token, body: change })
  await quiet('PATCH', '/v3/users/test:bob', { token, body: { user: { password: mistyped } } })
  const wrong: Record<string, string>[] = [
    { 'x-auth-token': `${token}x` },
    { 'x-auth-token': token, 'x-subject-token': `${delegated}x` },
    { 'x-auth-token': password },
    { 'x-auth-token': '', authorization: `Basic ${password}` },
  ]
  for (const headers of wrong) {
    await quiet('GET', '/v3/auth/tokens', { headers })
    await quietKeys('GET', '/v1/secrets', { headers })
  }
  const octets = {
    payload: Buffer.from(payload).toString('base64'),
    payload_content_type: 'application/octet-stream',
    payload_content_encoding: 'base64',
  }
  const post = (body: unknown, more: RestOptions = {}) =>
    quietKeys('POST', '/v1/secrets', { token, body, ...more })
  const secret = new URL((await post(octets)).json.secret_ref).pathname
  await post({ payload, payload_content_type: 'text/plain' })
  await post({ ...octets, payload, payload_content_encoding: 'hex' })
  await post({ ...octets, payload_content_type: payload })
  await post({ ...octets, secret_type: payload })
  await post({ payload })
  await post(`{"payload":"${payload}`)
  const empty = new URL((await post({})).json.secret_ref).pathname
  const headers = { 'content-type': 'text/plain' }
  await quietKeys('PUT', empty, { token, body: payload, headers: { 'content-type': 'x' } })
  await quietKeys('PUT', empty, { token, body: payload, headers })
  await quietKeys('PUT', empty, { token, body: payload, headers })
  await quietKeys('GET', secret, { token })
  await quietKeys('GET', `${secret}/payload`, { token, headers: { accept: 'application/json' } })
  t.equal((await keys('GET', `${secret}/payload`, { token })).text, payload, 'it was kept')
  await keys('GET', `${secret}/payload`, { token: delegated })

  const words = [
    ...[password, own, mistyped, token, delegated, ec2.secret, drawn.secret],
    ...[payload, octets.payload, Buffer.from(payload).toString('hex')],
  ]
  check(t, answers.join('\n'), 'an answer', words)
  check(t, node.logged(), 'the log', words)
  check(t, JSON.stringify(node.audited), 'the audit', words)
  t.match(node.logged(), '"operation":"CreateSecret"')
  const denied = node.audited.filter(({ result }) => result === 'LoginDenied')
  t.ok(denied.length >= 4, 'denied logins were audited')
  const rows = await checkKept(t, node, words)
  t.ok(rows > 10, 'there were rows to look at')
})
