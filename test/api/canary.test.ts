// The canary: a customer key, a secret, a password, a token or a signature that a request carried is nowhere
// afterwards: not in the log, the audit, an error body, a catalog row or a file of the data directory.
import { connect } from 'node:net'
import t from 'tap'
import { swiftKey, swiftSourceSpellings, swiftSpellings } from '../helpers/both.ts'
import { check, checkKept } from '../helpers/canary.ts'
import {
  exchange,
  keyHeaders,
  secretKey,
  startNode,
  type TestNode,
  users,
} from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import { completeBody, createUpload, customerKey, md5, putPart, withKey } from '../helpers/s3.ts'

const key = Buffer.from('canary-key-7f3a91c2-canary-key-!')
const base64 = key.toString('base64')
const other = customerKey('o')

/** Every spelling in which the key could turn up; its MD5 is not stored either. */
const spellings = [
  key.toString('latin1'),
  base64,
  encodeURIComponent(base64),
  key.toString('base64url'),
  key.toString('hex'),
  key.toString('hex').toUpperCase(),
]
const digests = [
  md5(key).digest('hex'),
  md5(key).digest('base64'),
  md5(key).digest().toString('latin1'),
]

const password = 'canary-password-5c1e'
const wrongPassword = 'canary-mistyped-9b77'

type Ask = TestNode['request']

/** Sends requests and keeps what was answered: bodies, and headers too where `headersToo`. */
function keeping(node: TestNode) {
  const answers: string[] = []
  const asking =
    (headersToo: boolean): Ask =>
    async (...args) => {
      const answer = await node.request(...args)
      answers.push(answer.text, headersToo ? JSON.stringify(answer.headers) : '')
      return answer
    }
  return { answers, ask: asking(true), askForToken: asking(false) }
}

/** Does all that a key can be used for, rightly and wrongly; gives the bodies of every answer. */
async function useKey(node: TestNode): Promise<string> {
  const { answers, ask } = keeping(node)
  await ask('PUT', '/bkt')
  for (const [name, size] of [
    ['small', 10],
    ['large', 300_000],
  ] as const) {
    await ask('PUT', `/bkt/${name}`, withKey(key, { body: Buffer.alloc(size, 'x') }))
    await ask('GET', `/bkt/${name}`, withKey(key))
    await ask('HEAD', `/bkt/${name}`, withKey(key))
    await ask('GET', `/bkt/${name}`, withKey(other))
    const copy = { 'x-amz-copy-source': `/bkt/${name}`, ...keyHeaders(key, 'x-amz-copy-source-') }
    await ask('PUT', `/bkt/${name}-copy`, withKey(key, { headers: copy }))
    await ask('PUT', `/bkt/${name}-open`, { tls: true, headers: copy })
  }
  const id = await createUpload(node, '/bkt/parts', withKey(key))
  const etag = await putPart(node, '/bkt/parts', id, 1, withKey(key, { body: 'part' }))
  const body = completeBody([[1, etag]])
  await ask('POST', `/bkt/parts?uploadId=${id}`, withKey(key, { body }))
  // Refusals: what is wrong is told, and the key is not.
  const name = 'x-amz-server-side-encryption-customer'
  await ask('PUT', '/bkt/o', withKey(key, { headers: { [`${name}-key-md5`]: 'wrong' }, body: 'x' }))
  await ask('PUT', '/bkt/o', withKey(key, { headers: { [`${name}-algorithm`]: 'X' }, body: 'x' }))
  await ask('PUT', '/bkt/o', withKey(key, { secret: 'not the secret', body: 'x' }))
  // Keys where they do not belong, Swift's spellings among them; signed rightly and wrongly.
  for (const secret of [secretKey, 'not the secret']) {
    for (const headers of [
      { 'x-amz-meta-encryption-key': base64 },
      swiftSpellings.own(key),
      swiftSpellings.guide(key),
      swiftSourceSpellings.own(key),
      { 'X-Container-Meta-Encryption-Key': base64 },
    ]) {
      await ask('GET', '/bkt/small', { secret, headers })
      await ask('PUT', '/bkt/o', { secret, headers, body: 'x' })
    }
  }
  // A presigned URL of SigV2 carries the key in its query; with a wrong signature too.
  const { hostname, port } = new URL(node.http)
  for (const secret of [secretKey, 'not the secret']) {
    const path = presignV2('GET', '/bkt/small', { secret, parameters: keyHeaders(key) })
    const answer = await exchange({ method: 'GET', path, hostname, port }, Buffer.alloc(0))
    answers.push(answer.text)
  }
  return answers.join('\n')
}

