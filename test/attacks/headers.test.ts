// Headers that sender and reader understand differently: control characters, keys that come twice or in another
// spelling, ranges that cost more than they return, and requests of HTTP/0.9.
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t from 'tap'
import { loadUsers } from '../../lib/auth/users-file.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import { IdentityRefused } from '../../lib/identity/refused.ts'
import { createUser } from '../../lib/identity/users.ts'
import { startBoth, swiftKey } from '../helpers/both.ts'
import { type Answer, keyHeaders, startNode, type TestNode } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import { customerKey, elements, outcome } from '../helpers/s3.ts'
import { admin, sourceOf } from '../helpers/service.ts'
import { endBytes, readAnswers } from '../helpers/wire.ts'
import { presignV4 } from '../interop/presign.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'headers')

const CONTROLS = ['\0', '\x01', '\b', '\n', '\r', '\r\nSet-Cookie: a=b', '\x0b', '\x1b[2J', '\x7f']

/** A V4 URL of PUT /bkt/o with these headers in its query. */
async function presigned(node: TestNode, headers: Record<string, string>): Promise<string> {
  return (await presignV4('PUT', node.http, '/bkt/o', {}, headers)).slice(node.http.length)
}

t.test('what no header can hold is not stored through a URL', async (t) => {
  const { node, s3, swift } = await startBoth(t)
  await s3('PUT', '/bkt')
  const anonymous = { sign: false, body: 'x' }
  for (const control of CONTROLS) {
    for (const name of ['x-amz-meta-a', 'X-Amz-Meta-B', 'x-amz-storage-class']) {
      const value = `a${control}b`
      const shown = `${name} with ${JSON.stringify(control)}`
      const v2 = presignV2('PUT', '/bkt/o', { parameters: { [name.toLowerCase()]: value } })
      table.tried(
        `V2 URL: ${shown}`,
        (await node.request('PUT', v2, anonymous)).status === 403 ||
          outcome(await node.request('PUT', v2, anonymous)).startsWith('400 '),
      )
      const v4 = await presigned(node, { [name]: value })
      const answer = await node.request('PUT', v4, anonymous)
      table.tried(
        `V4 URL: ${shown}`,
        outcome(answer) === '400 AuthorizationQueryParametersError',
        outcome(answer),
      )
    }
  }
  const plain = await presigned(node, { 'x-amz-meta-a': 'b c' })
  t.equal((await node.request('PUT', plain, anonymous)).status, 200, 'a plain one is stored')
  t.equal((await swift('HEAD', '/bkt/o')).headers['x-object-meta-a'], 'b c')
})

t.test('whatever is stored can be read', async (t) => {
  const { node, s3, swift } = await startBoth(t)
  await s3('PUT', '/bkt')
  const ref = { account: 'test', container: 'bkt', object: 'o' }
  const { service, rootCipher } = node.coffer
  for (const control of CONTROLS) {
    const value = `a${control}b`
    await service.put(admin, ref, {
      source: sourceOf('0123456789'),
      cipher: rootCipher,
      headers: {
        type: value,
        encoding: value,
        disposition: value,
        language: value,
        cacheControl: value,
        expires: value,
        robots: value,
      },
      metadata: { m: value, 'no token': 'x', 'a:b': 'y', 'a\r\nb': 'z' },
    })
    await service.updateContainer(admin, ref, { metadata: { m: value } })
    await service.updateAccount(admin, 'test', { metadata: { m: value } })
    const reads: [what: string, status: number, answer: Answer][] = []
    for (const [dialect, ask] of [['S3', s3] as const, ['Swift', swift] as const]) {
      for (const method of ['HEAD', 'GET']) {
        reads.push([`${dialect} ${method}`, 200, await ask(method, '/bkt/o')])
        const etag = String(reads.at(-1)![2].headers.etag)
        const headers = { 'If-None-Match': etag }
        reads.push([`${dialect} ${method} 304`, 304, await ask(method, '/bkt/o', { headers })])
      }
    }
    const several = { headers: { Range: 'bytes=0-1,4-5' } }
    reads.push(['Swift ranges', 206, await swift('GET', '/bkt/o', several)])
    reads.push(['Swift container', 204, await swift('HEAD', '/bkt')])
    reads.push(['Swift account', 204, await swift('HEAD', '')])
    for (const [what, status, answer] of reads) {
      table.tried(
        `${what} of ${JSON.stringify(control)}`,
        answer.status === status &&
          answer.headers['set-cookie'] === undefined &&
          !answer.text.includes(value),
        `${answer.status} ${answer.text}`,
      )
    }
  }
})

