// Two dialects share one port: signatures in the place of tokens, tokens in the place of signatures, control
// headers of one dialect in a request of the other, hosts and paths that could be read in two ways, and headers
// that only a proxy may send.
import t, { type Test } from 'tap'
import { makeHeaderTable, ruleFor } from '../../middleware/header-table.ts'
import { headerRules as s3Rules } from '../../middleware/s3/header-rules.ts'
import { headerRules as swiftRules } from '../../middleware/swift/header-rules.ts'
import { startBoth } from '../helpers/both.ts'
import { type Answer, keyHeaders, type SentRequest, sign } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import { customerKey, outcome } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'
import { requestOf, talk } from './talk.ts'

const table = attackTable(t, 'dialects')

const CONTENT = 'private-content'
const theirs = { access: 'other:other', secret: 'testing2' }
const root = '/v1/AUTH_test'

/** A node with a private object `bkt/o`, a public one `pub/p`, and another account with a container `theirs`. */
async function startShared(t: Test) {
  const both = await startBoth(t, {
    domains: ['s3.test'],
    limits: { loginFailures: 10_000, loginFailuresPerAddress: 10_000 },
  })
  const { node, swift, s3 } = both
  await swift('PUT', '/bkt')
  await swift('PUT', '/pub', { headers: { 'X-Container-Read': '.r:*' } })
  await s3('PUT', '/bkt/o', { body: CONTENT })
  await s3('PUT', '/pub/p', { body: 'public' })
  await node.request('PUT', '/theirs', theirs)
  const other = await login(node, 'other:other', 'testing2')
  const state = async () => {
    const answers = await Promise.all([
      swift('GET', '/bkt?format=json'),
      swift('GET', '/pub?format=json'),
      swift('GET', '?format=json'),
      swift('GET', '/bkt/o'),
      other.request('GET', '?format=json'),
    ])
    const lists = ['/bkt', '/pub'].map(async (path) => {
      const { headers } = await swift('HEAD', path)
      return [headers['x-container-read'], headers['x-container-write']].join()
    })
    return [...answers.map(({ text }) => text), ...(await Promise.all(lists))].join('\n')
  }
  const before = await state()
  /** A row: no content in the answer, nothing changed, and no status of success unless `mayAnswer`. */
  const tried = async (
    name: string,
    answer: { status: number; text: string },
    mayAnswer = false,
  ) => {
    const refused = mayAnswer || answer.status === 0 || answer.status >= 300
    const unread = !answer.text.includes(CONTENT)
    const same = (await state()) === before
    table.tried(name, refused && unread && same, { status: answer.status, unread, same })
  }
  return { ...both, other, tried, host: new URL(node.http).host }
}

/** The last answer of a raw exchange; status 0 where the connection was closed without one. */
const lastOf = ({ text, statuses }: { text: string; statuses: readonly number[] }) => ({
  status: statuses.at(-1) ?? 0,
  text,
})