/** The same through Swift: logins, tokens, and a key in every spelling, right, wrong and out of place. */
async function useSwift(node: TestNode): Promise<{ answers: string; tokens: string[] }> {
  const { answers, ask, askForToken } = keeping(node)
  const tokens: string[] = []
  for (const [name, secretName] of [
    ['X-Auth-User', 'X-Auth-Key'],
    ['X-Storage-User', 'X-Storage-Pass'],
  ] as const) {
    const headers = { [name]: 'test:tester', [secretName]: password }
    const { headers: got } = await askForToken('GET', '/auth/v1.0', { sign: false, headers })
    tokens.push(String(got['x-auth-token']))
  }
  for (const headers of [
    { 'X-Auth-User': 'test:tester', 'X-Auth-Key': wrongPassword },
    { 'X-Auth-User': `test:${wrongPassword}`, 'X-Auth-Key': password },
    { 'X-Auth-User': password, 'X-Auth-Key': 'test:tester' },
    { 'X-Auth-User': 'test:absent', 'X-Auth-Key': password },
  ]) {
    await ask('GET', '/auth/v1.0', { sign: false, headers })
  }
  await ask('POST', '/auth/v1.0', { sign: false, headers: { 'X-Auth-Key': password } })
  await ask('GET', `/auth/v1.0?X-Auth-Key=${password}`, { sign: false })
  const token = tokens[0]!
  const swift = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    ask(method, `/v1/AUTH_test${path}`, {
      sign: false,
      tls: true,
      headers: { 'X-Auth-Token': token, ...headers },
      ...(body !== undefined && { body }),
    })
  await swift('PUT', '/swift', {})
  for (const [name, spell] of Object.entries(swiftSpellings)) {
    const path = `/swift/${name}`
    const own = spell(key)
    await swift('PUT', path, own, 'x'.repeat(9000))
    for (const method of ['GET', 'HEAD']) {
      await swift(method, path, own)
      await swift(method, path, spell(other))
    }
    await swift('POST', path, { ...own, 'X-Object-Meta-Colour': 'blue' })
    await swift('COPY', path, { ...own, Destination: '/swift/copy' })
    for (const source of Object.values(swiftSourceSpellings)) {
      await swift('COPY', path, { ...source(key), ...own, Destination: '/swift/copy' })
      await swift('PUT', '/swift/copy', { ...source(key), 'X-Copy-From': path }, '')
      await swift('GET', path, source(key))
    }
    // Malformed in every field, sent twice, and where no key is wanted.
    for (const field of Object.keys(own)) {
      await swift('PUT', '/swift/o', { ...own, [field]: '' }, 'x')
      await swift('PUT', '/swift/o', { ...own, [field]: `${base64}${base64}` }, 'x')
      await swift('PUT', '/swift/o', { ...own, [field]: key.toString('hex') }, 'x')
      await swift('PUT', '/swift/o', { [field]: base64 }, 'x')
      await swift('PUT', '/swift/o', { ...own, ...swiftKey(other), [field]: base64 }, 'x')
      await swift('PUT', '/swift/o', { [field.replaceAll('-', '_')]: base64 }, 'x')
    }
    const keyField = Object.keys(own).find((field) => field.toLowerCase().endsWith('-key'))
    for (const method of ['GET', 'PUT']) {
      await swift(method, `${path}?${keyField}=${encodeURIComponent(base64)}`, {}, '')
    }
    await swift('PUT', '/swift/o?version-id=null', own, '')
    for (const place of ['/swift', '']) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) await swift(method, place, own)
    }
    await swift('DELETE', path, own)
  }
  for (const level of ['Container', 'Account']) {
    const place = level === 'Container' ? '/swift' : ''
    for (const prefix of [`X-${level}-Meta-Encryption`, `X-${level}-Encryption-Customer`]) {
      const headers = { [`${prefix}-Key`]: base64, [`${prefix}-Algorithm`]: 'AES256' }
      for (const method of ['PUT', 'POST', 'GET']) await swift(method, place, headers)
    }
  }
  // Tokens that are wrong, in the wrong header, in the query, and beside a signature.
  for (const name of ['X-Auth-Token', 'X-Storage-Token', 'X-Service-Token']) {
    await swift('GET', '', { [name]: `${token}x` })
    await swift('GET', '', { [name]: token.slice(0, -1) })
    await swift('GET', '/absent', { 'X-Auth-Token': '', [name]: token })
  }
  await ask('GET', `/v1/AUTH_test?X-Auth-Token=${token}`, { sign: false })
  for (const secret of [secretKey, 'not the secret']) {
    await ask('GET', '/absent', { secret, headers: { 'X-Auth-Token': token } })
  }
  answers.push(await sendBroken(node, `X-Auth-Token: ${token}\r\nX-Auth-Key: ${password}`))
  answers.push(await sendBroken(node, `X-Object-Encryption-Customer-Key: ${base64}`))
  return { answers: answers.join('\n'), tokens }
}