t.test('a container of any name can be asked for again by S3', async (t) => {
  const { s3, swift } = await startBoth(t)
  for (const control of [...CONTROLS.filter((control) => control !== '\0'), 'é', '✓', '"', ' ']) {
    const name = `b${control}c`
    const path = `/${encodeURIComponent(name)}`
    const shown = JSON.stringify(name)
    t.equal((await swift('PUT', path)).status, 201, shown)
    const made = await s3('PUT', path)
    table.tried(
      `CreateBucket over ${shown}`,
      made.status === 200 && made.headers.location === path && !made.headers['set-cookie'],
      `${outcome(made)} ${made.text}`,
    )
    const missing = await s3('GET', `${path}/none`)
    table.tried(`GetObject in ${shown}`, outcome(missing) === '404 NoSuchKey', missing.text)
    for (const [what, method, query, status] of [
      ['HeadBucket', 'HEAD', '', 200],
      ['ListObjects', 'GET', '', 200],
      ['ListObjectsV2', 'GET', '?list-type=2&encoding-type=url', 200],
      ['GetBucketLocation', 'GET', '?location', 200],
      ['PutObject', 'PUT', '/o', 200],
      ['CreateMultipartUpload', 'POST', '/o?uploads', 200],
      ['DeleteObject', 'DELETE', '/o', 204],
      ['DeleteBucket', 'DELETE', '', 204],
      ['HeadBucket afterwards', 'HEAD', '', 400],
    ] as const) {
      const answer = await s3(method, path + query)
      table.tried(`${what} of ${shown}`, answer.status === status, outcome(answer))
    }
    const gone = await s3('PUT', path)
    table.tried(`CreateBucket of ${shown}`, gone.status >= 400 && gone.status < 500, outcome(gone))
  }
  const listed = await s3('GET', '/')
  t.strictSame(elements(listed, 'Name'), [])
})

/** One request over TLS with these header lines, unchanged, each as often as listed. */
function askLines(node: TestNode, method: string, path: string, lines: readonly string[]) {
  const { hostname, port, host } = new URL(node.https)
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false })
    const read: Buffer[] = []
    const head = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...lines]
    socket.once('error', reject)
    socket.on('data', (piece: Buffer) => read.push(piece))
    socket.once('end', () => {
      socket.destroy()
      const [answer] = readAnswers(Buffer.concat(read), method === 'HEAD' ? [0] : [])
      if (answer === undefined) reject(new Error('no answer'))
      else resolve(answer)
    })
    socket.write(`${head.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`)
  })
}

t.test('a key header that comes twice is refused', async (t) => {
  const { node, swift, root, token, s3 } = await startBoth(t)
  await swift('PUT', '/bkt')
  await s3('PUT', '/bkt/plain', { body: 'x' })
  const key = customerKey('a')
  const other = customerKey('b')
  const lines = (headers: Record<string, string>) =>
    Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const md5 = createHash('md5').update(key).digest('base64')
  const swiftSpelling = (prefix: string) => ({
    ...swiftKey(key, prefix),
    [`${prefix}Key-MD5`]: md5,
  })
  const spellings: [dialect: 's3' | 'swift', copies: boolean, headers: Record<string, string>][] = [
    ['s3', false, keyHeaders(key)],
    ['s3', true, keyHeaders(key, 'x-amz-copy-source-')],
    ['swift', false, swiftSpelling('X-Object-Encryption-Customer-')],
    ['swift', false, swiftSpelling('X-Object-Meta-Encryption-')],
    ['swift', false, keyHeaders(key)],
    ['swift', true, swiftSpelling('X-Copy-Source-Object-Encryption-Customer-')],
    ['swift', true, keyHeaders(key, 'x-amz-copy-source-')],
  ]
  for (const [dialect, copies, headers] of spellings) {
    for (const [name, value] of Object.entries(headers)) {
      const wrong = name.toLowerCase().endsWith('algorithm') ? 'AES128' : other.toString('base64')
      for (const second of [value, '', wrong]) {
        for (const method of copies ? ['PUT'] : ['PUT', 'GET', 'HEAD']) {
          const path = `${dialect === 's3' ? '' : root}/bkt/o`
          const copied = dialect === 's3' ? 'x-amz-copy-source' : 'X-Copy-From'
          const own = [
            ...(dialect === 's3' ? [] : [`X-Auth-Token: ${token}`]),
            ...(copies ? [`${copied}: /bkt/plain`] : []),
          ]
          const twice = [...lines(headers), `${name}: ${second}`]
          const target = dialect === 's3' ? presignV2For(method, path, [...own, ...twice]) : path
          const answer = await askLines(node, method, target, [...own, ...twice])
          table.tried(
            `${dialect} ${method}: ${name} twice, then ${second === value ? 'the same' : JSON.stringify(second.slice(0, 3))}`,
            answer.status === 400,
            `${answer.status} ${answer.text}`,
          )
        }
      }
    }
  }
  t.equal((await s3('HEAD', '/bkt/o')).status, 404, 'nothing was written')
})