t.test('proof of one dialect is none in the other', async (t) => {
  const { node, token, other, tried } = await startShared(t)
  const methods = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'COPY']
  const body = (method: string) => (['PUT', 'POST'].includes(method) ? { body: 'taken' } : {})
  for (const method of methods) {
    const ask = (path: string, options: SentRequest) =>
      node.request(method, path, { ...body(method), ...options })
    const own = { 'x-auth-token': token }
    await tried(
      `a signature of the owner on a Swift path: ${method}`,
      await ask(`${root}/bkt/o`, {}),
    )
    await tried(
      `a signature of another on a Swift path: ${method}`,
      await ask(`${root}/bkt/o`, theirs),
    )
    await tried(
      `a token on a path of S3: ${method}`,
      await ask('/bkt/o', { sign: false, headers: own }),
    )
    for (const path of ['/bkt/o', `${root}/bkt/o`]) {
      await tried(
        `the owner’s token beside another’s signature: ${method} ${path}`,
        await ask(path, { ...theirs, headers: own }),
      )
      await tried(
        `the owner’s token beside a wrong signature: ${method} ${path}`,
        await ask(path, { secret: 'wrong', headers: own }),
      )
      await tried(
        `another’s token beside a wrong signature: ${method} ${path}`,
        await ask(path, { secret: 'wrong', headers: { 'x-auth-token': other.token } }),
      )
    }
    const url = presignV2(method, '/bkt/o', theirs)
    await tried(
      `the owner’s token beside another’s presigned URL: ${method}`,
      await ask(url, { sign: false, headers: own }),
    )
    const swiftUrl = presignV2(method, `${root}/bkt/o`)
    await tried(
      `a presigned URL of the owner on a Swift path: ${method}`,
      await ask(swiftUrl, { sign: false }),
    )
  }
  const basic = Buffer.from('test:tester:testing').toString('base64')
  const plain = Buffer.from('test%3Atester:testing').toString('base64')
  const claims: Record<string, Record<string, string>> = {
    'a token as Bearer': { authorization: `Bearer ${token}` },
    'a token as Authorization': { authorization: token },
    'a token as AWS': { authorization: `AWS ${token}` },
    'a token as an access key': { authorization: `AWS4-HMAC-SHA256 Credential=${token}` },
    'a password as Basic': { authorization: `Basic ${basic}` },
    'a password as Basic with the name encoded': { authorization: `Basic ${plain}` },
    'a password in headers of a login': { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' },
    'a token as a cookie': { cookie: `X-Auth-Token=${token}; token=${token}` },
    'a token as a service token': { 'x-service-token': token },
    'a token as a user': { 'x-auth-user': token },
    'a token as a security token': { 'x-amz-security-token': token },
    'an empty token before a good one': { 'x-auth-token': '', 'x-storage-token': token },
    'claims of a front end': {
      'x-remote-user': 'test:tester',
      'x-user-name': 'tester',
      'x-identity-status': 'Confirmed',
      'x-roles': 'admin',
      'x-tenant-id': 'test',
      'x-project-id': 'test',
    },
  }
  for (const [name, headers] of Object.entries(claims)) {
    for (const path of ['/bkt/o', `${root}/bkt/o`]) {
      await tried(`${name}: GET ${path}`, await node.request('GET', path, { sign: false, headers }))
    }
  }
  for (const query of [
    `X-Auth-Token=${token}`,
    `x-auth-token=${token}`,
    `token=${token}`,
    `access_token=${token}`,
    `temp_url_sig=${'0'.repeat(40)}&temp_url_expires=9999999999`,
    'swiftinfo_sig=0&swiftinfo_expires=9999999999',
  ]) {
    for (const path of ['/bkt/o', `${root}/bkt/o`]) {
      await tried(
        `in the query: ${query.split('=')[0]} on ${path}`,
        await node.request('GET', `${path}?${query}`, { sign: false }),
      )
    }
  }
})

t.test('a parameter of S3’s signatures makes no request of Swift pass', async (t) => {
  const { node, token, tried } = await startShared(t)
  const own = { 'x-auth-token': token }
  for (const query of [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    'X-Amz-Credential=test:tester/20200101/us-east-1/s3/aws4_request',
    `X-Amz-Signature=${'0'.repeat(64)}`,
    'AWSAccessKeyId=test:tester',
    'Signature=x',
    'AWSAccessKeyId=test:tester&Expires=9999999999&Signature=x',
  ]) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const options = { sign: false, headers: own, ...(method === 'PUT' ? { body: 'taken' } : {}) }
      await tried(
        `${method} ?${query}`,
        await node.request(method, `${root}/bkt/o?${query}`, options),
      )
    }
  }
  // In another case these are no parameters of a signature, and Swift answers as usual.
  for (const query of ['x-amz-signature=x', 'X-AMZ-SIGNATURE=x', 'signature=x']) {
    const { text } = await node.request('GET', `${root}/bkt/o?${query}`, {
      sign: false,
      headers: own,
    })
    table.tried(`?${query} is no signature`, text === CONTENT, text)
    await tried(
      `and opens nothing: ?${query}`,
      await node.request('GET', `${root}/bkt/o?${query}`, { sign: false }),
    )
  }
})