/** Sends a request that cannot be parsed, with these headers; gives what is answered. */
function sendBroken(node: TestNode, headers: string): Promise<string> {
  const { hostname, port } = new URL(node.http)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(port), hostname)
    socket.on('data', (piece) => {
      answer += piece.toString()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
    socket.write(`GET /v1/AUTH_test HTTP/1.1\r\nHost: x\r\n${headers}\r\nno header\r\n\r\n`)
  })
}

t.test('no key that a request brought is found anywhere afterwards', async (t) => {
  const node = await startNode(t)
  const answers = await useKey(node)
  check(t, answers, 'an answer', spellings)
  check(t, node.logged(), 'the log', spellings)
  check(t, JSON.stringify(node.audited), 'the audit', spellings)
  const rows = await checkKept(t, node, [...spellings, ...digests])
  t.ok(rows > 20, 'there were rows to look at')
})

t.test('no key, password or token of Swift is found anywhere afterwards', async (t) => {
  const node = await startNode(t)
  const accounts = users.accounts.map((account) => ({
    ...account,
    users: account.users.map((user) => ({ ...user, password })),
  }))
  node.replaceUsers({ accounts })
  const { answers, tokens } = await useSwift(node)
  for (const token of tokens) t.match(token, /^AUTH_tk.{40}/)
  const words = [...spellings, password, wrongPassword, ...tokens]
  check(t, answers, 'an answer', words)
  check(t, node.logged(), 'the log', words)
  check(t, JSON.stringify(node.audited), 'the audit', words)
  t.match(node.logged(), '"operation":"Auth"', 'logins were logged')
  const denied = node.audited.filter(({ result }) => result === 'LoginDenied')
  t.ok(denied.length >= 4, 'and the denied ones audited')
  const rows = await checkKept(t, node, [...words, ...digests])
  t.ok(rows > 5, 'there were rows to look at')
})

t.test('no signature is found in the log', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const { hostname, port } = new URL(node.http)
  const path = presignV2('GET', '/bkt/missing', { secret: secretKey })
  await exchange({ method: 'GET', path, hostname, port }, Buffer.alloc(0))
  const signature = /Signature=([^&]+)/.exec(path)![1]!
  t.match(node.logged(), '/bkt/missing')
  t.notMatch(node.logged(), signature)
  t.notMatch(node.logged(), decodeURIComponent(signature))
})