/** A V2 URL that signs header lines. Those that come twice are joined by a comma, as in V2. */
function presignV2For(method: string, path: string, lines: readonly string[]): string {
  const signed: Record<string, string> = {}
  for (const line of lines) {
    const at = line.indexOf(':')
    const name = line.slice(0, at).toLowerCase()
    const value = line.slice(at + 1).trim()
    signed[name] = name in signed ? `${signed[name]},${value}` : value
  }
  const url = presignV2(method, path, { parameters: signed })
  // They are sent as headers. The query keeps the signature only.
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1))
  for (const name of Object.keys(signed)) query.delete(name)
  return `${path}?${query}`
}

t.test('a key header with an underscore is refused, not ignored', async (t) => {
  const { node, s3, swift } = await startBoth(t)
  await swift('PUT', '/bkt')
  await s3('PUT', '/bkt/plain', { body: 'x' })
  const key = customerKey('a')
  const keys = [
    ...Object.entries(keyHeaders(key)),
    ...Object.entries(keyHeaders(key, 'x-amz-copy-source-')),
    ...Object.entries(swiftKey(key)),
    ...Object.entries(swiftKey(key, 'X-Object-Meta-Encryption-')),
  ]
  const others = [
    ['x-amz-server-side-encryption', 'AES256'],
    ['x-amz-meta-encryption-key', key.toString('base64')],
    ['x-amz-meta-server-side-encryption-customer-key', key.toString('base64')],
  ] as const
  for (const [name, value] of [...keys, ...others]) {
    const first = name.replace('-', '_')
    const last = name.replace(/-(?=[^-]*$)/, '_')
    for (const spelled of new Set([first, last, name.replaceAll('-', '_')])) {
      for (const method of ['PUT', 'GET', 'HEAD', 'DELETE']) {
        const headers = { [spelled]: value }
        const answer = await s3(method, '/bkt/plain', { tls: true, headers, body: '' })
        table.tried(
          `S3 ${method} with the header ${spelled}`,
          answer.status === 400,
          outcome(answer),
        )
      }
    }
  }
  for (const [name, value] of keys) {
    for (const spelled of [name, name.replace('-', '_'), name.replaceAll('-', '_')]) {
      const query = new URLSearchParams({ [spelled]: value })
      const answer = await s3('PUT', `/bkt/q?${query}`, { tls: true, body: 'y' })
      table.tried(`S3 PUT with ${spelled} in the query`, answer.status === 400, outcome(answer))
      const v2 = `${presignV2('PUT', '/bkt/q')}&${query}`
      const presigned = await node.request('PUT', v2, { sign: false, tls: true, body: 'y' })
      table.tried(
        `V2 URL with ${spelled} added to the query`,
        presigned.status === 400 || presigned.status === 403,
        outcome(presigned),
      )
    }
  }
  t.equal((await s3('GET', '/bkt/plain')).text, 'x', 'the object is what it was')
  t.equal((await s3('HEAD', '/bkt/q')).status, 404, 'nothing was written')
  // Swift reads both spellings as one header, as other Swift servers do, so that the key counts.
  for (const [prefix, at] of [
    ['X_Object_Encryption_Customer_', 'o1'],
    ['X_Object_Meta_Encryption_', 'o2'],
    ['x_amz_server_side_encryption_customer_', 'o3'],
    ['X-Object_Encryption-Customer_', 'o4'],
  ] as const) {
    const put = await swift('PUT', `/bkt/${at}`, {
      tls: true,
      headers: swiftKey(key, prefix),
      body: 'sealed',
    })
    const bare = await swift('GET', `/bkt/${at}`)
    table.tried(`Swift: ${prefix}Key seals`, put.status === 201 && bare.status === 400, bare.text)
    const both = { ...swiftKey(key, prefix), ...swiftKey(key, prefix.replaceAll('_', '-')) }
    const twice = await swift('PUT', `/bkt/${at}`, { tls: true, headers: both, body: 'y' })
    table.tried(`Swift: ${prefix}Key in both spellings`, twice.status === 400, twice.text)
    const query = `?${new URLSearchParams(swiftKey(key, prefix))}`
    const asked = await swift('PUT', `/bkt/q${query}`, { tls: true, body: 'y' })
    table.tried(`Swift: ${prefix}Key in the query`, asked.status === 400, asked.text)
  }
  t.equal((await swift('HEAD', '/bkt/q')).status, 404, 'nothing was written')
  t.notMatch(node.logged(), key.toString('base64'), 'no key is in the log')
})