/** What a smuggled header could have changed in an object, as the owner sees it. */
function seen({ headers, text }: Answer): string {
  const own = /^(date|etag|last-modified|x-timestamp|x-trans-id|x-openstack-request-id|connection)$/
  return JSON.stringify([Object.entries(headers).filter(([name]) => !own.test(name)), text])
}

/** Values with the greatest effect. */
const values: Readonly<Record<string, string>> = {
  'x-copy-from': '/bkt/o',
  'x-copy-from-account': 'AUTH_test',
  destination: '/pub/o',
  'x-delete-at': '9999999999',
  'x-delete-after': '1',
  'x-container-read': '.r:*,.rlistings',
  'x-container-write': '.r:*',
  'x-timestamp': '0000000001.00000',
  'x-amz-acl': 'public-read-write',
  'x-amz-copy-source': '/bkt/o',
  'x-amz-content-sha256': '0'.repeat(64),
  'x-amz-decoded-content-length': '1',
  'x-amz-server-side-encryption': 'aws:kms',
}

t.test('a control header of the other dialect does nothing', async (t) => {
  const { s3, swift, node, tried } = await startShared(t)
  const firewall = { s3: makeHeaderTable(s3Rules), swift: makeHeaderTable(swiftRules) }
  const foreign = {
    s3: [
      ...s3Rules.map(({ family }) => family),
      ...['x-copy-from', 'x-copy-from-account', 'destination', 'x-container-read'],
      ...['x-container-write', 'x-delete-at', 'x-delete-after', 'x-object-manifest'],
      ...['x-object-meta-a', 'x-container-meta-a', 'x-account-access-control', 'x-account-meta-a'],
      ...['x-versions-enabled', 'x-versions-location', 'x-symlink-target', 'x-auth-token'],
    ],
    swift: [
      ...['x-amz-acl', 'x-amz-grant-read', 'x-amz-meta-a', 'x-amz-copy-source', 'x-amz-tagging'],
      ...['x-amz-storage-class', 'x-amz-website-redirect-location', 'x-amz-object-lock-mode'],
      ...['x-amz-content-sha256', 'x-amz-decoded-content-length', 'x-amz-security-token'],
      ...['x-amz-expected-bucket-owner', 'x-amz-bypass-governance-retention', 'x-amz-mfa'],
      ...['x-amz-metadata-directive', 'x-amz-date', 'x-amz-server-side-encryption'],
      ...[
        'x-amz-copy-source-range',
        'x-amz-checksum-sha256',
        'x-amz-trailer',
        'x-amz-rename-source',
      ],
    ],
  }
  const kinds = [
    ['object', '/made/o', 'text'],
    ['container', '/fresh', ''],
  ] as const
  for (const [dialect, ask] of [
    ['s3', s3],
    ['swift', swift],
  ] as const) {
    for (const [kind, path, body] of kinds) {
      await swift('PUT', '/made')
      await ask('PUT', path, { body })
      const plain = seen(await swift('GET', path))
      await swift('DELETE', path)
      for (const family of new Set(foreign[dialect])) {
        const dashed = family.replaceAll('*', 'key')
        // A header that requests encryption must not be ignored: the object would be stored without it.
        const mustFail = ruleFor(firewall[dialect], dashed)?.when === 'always'
        for (const name of [dashed, dashed.replaceAll('-', '_')]) {
          const headers = { [name]: values[dashed] ?? 'true' }
          const answer = await ask('PUT', path, { body, headers })
          const got = await swift('GET', path)
          const isRefused = answer.status >= 400 && answer.status < 500 && got.status === 404
          table.tried(
            `${dialect}: ${name} with the making of one ${kind}`,
            isRefused || (!mustFail && seen(got) === plain),
            [outcome(answer), seen(got), plain],
          )
          if (got.status < 300) await swift('DELETE', path)
        }
      }
      await swift('DELETE', '/made')
    }
  }
  for (const query of ['bulk-delete', 'extract-archive=tar', 'version-id=null', 'symlink=get']) {
    await tried(
      `S3 with ?${query}, unsigned`,
      await node.request('DELETE', `/bkt/o?${query}`, { sign: false }),
    )
  }
  for (const query of ['uploads', 'acl', 'delete', 'versioning', 'uploadId=x&partNumber=1']) {
    for (const path of [`${root}/bkt`, `${root}/bkt/o`]) {
      await tried(
        `Swift with ?${query}, without a token: PUT ${path}`,
        await node.request('PUT', `${path}?${query}`, { sign: false, body: '<X/>' }),
      )
    }
  }
})

