// Tokens that no login of this node has issued: forged, changed, cut, swapped, expired, of another node, or of
// a user whose rights or password have changed. None opens anything, and all are refused alike.
import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import { makeTokens } from '../../lib/auth/tokens.ts'
import { makeUsers } from '../../lib/auth/users.ts'
import { drawnKeyring, secretKey, startNode, users } from '../helpers/node.ts'
import { memoryRevocations } from '../helpers/revocations.ts'
import { askToken, login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'tokens')

const CONTENT = 'private-content'
const START = 'AUTH_tk'
const MAC_BYTES = 32
const limits = { loginFailures: 100_000, loginFailuresPerAddress: 100_000 }
const tester = { account: 'test', user: 'tester', roles: ['admin'] }

const bytesOf = (token: string) => Buffer.from(token.slice(START.length), 'base64url')
const tokenOf = (mac: Buffer, said: Buffer) =>
  START + Buffer.concat([mac, said]).toString('base64url')
const claimsOf = (token: string) => bytesOf(token).subarray(MAC_BYTES).toString()

async function startGuarded(t: Test) {
  const keyring = drawnKeyring()
  const node = await startNode(t, { limits }, keyring)
  const owner = await login(node)
  await owner.request('PUT', '/bkt')
  await owner.request('PUT', '/bkt/o', { body: CONTENT })
  const requests = [
    ['GET', '/bkt/o'],
    ['DELETE', '/bkt/o'],
    ['HEAD', ''],
  ] as const
  /** A row: no request succeeds with these headers, and the object is still there. */
  const denied = async (name: string, headers: Record<string, string>) => {
    const answers = []
    for (const [method, path] of requests) {
      answers.push(await node.request(method, `/v1/AUTH_test${path}`, { sign: false, headers }))
    }
    const kept = (await owner.request('GET', '/bkt/o')).text === CONTENT
    const statuses = answers.map(({ status }) => status)
    const open = answers.some(({ text }) => text.includes(CONTENT))
    table.tried(name, kept && !open && statuses.every((status) => status === 401), statuses)
  }
  return { node, owner, keyring, denied }
}

t.test('a token that was changed is none', async (t) => {
  const { owner, denied } = await startGuarded(t)
  const { token } = owner
  const body = token.slice(START.length)
  for (let i = 0; i < token.length; i += 3) {
    const other = token[i] === 'B' ? 'D' : 'B'
    await denied(`character ${i} is another`, {
      'x-auth-token': token.slice(0, i) + other + token.slice(i + 1),
    })
  }
  const variants: Record<string, string> = {
    'without its last character': token.slice(0, -1),
    'without its last byte': token.slice(0, -2),
    'the first half': token.slice(0, token.length / 2),
    'the second half': START + token.slice(token.length / 2),
    'the prefix alone': START,
    'without its prefix': body,
    nothing: '',
    'with another character': `${token}A`,
    'with padding': `${token}=`,
    'with a dot': `${token}.`,
    'with a blank inside': `${token.slice(0, 20)} ${token.slice(20)}`,
    'with a comma and another': `${token},x`,
    'twice in one header': `${token}, ${token}`,
    'in quotes': `"${token}"`,
    'in lower case': token.toLowerCase(),
    'in upper case': token.toUpperCase(),
    'with its prefix in lower case': `auth_tk${body}`,
    'with another prefix': `SERVICE_tk${body}`,
    'with its prefix twice': START + token,
    'percent-encoded': encodeURIComponent(token).replace('_', '%5F'),
    'as plain base64': START + bytesOf(token).toString('base64').replace(/=+$/, '+/'),
    'as hexadecimal': START + bytesOf(token).toString('hex'),
    'as Bearer': `Bearer ${token}`,
    null: 'null',
    'a word': `${START}undefined`,
    zeros: START + 'A'.repeat(body.length),
    'very long': START + 'A'.repeat(4000),
  }
  for (const [name, changed] of Object.entries(variants)) {
    await denied(`a token ${name}`, { 'x-auth-token': changed })
    await denied(`a token ${name}, in the other header`, { 'x-storage-token': changed })
  }
})