t.test('ranges that cost more than the object are refused', async (t) => {
  const { s3, swift } = await startBoth(t)
  await swift('PUT', '/bkt')
  const size = 1 << 16
  await swift('PUT', '/bkt/o', { body: randomBytes(size) })
  const sets: Record<string, string[]> = {
    'equal ones': Array(50).fill('0-65535'),
    'equal ones without an end': Array(50).fill('0-'),
    'equal suffixes': Array(50).fill('-65536'),
    'the whole in three spellings': ['0-65535', '0-', '-65536'],
    'equal ends beyond the object': ['0-65535', '0-65536', '0-99999999'],
    'equal bytes': Array(50).fill('0-0'),
    'nested ones': Array.from({ length: 50 }, (_, i) => `${i}-${65535 - i}`),
    'ones that end alike': Array.from({ length: 50 }, (_, i) => `${i}-`),
    'ones that begin alike': Array.from({ length: 50 }, (_, i) => `0-${i + 100}`),
    'equal pairs': Array.from({ length: 50 }, (_, i) => `${i >> 1}-${i >> 1}`),
  }
  for (const [what, members] of Object.entries(sets)) {
    const Range = `bytes=${members.join(',')}`
    const answer = await swift('GET', '/bkt/o', { headers: { Range } })
    table.tried(`Swift: ${members.length} ranges, ${what}`, answer.status === 416, answer.status)
    const other = await s3('GET', '/bkt/o', { headers: { Range } })
    table.tried(
      `S3: ${members.length} ranges, ${what}, bring at most the object`,
      other.body.length <= size,
      other.body.length,
    )
    const from = { 'X-Copy-From': '/bkt/o', Range }
    const copy = await swift('PUT', '/bkt/copy', { headers: from, body: '' })
    table.tried(`Swift copy: ${what}`, copy.status >= 400 && copy.status < 500, copy.status)
  }
  const twice = await swift('GET', '/bkt/o', { headers: { Range: 'bytes=0-9,0-9' } })
  t.equal(twice.status, 206, 'a range asked for twice is given')
})

t.test('a request line without a version is refused', async (t) => {
  const { node, root } = await startBoth(t)
  for (const path of ['/', '/bkt/o', root, '/info', '/auth/v1.0']) {
    for (const line of [`GET ${path}\r\n`, `GET ${path}\n`, `GET ${path}\r\n\r\n`]) {
      const bytes = await endBytes(node.http, line)
      const status = /^HTTP\/1\.1 (\d+) /.exec(bytes.toString('latin1'))?.[1]
      table.tried(
        `HTTP/0.9: ${JSON.stringify(line)}`,
        status !== undefined && Number(status) >= 400,
        bytes.toString('latin1').slice(0, 40),
      )
    }
  }
})

function throws(action: () => unknown, kind: new (...args: never[]) => Error): boolean {
  try {
    action()
    return false
  } catch (error) {
    return error instanceof kind
  }
}

t.test(
  'an account’s id holds no colon: `account:user` ends its account at the first',
  async (t) => {
    const node = await startNode(t)
    const file = join(t.testdir(), 'users.yaml')
    writeFileSync(file, 'accounts: []\n', { mode: 0o600 })
    t.ok(loadUsers(file), 'the file itself can be read')
    for (const id of ['a:b', ':', 'test:tester', 'a:', ':a']) {
      writeFileSync(file, `accounts: [{ id: "${id}", users: [{ name: u, password: p }] }]\n`)
      table.tried(
        `an account called ${id} in a file`,
        throws(() => loadUsers(file), FileInvalid),
      )
      const { registry } = node.coffer
      const user = { account: id, user: 'u', roles: [] }
      const made = { address: '::1', makesProject: true }
      const refused = await createUser(registry, 'operator', user, made).then(
        () => false,
        (error) => error instanceof IdentityRefused,
      )
      table.tried(`an account called ${id} from the command line`, refused)
    }
    writeFileSync(file, 'accounts: [{ id: a, users: [{ name: "u:v", password: p }] }]\n')
    t.ok(loadUsers(file).byName('a', 'u:v'), 'the user’s name may')
  },
)