t.test('a host is read in one way', async (t) => {
  const { node, token, tried } = await startShared(t)
  const raw = async (line: string, fields: string[]) =>
    lastOf(await talk(node.http, requestOf(line, fields)))
  for (const host of [
    ...['bkt.s3.test', 'BKT.S3.TEST', 'bkt.s3.test:80', 'bkt.s3.test.', 'bkt.s3.test:80:80'],
    ...['x@bkt.s3.test', 'bkt.s3.test@x', 'bkt.s3.test/../', '.s3.test', 's3.test', '..s3.test'],
    ...['bkt%2es3.test', '%62kt.s3.test', 'pub.s3.test,bkt.s3.test', 'bkt.s3.test pub.s3.test'],
    ...['pub.s3.test#bkt.s3.test', 'bkt.s3.test\tx', 'bkt.pub.s3.test', '[::1].s3.test', ''],
  ]) {
    for (const path of ['/o', '/bkt/o', '/../bkt/o', `${root}/bkt/o`]) {
      await tried(
        `Host: ${host} with ${path}`,
        await raw(`GET ${path} HTTP/1.1`, [`Host: ${host}`]),
      )
    }
  }
  for (const fields of [
    ['Host: pub.s3.test', 'Host: bkt.s3.test'],
    ['Host: bkt.s3.test', 'Host: pub.s3.test'],
    ['Host: pub.s3.test', ' bkt.s3.test'],
    ['Host : bkt.s3.test'],
    ['X-Host: bkt.s3.test'],
    [],
  ]) {
    await tried(`${fields.join(' + ') || 'no host'}`, await raw('GET /o HTTP/1.1', fields))
  }
  // A signature for one bucket opens no other.
  const signed = await sign('GET', '/o', { host: 'theirs.s3.test' }, Buffer.alloc(0), theirs)
  const { host: _, ...rest } = signed
  const lines = Object.entries(rest).map(([name, value]) => `${name}: ${value}`)
  const get = 'GET /o HTTP/1.1'
  for (const [name, line, fields] of [
    ['another bucket as host', get, ['Host: bkt.s3.test']],
    ['another in the target', 'GET http://bkt.s3.test/o HTTP/1.1', ['Host: theirs.s3.test']],
    ['its path instead of its host', 'GET /theirs/o HTTP/1.1', ['Host: bkt.s3.test']],
    ['another as X-Forwarded-Host', get, ['Host: theirs.s3.test', 'X-Forwarded-Host: bkt.s3.test']],
    ['its own as X-Forwarded-Host', get, ['Host: bkt.s3.test', 'X-Forwarded-Host: theirs.s3.test']],
    ['another as Forwarded', get, ['Host: theirs.s3.test', 'Forwarded: host=bkt.s3.test']],
    ['the owner’s token with it', get, ['Host: bkt.s3.test', `X-Auth-Token: ${token}`]],
  ] as const) {
    await tried(`signed for theirs.s3.test: ${name}`, await raw(line, [...fields, ...lines]))
  }
})