t.test('a token whose claims are others is none', async (t) => {
  const { node, owner, denied } = await startGuarded(t)
  const mine = bytesOf(owner.token)
  const poor = (await login(node, 'test:tester3', 'testing3')).token
  const foreign = (await login(node, 'other:other', 'testing2')).token
  const [keyId, , , expires] = JSON.parse(claimsOf(owner.token))
  const macs = {
    'its own': mine.subarray(0, MAC_BYTES),
    'of a user without roles': bytesOf(poor).subarray(0, MAC_BYTES),
    'of another account': bytesOf(foreign).subarray(0, MAC_BYTES),
    'of zeros': Buffer.alloc(MAC_BYTES),
  }
  const claims: Record<string, unknown> = {
    'the owner': [keyId, 'test', 'tester', expires],
    'the owner for longer': [keyId, 'test', 'tester', expires + 86_400],
    'the owner for ever': [keyId, 'test', 'tester', 1e300],
    'the owner with a boolean for a time': [keyId, 'test', 'tester', true],
    'the owner under another key': ['k2', 'test', 'tester', expires],
    'the owner under the key of an object’s prototype': ['__proto__', 'test', 'tester', expires],
    'the owner and a role': [keyId, 'test', 'tester', expires, 'reseller_admin'],
    'the owner by one name': [keyId, 'test:tester', '', expires],
    'the owner as an object': { keyId, account: 'test', user: 'tester', expires },
    'the owner with blanks': [keyId, ' test', 'tester ', expires],
    nobody: [],
    nothing: null,
  }
  for (const [whose, mac] of Object.entries(macs)) {
    for (const [who, said] of Object.entries(claims)) {
      if (whose === 'its own' && who === 'the owner') continue
      await denied(`claims to be ${who} with a MAC ${whose}`, {
        'x-auth-token': tokenOf(mac, Buffer.from(JSON.stringify(said))),
      })
    }
  }
  const said = Buffer.from(claimsOf(owner.token))
  for (const [name, key] of Object.entries({
    'an empty key': '',
    'the password': 'testing',
    'the secret of S3': secretKey,
    'the key’s name': keyId,
    'the label': 'coffer/v2 token',
    zeros: Buffer.alloc(32),
  })) {
    await denied(`a MAC made with ${name}`, {
      'x-auth-token': tokenOf(createHmac('sha256', key).update(said).digest(), said),
    })
  }
  // A token of one account is not valid for another.
  const answer = await node.request('GET', '/v1/AUTH_test/bkt/o', {
    sign: false,
    headers: { 'x-auth-token': foreign },
  })
  table.tried('a good token of another account', answer.status === 403, answer.status)
  const own = await node.request('GET', '/v1/AUTH_other', {
    sign: false,
    headers: { 'x-auth-token': owner.token },
  })
  table.tried('a good token on another account', own.status === 403, own.status)
})

t.test('a token of another node, or of another time, is none', async (t) => {
  const { node, keyring, denied } = await startGuarded(t)
  const options = { prefix: 'AUTH', lifeSeconds: 86_400 }
  const known = makeUsers(users)
  const now = Date.now()
  const logouts = memoryRevocations()
  const made = async (at: number, of = keyring, prefix = 'AUTH') =>
    (await makeTokens(of, logouts, { ...options, prefix }).issue(known, tester, at))!.token
  const good = await node.request('HEAD', '/v1/AUTH_test', {
    sign: false,
    headers: { 'x-auth-token': await made(now) },
  })
  t.equal(good.status, 204, 'one that is made so is good')
  await denied('of a node with other root keys', {
    'x-auth-token': await made(now, drawnKeyring()),
  })
  await denied('of a prefix that does not serve', {
    'x-auth-token': await made(now, keyring, 'SERVICE'),
  })
  for (const [name, ago] of [
    ['a second', 1],
    ['a day', 86_400],
    ['years', 1e9],
  ] as const) {
    await denied(`one that ended ${name} ago`, {
      'x-auth-token': await made(now - (options.lifeSeconds + ago) * 1000),
    })
  }
})

