// What a stranger, or a request that fails, is shown: no key, token, password or signature, no path of the disk, no
// stack, nothing of other accounts. Parts of a request that an answer repeats are escaped, so that they stay text.
import t, { type Test } from 'tap'
import type { Config } from '../../lib/config/config.ts'
import { swiftSpellings } from '../helpers/both.ts'
import { type Answer, accessKey, keyHeaders, secretKey, sign, startNode } from '../helpers/node.ts'
import { askOps, opsListener } from '../helpers/ops.ts'
import { presignV2 } from '../helpers/presign.ts'
import { customerKey, outcome } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'
import { requestOf, talk } from './talk.ts'

const table = attackTable(t, 'leaks')

const key = customerKey('k')
const theirs = { access: 'other:other', secret: 'testing2' }
const root = '/v1/AUTH_test'
const limits = { loginFailures: 100_000, loginFailuresPerAddress: 100_000 }
const password = 'canary-password-77'

/** A node with a sealed and a public object, and the words that none of its answers may contain. */
async function startSecret(t: Test) {
  const listen = [
    { host: '127.0.0.1', port: 0, serves: ['object'] },
    { host: '127.0.0.1', port: 0, serves: ['object'], tls: 'auto' },
    opsListener,
  ] as unknown as Config['listen']
  const node = await startNode(t, { limits, listen })
  const owner = await login(node)
  const acl = {
    'X-Container-Read': '.r:*,.rlistings,other:other',
    'X-Container-Write': 'friend:one',
  }
  await owner.request('PUT', '/pub', { headers: acl })
  await owner.request('PUT', '/bkt', { headers: { 'X-Container-Meta-Note': 'hidden-note' } })
  await node.request('PUT', '/bkt/hidden-name', { body: 'hidden-content' })
  await node.request('PUT', '/pub/p', { body: 'public' })
  await node.request('PUT', '/bkt/sealed', { tls: true, headers: keyHeaders(key), body: 'sealed' })
  await node.request('PUT', '/theirs-alone', theirs)
  const secrets: Record<string, RegExp> = {
    'a token': new RegExp(owner.token),
    'a secret': /\btesting\b/,
    'a password': new RegExp(password),
    'a customer key': new RegExp(
      [key.toString('base64'), encodeURIComponent(key.toString('base64'))]
        .map((text) => text.replace(/[+/]/g, '\\$&'))
        .join('|'),
    ),
    'a path of the disk': new RegExp(`${node.dir}|node_modules|/volumes|\\.ldb`),
    'a stack': /\.(ts|js):\d+|\bat (async )?\w+[.(]|Error:/,
    'what is hidden': /hidden-(?!name)/,
    'another account’s container': /theirs-alone/,
  }
  const shown = (text: string) => Object.keys(secrets).filter((name) => secrets[name]!.test(text))
  return { node, owner, shown }
}

const whole = ({ headers, text }: Pick<Answer, 'headers' | 'text'>) =>
  JSON.stringify(headers) + text

t.test('a request that fails is answered without a secret', async (t) => {
  const { node, owner, shown } = await startSecret(t)
  const { token } = owner
  const base64 = key.toString('base64')
  const wrong = keyHeaders(customerKey('w'))
  const own = { sign: false, tls: true }
  const tokened = { 'x-auth-token': token }
  const requests: readonly (readonly [string, string, Parameters<typeof node.request>[2]])[] = [
    ['GET', '/bkt/sealed', { tls: true, headers: wrong }],
    ['GET', '/bkt/sealed', { headers: keyHeaders(key) }],
    ['GET', '/bkt/sealed', {}],
    ['GET', '/bkt/sealed', { secret: 'wrong', tls: true, headers: keyHeaders(key) }],
    [
      'PUT',
      '/bkt/o',
      { tls: true, headers: { ...keyHeaders(key), 'content-md5': 'x' }, body: 'x' },
    ],
    [
      'PUT',
      '/bkt/o',
      { headers: { 'x-amz-meta-encryption-key': base64 }, secret: 'wrong', body: 'x' },
    ],
    ['PUT', '/bkt/o', { headers: swiftSpellings.own(key), body: 'x' }],
    ['PUT', '/bkt/o', { headers: swiftSpellings.guide(key), body: 'x' }],
    [
      'GET',
      `/bkt/sealed?x-amz-server-side-encryption-customer-key=${encodeURIComponent(base64)}`,
      {},
    ],
    [
      'GET',
      presignV2('GET', '/bkt/sealed', { secret: 'wrong', parameters: keyHeaders(key) }),
      { sign: false },
    ],
    ['GET', presignV2('GET', '/bkt/sealed', { parameters: wrong }), { ...own }],
    ['GET', '/bkt/missing', { headers: tokened }],
    ['GET', `/bkt/missing?X-Auth-Token=${token}`, { sign: false }],
    ['GET', `/bkt/missing?token=${token}&password=${password}`, { sign: false }],
    [
      'GET',
      `${root}/bkt/sealed`,
      { ...own, headers: { ...tokened, ...swiftSpellings.own(customerKey('w')) } },
    ],
    [
      'GET',
      `${root}/bkt/sealed`,
      { ...own, headers: { ...swiftSpellings.own(key), 'x-auth-token': `${token}x` } },
    ],
    [
      'GET',
      `${root}/bkt/sealed`,
      { sign: false, headers: { ...tokened, ...swiftSpellings.own(key) } },
    ],
    [
      'PUT',
      `${root}/bkt/o?x-object-encryption-customer-key=${encodeURIComponent(base64)}`,
      { ...own, headers: tokened, body: 'x' },
    ],
    [
      'POST',
      `${root}/bkt`,
      { ...own, headers: { ...tokened, 'x-container-meta-encryption-key': base64 } },
    ],
    [
      'PUT',
      `${root}/bkt/o`,
      { ...own, headers: { ...tokened, ...swiftSpellings.own(key), etag: 'x' }, body: 'x' },
    ],
    [
      'GET',
      '/auth/v1.0',
      { sign: false, headers: { 'x-auth-user': 'test:tester', 'x-auth-key': password } },
    ],
    ['GET', '/auth/v1.0', { sign: false, headers: { 'x-auth-user': password, 'x-auth-key': 'x' } }],
    ['GET', `/auth/v1.0?x-auth-key=${password}`, { sign: false }],
    ['POST', '/auth/v1.0', { sign: false, headers: { 'x-auth-key': password } }],
    ['GET', '/auth/v1/test/auth', { sign: false, headers: { 'x-storage-pass': password } }],
    ['GET', '/bkt', { sign: false, headers: { authorization: `Basic ${password}` } }],
    ['GET', '/bkt', { sign: false, headers: { authorization: `Bearer ${token}` } }],
    ['GET', '/bkt', { sign: false, headers: { authorization: `AWS ${password}` } }],
    ['GET', '/bkt/hidden-name?versionId=x', {}],
    ['GET', '/bkt?list-type=2&continuation-token=x', {}],
    ['POST', '/bkt?delete', { body: '<a' }],
    ['POST', '/bkt/o?uploadId=x', { body: '<CompleteMultipartUpload/>' }],
    ['PUT', '/bkt/o', { headers: { 'x-amz-copy-source': '/theirs-alone/x' } }],
    ['PUT', '/theirs-alone/o', { body: 'x' }],
    ['GET', '/bkt', { sign: false }],
    ['GET', '/bkt/hidden-name', { sign: false }],
    ['GET', '/bkt/hidden-name', theirs],
    ['GET', '/', theirs],
    ['GET', root, { sign: false }],
    ['GET', '/v1/AUTH_other', { sign: false, headers: tokened }],
    ['GET', '/info', { sign: false }],
    ['GET', '/healthcheck', { sign: false }],
    ['GET', '/crossdomain.xml', { sign: false }],
    ['GET', '/metrics', { sign: false }],
    ['GET', '/ready', { sign: false }],
    ['GET', '/recon/diskusage', { sign: false }],
    ['GET', '/../../../../etc/passwd', { sign: false }],
    ['GET', `${root}/bkt/..%2f..%2fkeyring`, { sign: false }],
  ]
  for (const [method, path, options] of requests) {
    const answer = await node.request(method, path, options)
    // An answer may name the request's own container.
    const found = shown(whole(answer)).filter(
      (name) =>
        !(
          name === 'another account’s container' &&
          (path === '/' || JSON.stringify([path, options]).includes('theirs-alone'))
        ),
    )
    const label = `${method} ${path.replace(/=[^&]*/g, '=…')} ${Object.keys(options?.headers ?? {}).slice(0, 2)}`
    table.tried(`the answer to ${label}`, found.length === 0, [outcome(answer), found])
  }
  for (const broken of [
    `GET ${root} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${token}\r\nno header\r\n\r\n`,
    `GET ${root} HTTP/1.1\r\nHost: h\r\nX-Auth-Key: ${password}\r\nA\0: b\r\n\r\n`,
    `GET ${root}?token=${token} HTTP/9.9\r\n\r\n`,
    `${password} / HTTP/1.1\r\nHost: h\r\n\r\n`,
    `GET /bkt/o?password=${password} HTTP/1.1\r\nHost: ${password} ${token}\r\n\r\n`,
    `GET /${'a'.repeat(40_000)}?token=${token} HTTP/1.1\r\nHost: h\r\n\r\n`,
    `PUT /bkt/o HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\nX-Amz-Server-Side-Encryption-Customer-Key: ${base64}\r\n\r\n`,
    `TRACE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Auth-Token: ${token}\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Auth-Token: ${token}\r\n\r\n`,
    `CONNECT ${password}:443 HTTP/1.1\r\nHost: h\r\n\r\n`,
  ]) {
    const { text } = await talk(node.http, broken)
    const found = shown(text)
    table.tried(`the answer to ${JSON.stringify(broken.slice(0, 30))}`, found.length === 0, text)
  }
  const kept = { 'the log': node.logged(), 'the audit': JSON.stringify(node.audited) }
  const metrics = (await askOps(node, '/metrics')).text
  for (const [place, text] of Object.entries({ ...kept, 'the metrics': metrics })) {
    t.ok(text.length > 1000, `there is something to look at in ${place}`)
    for (const secret of ['a token', 'a secret', 'a customer key', 'a stack', 'what is hidden']) {
      table.tried(`${place} after all that: ${secret}`, !shown(text).includes(secret))
    }
  }
  for (const name of ['hidden-name', 'theirs-alone', 'AUTH_', 'tester', 'bkt']) {
    table.tried(`the metrics name no ${name}`, !metrics.includes(name))
  }
})

t.test('a refused signature does not say which one would be right', async (t) => {
  const { node } = await startSecret(t)
  const { host } = new URL(node.http)
  const flip = (text: string) => (text.endsWith('0') ? '1' : '0')
  const ask = (path: string, headers: Record<string, string>, method = 'GET') =>
    node.request(method, path, { sign: false, headers })
  for (const path of ['/bkt/o', '/bkt/o?acl', '/', '/bkt?list-type=2&prefix=x']) {
    const right = await sign('GET', path, { host }, Buffer.alloc(0), {})
    const signature = right.authorization!.slice(-64)
    const changed = signature.slice(0, -1) + flip(signature)
    const headers = { ...right, authorization: right.authorization!.replace(signature, changed) }
    const { text } = await ask(path, headers)
    t.match(text, 'SignatureDoesNotMatch')
    table.tried(
      `V4 by header: ${path}`,
      !text.includes(signature) && !text.includes(secretKey),
      text,
    )
  }
  for (const [method, path] of [
    ['GET', '/bkt/o'],
    ['HEAD', '/bkt/o'],
    ['GET', '/bkt/hidden-name'],
  ] as const) {
    const right = presignV2(method, path)
    const signature = new URL(right, node.http).searchParams.get('Signature')!
    const wrong = right.replace(/Signature=.*/, 'Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA%3D')
    const { text } = await ask(wrong, {}, method)
    const isShown = text.includes(signature) || text.includes(encodeURIComponent(signature))
    table.tried(`V2 in the query: ${method} ${path}`, !isShown && !text.includes(secretKey), text)
  }
  const known = await ask('/bkt/o', {
    authorization: `AWS ${accessKey}:x`,
    date: new Date().toUTCString(),
  })
  const unknown = await ask('/bkt/o', {
    authorization: 'AWS nobody:x',
    date: new Date().toUTCString(),
  })
  table.tried(
    'neither has the secret in it, whether the access key is known or not',
    !/testing\b/.test(known.text + unknown.text),
  )
})

const MARK = `"><script>alert('x')</script>&`

/** True where markup of a request is in an answer that clients read as a document. */
const isMarkup = ({ headers, text }: Answer) =>
  text.includes('<script') &&
  !/^(application\/json|text\/plain)/.test(headers['content-type'] ?? '')

t.test('what an answer says again of a request is text', async (t) => {
  const { node, owner } = await startSecret(t)
  const mark = encodeURIComponent(MARK)
  const own = { sign: false, headers: { 'x-auth-token': owner.token } }
  const parameters = [
    ...[
      'prefix',
      'delimiter',
      'marker',
      'continuation-token',
      'start-after',
      'max-keys',
      'end_marker',
    ],
    ...[
      'key-marker',
      'version-id-marker',
      'upload-id-marker',
      'max-uploads',
      'encoding-type',
      'path',
    ],
    ...['versionId', 'uploadId', 'partNumber', 'format', 'limit', 'versioning', 'acl', 'list-type'],
    ...['version-id', 'response-content-type', 'part-number-marker', 'reverse', 'symlink', 'x'],
  ]
  for (const name of parameters) {
    for (const base of [
      '/pub',
      '/pub?versions&',
      '/pub?uploads&',
      '/pub?list-type=2&',
      '/pub/p',
      '/pub/no',
    ]) {
      const path = `${base}${base.includes('?') ? '' : '?'}${name}=${mark}`
      const answer = await node.request('GET', path)
      table.tried(`S3: ${name} on ${base}`, !isMarkup(answer), answer.text)
    }
    for (const [base, format] of [
      ['/pub', 'xml'],
      ['/pub', 'json'],
      ['/pub/p', ''],
      ['', 'xml'],
    ]) {
      const answer = await node.request(
        'GET',
        `${root}${base}?format=${format}&${name}=${mark}`,
        own,
      )
      table.tried(
        `Swift: ${name} on ${base || '/'} as ${format || 'it is'}`,
        !isMarkup(answer),
        answer.text,
      )
    }
  }
  for (const name of [
    ...['range', 'if-match', 'if-none-match', 'if-modified-since', 'content-md5', 'content-type'],
    ...['x-amz-copy-source', 'x-amz-acl', 'x-amz-storage-class', 'x-amz-tagging', 'x-amz-date'],
    ...['x-amz-content-sha256', 'x-amz-checksum-crc32', 'x-amz-sdk-checksum-algorithm', 'origin'],
    ...['x-amz-server-side-encryption', 'x-amz-server-side-encryption-customer-algorithm', 'etag'],
    ...['x-auth-token', 'x-auth-user', 'destination', 'x-copy-from', 'x-trans-id-extra', 'accept'],
    ...['authorization', 'host', 'x-delete-at', 'x-container-read', 'x-storage-policy', 'referer'],
    ...[
      'x-object-encryption-customer-algorithm',
      'transfer-encoding',
      'content-encoding',
      'expect',
    ],
  ]) {
    for (const [line, proof] of [
      [`PUT ${presignV2('PUT', '/bkt/no')} HTTP/1.1`, []],
      [`GET /bkt/${mark} HTTP/1.1`, []],
      [`PUT ${root}/bkt/no HTTP/1.1`, [`X-Auth-Token: ${owner.token}`]],
      [`COPY ${root}/bkt/no HTTP/1.1`, [`X-Auth-Token: ${owner.token}`]],
    ] as const) {
      const host = name === 'host' ? [] : ['Host: h']
      const fields = [...host, ...proof, 'Content-Length: 0', `${name}: ${MARK}`]
      const { text } = await talk(node.http, requestOf(line, fields))
      const what = line.split('?')[0]!.slice(0, 24)
      const isText = /content-type: text\/plain/i.test(text)
      table.tried(`${name} of ${what}`, isText || !text.includes('<script'), text)
    }
  }
  for (const [method, path, options] of [
    ['GET', `/${mark}`, {}],
    ['GET', `/${mark}/${mark}`, {}],
    ['GET', `/bkt/${mark}`, {}],
    ['PUT', `/bkt/${mark}?acl=${mark}`, { body: MARK }],
    [
      'POST',
      '/bkt?delete',
      { body: `<Delete><Object><Key>${'&lt;script&gt;'}</Key></Object></Delete>` },
    ],
    ['GET', `/v1/${mark}`, { sign: false }],
    ['GET', `/v1/AUTH_test/${mark}/${mark}`, own],
    ['GET', `/${mark}/AUTH_test`, { sign: false, headers: { 'x-auth-token': 'x' } }],
    ['GET', `/auth/${mark}`, { sign: false }],
    ['GET', `/info?x=${mark}`, { sign: false }],
    ['GET', '/pub/p', { sign: false, access: MARK, headers: { authorization: `AWS ${MARK}:x` } }],
  ] as const) {
    const answer = await node.request(method, path, options)
    table.tried(`${method} ${path.replaceAll(mark, '<markup>')}`, !isMarkup(answer), answer.text)
  }
  const ops = await askOps(node, `/${mark}`)
  table.tried('the ops listener', !isMarkup(ops), ops.text)
  // A name that is markup shows in listings as text.
  await owner.request('PUT', `/pub/${mark}`, { body: 'x' })
  for (const path of [
    '/pub',
    '/pub?list-type=2',
    '/pub?versions',
    `/pub?prefix=${mark}&delimiter=x`,
  ]) {
    const answer = await node.request('GET', path)
    table.tried(`S3 lists it: ${path.replaceAll(mark, '…')}`, !isMarkup(answer), answer.text)
  }
  for (const format of ['xml', 'json', 'plain']) {
    const answer = await owner.request('GET', `/pub?format=${format}`)
    table.tried(`Swift lists it as ${format}`, !isMarkup(answer), answer.text)
  }
})

t.test('nothing of a request begins a line of the answer’s head', async (t) => {
  const { node, owner } = await startSecret(t)
  const breaks = [
    '%0d%0aX-Injected:%20yes',
    '%0aX-Injected:%20yes',
    '%0dX-Injected:%20yes',
    '%E5%98%8A%E5%98%8DX-Injected:%20yes',
  ]
  const own = { sign: false, headers: { 'x-auth-token': owner.token } }
  for (const text of breaks) {
    for (const [method, path, options] of [
      ['GET', `/pub/${text}`, {}],
      ['GET', `/pub?prefix=${text}`, {}],
      ['PUT', `/made${text}`, {}],
      ['GET', `/pub/p?response-content-type=${text}`, {}],
      ['GET', `/pub/p?response-content-disposition=${text}`, {}],
      ['GET', `/pub/p?versionId=${text}`, {}],
      [
        'GET',
        presignV2('GET', '/pub/p', { parameters: { 'x-amz-meta-a': decodeURIComponent(text) } }),
        { sign: false },
      ],
      ['GET', `${root}/pub/${text}`, own],
      ['PUT', `${root}/made${text}`, own],
      ['GET', `${root}/pub?marker=${text}&limit=1`, own],
      ['GET', `/v1/AUTH_${text}/c`, { sign: false }],
      [
        'GET',
        `/auth/v1/${text}/auth`,
        { sign: false, headers: { 'x-auth-user': 'a', 'x-auth-key': 'b' } },
      ],
      [
        'COPY',
        `${root}/pub/p`,
        { sign: false, headers: { ...own.headers, destination: `/pub/${text}` } },
      ],
      [
        'PUT',
        `${root}/pub/copy`,
        { sign: false, headers: { ...own.headers, 'x-copy-from': `/pub/${text}` } },
      ],
    ] as const) {
      const answer = await node.request(method, path, options)
      const isClean =
        answer.headers['x-injected'] === undefined &&
        !/\n/.test(JSON.stringify(Object.values(answer.headers)))
      table.tried(
        `${method} ${path.replace(/\?AWS.*/, '?…')}`,
        isClean && answer.status < 500,
        answer.headers,
      )
    }
  }
})

t.test('a stranger sees of a public container what is public', async (t) => {
  const { node, shown } = await startSecret(t)
  const levels = ['/pub', '/pub/p', '/pub/no', '/bkt', '/bkt/no', '/nowhere']
  const paths = (method: string, ...all: string[]) => all.map((path) => [method, path] as const)
  const names =
    /^(accept-ranges|allow|connection|content-(length|type)|date|etag|last-modified|openstack-version|vary|www-authenticate|x-amz-(bucket-region|server-side-encryption|delete-marker|id-2|request-id|version-id)|x-container-(bytes-used|object-count)|x-openstack-request-id|x-storage-policy|x-timestamp|x-trans-id|keep-alive|transfer-encoding)$/
  for (const [method, path] of [
    ...['HEAD', 'GET'].flatMap((method) => [
      ...paths(method, ...levels, '/'),
      ...paths(method, ...levels.map((path) => root + path), root),
    ]),
    ...paths('GET', '/info', '/healthcheck', '/auth/v1.0', '/v2/x', '/v1', '/metrics'),
    ...paths('OPTIONS', '/pub/p', `${root}/pub/p`),
    ...paths('DELETE', '/pub/p', `${root}/pub/p`, '/pub', `${root}/pub`),
  ]) {
    const answer = await node.request(method, path, { sign: false })
    const odd = Object.keys(answer.headers).filter((name) => !names.test(name))
    table.tried(`${method} ${path} has no header that says more`, odd.length === 0, odd)
    const told = [
      ...shown(whole(answer)),
      ...(/friend|other:other|tester/.test(whole(answer)) ? ['an ACL'] : []),
    ]
    table.tried(`${method} ${path} shows nothing that is hidden`, told.length === 0, told)
  }
  const info = (await node.request('GET', '/info', { sign: false })).text
  for (const word of [
    'tester',
    '"test"',
    'other',
    node.dir,
    '127.0.0.1',
    'k1',
    'redis',
    process.version,
  ]) {
    table.tried(`/info has no ${word.replace(node.dir, 'directory')}`, !info.includes(word), info)
  }
})

t.test('a node whose stores are gone says so and no more', async (t) => {
  const { node, owner, shown } = await startSecret(t)
  await node.coffer.close()
  for (const [method, path, body] of [
    ['GET', '/bkt/hidden-name', undefined],
    ['PUT', '/bkt/o', 'x'],
    ['GET', '/bkt', undefined],
    ['DELETE', '/bkt/o', undefined],
    ['GET', '/', undefined],
    ['POST', '/bkt/o?uploads', undefined],
  ] as const) {
    for (const [dialect, answer] of [
      ['S3', await node.request(method, path, body === undefined ? {} : { body })],
      [
        'Swift',
        await owner.request(method, path === '/' ? '' : path, body === undefined ? {} : { body }),
      ],
    ] as const) {
      const found = shown(whole(answer))
      table.tried(`${dialect}: ${method} ${path}`, answer.status >= 400 && found.length === 0, [
        outcome(answer),
        found,
        answer.text,
      ])
    }
  }
})