t.test('a path is read in one way', async (t) => {
  const { node, other, tried } = await startShared(t)
  const raw = async (line: string, fields: readonly string[] = []) =>
    lastOf(await talk(node.http, requestOf(line, ['Host: h', ...fields])))
  for (const [dialect, base] of [
    ['S3', ''],
    ['Swift', root],
  ]) {
    for (const path of [
      ...['/pub/../bkt/o', '/pub/%2e%2e/bkt/o', '/pub/..%2fbkt/o', '/pub%2f..%2fbkt/o'],
      ...['/pub/%252e%252e/bkt/o', '/pub/..;/bkt/o', '/pub\\..\\bkt\\o', '/pub/%5c..%5cbkt%5co'],
      ...['/pub/p/../../bkt/o', '/pub/p%00/../../bkt/o', '/pub%00/../bkt/o', '/bkt/o%00'],
      ...['//bkt/o', '/./bkt/o', '/bkt//o', '/bkt/./o', '/bkt%2fo', '/%62kt/o', '/bkt;a=b/o'],
      ...['/bkt/o%', '/bkt/%6', '/bkt/%zz', '/bkt/%c0%ae', '/bkt/%ff', '/bkt/%u006f', '/bkt/o#p'],
      ...['/pub/p?/../bkt/o', '/pub/%0d%0aX-Auth-Token:%20x', '/bkt/o%20', '/bkt/%ef%bb%bfo'],
    ]) {
      await tried(
        `${dialect}, anonymous: GET ${path}`,
        await raw(`GET ${base}${path} HTTP/1.1`),
        /^\/pub\/p\?/.test(path),
      )
      await tried(
        `${dialect}, anonymous: DELETE ${path}`,
        await raw(`DELETE ${base}${path} HTTP/1.1`),
      )
    }
  }
  for (const path of [
    ...['/v1/AUTH_other/../AUTH_test/bkt/o', '/v1/AUTH_other%2f..%2fAUTH_test/bkt/o'],
    ...['/v1/AUTH_other/theirs/../../AUTH_test/bkt/o', '/v1//AUTH_test/bkt/o', '/v1/test/bkt/o'],
    ...[
      '/v1/AUTH_test/bkt/o',
      '/v1/AUTH_%74est/bkt/o',
      '/v1.0/AUTH_test/bkt/o',
      '/v2/AUTH_test/bkt/o',
    ],
    ...['/V1/AUTH_test/bkt/o', '/v1/auth_test/bkt/o', '/v1/.test/bkt/o', '/v1/AUTH_.test/bkt/o'],
    ...['/v1/AUTH_AUTH_test/bkt/o', '/v1/AUTH_test%00/bkt/o', '/v1/AUTH_test%20/bkt/o'],
    ...['/v1/AUTH_other%00AUTH_test/bkt/o', '/v1/AUTH_/bkt/o', '/v1/AUTH_TEST/bkt/o'],
    ...['/v1/SERVICE_test/bkt/o', '/auth/../v1/AUTH_test/bkt/o', '/info/../v1/AUTH_test/bkt/o'],
  ]) {
    for (const method of ['GET', 'DELETE']) {
      const fields = [`X-Auth-Token: ${other.token}`]
      await tried(
        `with another’s token: ${method} ${path}`,
        await raw(`${method} ${path} HTTP/1.1`, fields),
      )
    }
  }
  for (const target of [
    ...['http://evil/bkt/o', 'https://evil/bkt/o', 'http://bkt.s3.test/o', 'HTTP://BKT.s3.TEST/o'],
    ...['ftp://h/bkt/o', 'bkt/o', '?x', '*', '//h/bkt/o', 'http:///bkt/o', 'http:bkt/o', 'h:80'],
    ...[
      'http://x@bkt.s3.test/o',
      `http://h${root}/bkt/o`,
      `https://h${root}/bkt/o`,
      'file:///etc/passwd',
    ],
  ]) {
    await tried(`anonymous: GET ${target}`, await raw(`GET ${target} HTTP/1.1`))
  }
})