t.test('a token ends with what it stood for', async (t) => {
  const { node, owner, denied } = await startGuarded(t)
  const { token } = owner
  const poor = await login(node, 'test:tester3', 'testing3')
  const [first, second] = users.accounts
  const [admin, plain] = first!.users
  const become = (one: object) =>
    node.replaceUsers({
      accounts: [{ ...first!, users: [{ ...admin!, ...one }, plain!] }, second!],
    })
  const headers = { 'x-auth-token': token }
  const ask = () => node.request('GET', '/v1/AUTH_test/bkt/o', { sign: false, headers })
  become({ password: 'another' })
  const changed = await ask()
  table.tried('after the password was changed', changed.status === 401, changed.status)
  become({ roles: [] })
  const stripped = await ask()
  table.tried('after the role was taken away', stripped.status === 403, stripped.status)
  become({ name: 'someone' })
  const renamed = await ask()
  table.tried('after the user was renamed', renamed.status === 401, renamed.status)
  node.replaceUsers({ accounts: [{ ...first!, users: [plain!] }, second!] })
  const removed = await ask()
  table.tried('after the user was removed', removed.status === 401, removed.status)
  node.replaceUsers({ accounts: [second!] })
  const gone = await poor.request('GET', '/bkt/o')
  table.tried('after the account was removed', gone.status === 401, gone.status)
  node.replaceUsers(users)
  await denied('beside a wrong one', { 'x-auth-token': 'AUTH_tkx', 'x-storage-token': token })
})

t.test('a login says nothing of what was wrong', async (t) => {
  const { node, owner } = await startGuarded(t)
  const said = (answer: Awaited<ReturnType<typeof askToken>>) =>
    `${answer.status} ${answer.text} ${answer.headers['x-auth-token']}`
  const denial = said(await askToken(node, 'test:tester', 'wrong'))
  t.match(denial, /^401 /)
  for (const [user, key] of [
    ...[
      ['test:nobody', 'testing'],
      ['nobody:tester', 'testing'],
      ['test:tester', ''],
    ],
    ...[
      ['test:tester', 'TESTING'],
      ['test:tester', 'testing '],
      ['test:tester', 'testin'],
    ],
    ...[
      ['TEST:tester', 'testing'],
      ['test:Tester', 'testing'],
      ['test', 'testing'],
    ],
    ...[
      [':tester', 'testing'],
      ['test:', 'testing'],
      ['test:tester:', 'testing'],
    ],
    ...[
      ['test:tester3', 'testing'],
      ['other:tester', 'testing'],
      ['tester:test', 'testing'],
    ],
    ...[
      ['AUTH_test:tester', 'testing'],
      ['test:tester', owner.token],
      ['test::tester', 'testing'],
    ],
    ...[
      ['test:__proto__', 'x'],
      ['__proto__:tester', 'x'],
      ['constructor:constructor', 'x'],
    ],
    ...[
      ["test:tester' or 1=1", 'x'],
      ['test:*', 'testing'],
      ['test:tester%00', 'testing'],
    ],
    ...[
      ['test:tester', 'testing\t'],
      ['test:tester', 'x'.repeat(4000)],
      ['x'.repeat(4000), 'x'],
    ],
  ] as [string, string][]) {
    const answer = await askToken(node, user, key)
    // Blanks around a value are not part of it (RFC 9110 §5.5).
    if (key.trim() === 'testing' && user === 'test:tester') {
      table.tried(`blanks around a password are none of it`, answer.status === 200, answer.status)
      continue
    }
    const name = `as ${user.slice(0, 40)} with ${key.slice(0, 20) || 'nothing'}`
    table.tried(`a login ${name}`, said(answer) === denial, said(answer))
  }
})