t.test('no header makes another method of a request', async (t) => {
  const { node, token, tried } = await startShared(t)
  const names = [
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'X-Original-Method',
  ]
  for (const name of names) {
    const headers = { [name]: 'DELETE' }
    for (const method of ['HEAD', 'OPTIONS']) {
      await tried(
        `S3: ${method} with ${name}`,
        await node.request(method, '/bkt/o', { headers }),
        true,
      )
      const own = { sign: false, headers: { ...headers, 'x-auth-token': token } }
      await tried(
        `Swift: ${method} with ${name}`,
        await node.request(method, `${root}/bkt/o`, own),
        true,
      )
    }
  }
  for (const name of ['X-Original-URL', 'X-Rewrite-URL', 'X-Forwarded-Uri', 'X-Forwarded-Prefix']) {
    const headers = { [name]: `${root}/bkt/o` }
    const answer = await node.request('GET', '/pub/p', { sign: false, headers })
    await tried(`${name} names another path`, answer, true)
  }
  for (const query of ['_method=DELETE', 'x-http-method-override=DELETE', 'method=DELETE']) {
    await tried(`?${query}`, await node.request('HEAD', `/bkt/o?${query}`), true)
  }
  for (const method of [
    ...['delete', 'Delete', 'PATCH', 'PROPFIND', 'MOVE', 'MKCOL', 'LOCK', 'PURGE', 'TRACE', 'LINK'],
    ...['REPORT', 'SEARCH', 'FOO', 'CONNECT', 'DELETE\0', 'GET,DELETE'],
  ]) {
    for (const path of ['/bkt/o', `${root}/bkt/o`]) {
      const fields = ['Host: h', `X-Auth-Token: ${token}`, 'X-Canary: echo-canary']
      const said = await talk(node.http, requestOf(`${method} ${path} HTTP/1.1`, fields))
      const answer = lastOf(said)
      await tried(`${JSON.stringify(method)} ${path}`, answer)
      table.tried(
        `${JSON.stringify(method)} ${path} echoes no header`,
        !/echo-canary|AUTH_tk/.test(said.text),
        said.text,
      )
    }
  }
})

t.test('only a trusted proxy says how and from where a request came', async (t) => {
  const { node, host, tried } = await startShared(t)
  const keys = keyHeaders(customerKey('k'))
  const secure: Record<string, string>[] = [
    { 'x-forwarded-proto': 'https' },
    { 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' },
    { 'x-forwarded-scheme': 'https' },
    { 'x-forwarded-ssl': 'on' },
    { 'front-end-https': 'on' },
    { 'x-url-scheme': 'https' },
    { 'x-forwarded-port': '443' },
    { forwarded: 'for=127.0.0.1;proto=https' },
    { via: '1.1 proxy' },
  ]
  for (const headers of secure) {
    const put = await node.request('PUT', '/bkt/sealed', {
      headers: { ...keys, ...headers },
      body: 'x',
    })
    await tried(`a customer key in clear with ${JSON.stringify(headers)}`, put)
  }
  const lie = '203.0.113.99'
  const clients: Record<string, string>[] = [
    { 'x-forwarded-for': lie },
    { 'x-forwarded-for': `${lie}, 127.0.0.1` },
    { 'x-real-ip': lie },
    { 'client-ip': lie },
    { 'true-client-ip': lie },
    { 'x-client-ip': lie },
    { 'x-cluster-client-ip': lie },
    { forwarded: `for=${lie}` },
  ]
  for (const headers of clients) {
    const name = JSON.stringify(headers)
    await tried(
      `${name} on a write`,
      await node.request('DELETE', '/bkt/o', { sign: false, headers }),
    )
    const { address } = node.audited.at(-1)!
    table.tried(`${name} is not who the audit names`, address === '127.0.0.1', address)
    const opened = await node.request('GET', '/auth/v1.0', {
      sign: false,
      headers: {
        ...{ 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' },
        ...{ 'x-forwarded-host': 'evil', 'x-forwarded-proto': 'https' },
        ...headers,
      },
    })
    const url = opened.headers['x-storage-url']
    table.tried(`${name} and a forwarded host: not in a URL`, url === `http://${host}${root}`, url)
  }
})
