// Rows of docs/http.md about messages: request lines, hosts and headers, over sockets of their own.
import t, { type Test } from 'tap'
import { sign, startNode } from '../../helpers/node.ts'
import { presignV2 } from '../../helpers/presign.ts'
import { rule } from '../../helpers/rules.ts'
import { ask, requestText, speak, startWire, type WireAnswer } from '../../helpers/wire.ts'

const wire = await startWire(t)
const { base, sides } = wire
const [s3, swift] = sides

/** The one answer to bytes after which the node must end the connection. */
async function speakOnce(t: Test, ...pieces: string[]): Promise<WireAnswer> {
  const answers = await speak(base, ...pieces)
  t.equal(answers.length, 1, 'one answer, and the connection ends')
  return answers[0]!
}

/** True for an answer in the dialect's form. */
const speaks = ({ header }: WireAnswer, dialect: 's3' | 'swift') =>
  header(dialect === 's3' ? 'x-amz-request-id' : 'x-trans-id') !== undefined

/** Sends a head on each side, and expects a refusal in its form, behind which nothing is done. */
async function refused(
  t: Test,
  status: number | readonly [number, number],
  lines: (path: string) => string[],
) {
  for (const [i, side] of sides.entries()) {
    const head = `${lines(side.path('o')).join('\r\n')}\r\n\r\n`
    const answer = await speakOnce(t, head + requestText('GET', side.path('o')))
    t.equal(answer.status, typeof status === 'number' ? status : status[i], head)
    t.ok(speaks(answer, side.dialect), `in the form of ${side.dialect}: ${answer.text}`)
    t.equal(answer.header('connection'), 'close', head)
  }
}

rule('octets', async (t) => {
  const bytes = 'caf\xc3\xa9'
  const put = await swift.write('PUT', 'bytes', [`X-Object-Meta-A: ${bytes}`])
  t.equal(put.status, 201)
  t.equal((await swift.read('GET', 'bytes')).header('x-object-meta-a'), bytes)
})

rule('bare-cr', async (t) => {
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', 'X-A: a\rb'])
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', 'X-A: a\rX-B: b'])
})

rule('bare-lf', async (t) => {
  for (const side of sides) {
    const answer = await speakOnce(t, `GET ${side.path('o')} HTTP/1.1\nHost: h\n\n`)
    t.equal(answer.status, 400)
  }
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h\nX-A: b'])
})

rule('leading-line', async (t) => {
  for (const side of sides) {
    const answer = await speakOnce(t, `\r\n\r\n${requestText('GET', side.path('o'))}`)
    t.equal(answer.status, 200)
  }
})

rule('leading-blank', async (t) => {
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, ' X-A: b', 'Host: h'])
})

rule('no-http', async (t) => {
  for (const bytes of [
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    '{"a":1}\r\n\r\n',
    'GET\r\n\r\n',
  ]) {
    const { status, header } = await speakOnce(t, bytes)
    t.equal(status, 400, JSON.stringify(bytes))
    t.equal(header('connection'), 'close')
  }
})

rule('version-major', async (t) => {
  await refused(t, 505, (path) => [`GET ${path} HTTP/2.0`, 'Host: h'])
  await refused(t, 505, (path) => [`GET ${path} HTTP/0.9`])
  await refused(t, 505, (path) => [`GET ${path}`])
  await refused(t, 505, (path) => [`GET ${path} HTTP/3.7`, 'Host: h'])
  await refused(t, 400, (path) => [`GET ${path} http/1.1`, 'Host: h'])
})

rule('version-sent', async (t) => {
  for (const side of sides) {
    for (const version of ['1.0', '1.1', '2.0']) {
      const fields = `HTTP/${version}\r\nHost: h\r\nConnection: close\r\n\r\n`
      const answer = await speakOnce(t, `GET ${side.path('o')} ${fields}`)
      t.equal(answer.version, '1.1', version)
    }
  }
})

rule('method-unknown', async (t) => {
  for (const method of ['LICK', 'get', 'A'.repeat(300)]) {
    await refused(t, [501, 405], (path) => [`${method} ${path} HTTP/1.1`, 'Host: h'])
  }
  const answer = await speakOnce(t, `LICK ${swift.path('o')} HTTP/1.1\r\nHost: h\r\n\r\n`)
  t.match(answer.header('allow'), /GET/)
})

rule('target-too-long', async (t) => {
  for (const length of [33_000, 60_000]) {
    await refused(t, 414, (path) => [`GET ${path}${'o'.repeat(length)} HTTP/1.1`, 'Host: h'])
    await refused(t, 414, (path) => [`GET ${path}?${'o'.repeat(length)} HTTP/1.1`, 'Host: h'])
  }
})

rule('target-blanks', async (t) => {
  await refused(t, 400, (path) => [`GET ${path} x HTTP/1.1`, 'Host: h'])
})

rule('host-missing', async (t) => {
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`])
  await refused(t, 400, (path) => [`GET http://h${path} HTTP/1.1`])
})

rule('host-twice', async (t) => {
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', 'Host: h'])
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', 'X-A: b', 'hOST: other'])
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.0`, 'Host: h', 'Host: h'])
})

rule('host-invalid', async (t) => {
  for (const bad of [
    'a b',
    'a, b',
    'a/b',
    'u@h',
    'h:x',
    'h:80:80',
    '[::1',
    '::1',
    'h?',
    'h#',
    'h\\',
    '%zz',
    'h\xe9',
  ]) {
    await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, `Host: ${bad}`])
  }
  await refused(t, 400, (path) => [`GET http://u@h${path} HTTP/1.1`, 'Host: h'])
  await refused(t, 400, (path) => [`GET http://${path} HTTP/1.1`, 'Host: h'])
  for (const good of [
    'h',
    'a_b.c-d.',
    '127.0.0.1:8080',
    '[::1]',
    '[2001:db8::1]:80',
    'h:',
    '%41',
    '',
  ]) {
    const text = requestText('GET', swift.path('o')).replace('Host: h', `Host: ${good}`)
    t.equal((await speakOnce(t, text)).status, 200, good)
  }
})

rule('host-http10', async (t) => {
  for (const side of sides) {
    const answer = await speakOnce(t, `GET ${side.path('o')} HTTP/1.0\r\n\r\n`)
    t.match([answer.status, answer.text], [200, '0123456789'])
  }
})

rule('absolute-form', async (t) => {
  for (const side of sides) {
    for (const scheme of ['http', 'HTTP']) {
      const answer = await ask(base, 'GET', `${scheme}://h${side.path('o')}`)
      t.match([answer.status, answer.text], [200, '0123456789'])
    }
  }
  const [target, fields] = s3.may('PUT', 'absolute')
  const put = await ask(base, 'PUT', `http://h${target}`, [...fields, 'Content-Length: 1'], 'x')
  t.equal(put.status, 200, 'with a query')
  t.equal((await ask(base, 'GET', 'http://h/healthcheck?x')).text, 'OK')
})

rule('absolute-host', async (t) => {
  const login = ['X-Auth-User: test:tester', 'X-Auth-Key: testing']
  const { header } = await ask(base, 'GET', 'http://target.test:81/auth/v1.0', login)
  t.equal(header('x-storage-url'), 'http://target.test:81/v1/AUTH_test')
  const old = await speakOnce(
    t,
    `GET http://target.test/auth/v1.0 HTTP/1.0\r\n${login.join('\r\n')}\r\n\r\n`,
  )
  t.equal(old.header('x-storage-url'), 'http://target.test/v1/AUTH_test', 'HTTP/1.0 without Host')
  const headers = await sign('GET', '/bkt/o', { host: 'one.test' }, Buffer.alloc(0), {})
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const signedFor = async (target: string) => {
    const lines = [`GET ${target} HTTP/1.1`, ...fields, 'Connection: close']
    return (await speakOnce(t, `${lines.join('\r\n')}\r\n\r\n`)).status
  }
  t.equal(await signedFor('/bkt/o'), 200)
  t.equal(await signedFor('http://one.test/bkt/o'), 200)
  t.equal(await signedFor('http://two.test/bkt/o'), 403, 'a signature counts for its host alone')
  await t.test('a signature for one bucket opens no other one that the target names', async (t) => {
    const node = await startNode(t, { domains: ['s3.test'] })
    for (const bucket of ['one', 'two']) {
      await node.request('PUT', `/${bucket}`)
      await node.request('PUT', `/${bucket}/o`, { body: bucket })
    }
    const path = presignV2('GET', '/one/o').replace('/one', '')
    const get = async (target: string) => {
      const text = requestText('GET', target).replace('Host: h', 'Host: one.s3.test')
      return (await speak(node.http, text))[0]!
    }
    t.equal((await get(path)).text, 'one')
    t.equal((await get(`http://one.s3.test${path}`)).text, 'one')
    t.equal((await get(`http://two.s3.test${path}`)).status, 403)
  })
})

rule('absolute-https', async (t) => {
  await refused(t, 400, (path) => [`GET https://h${path} HTTP/1.1`, 'Host: h'])
  for (const side of sides) {
    const target = `https://h${side.path('o')}`
    const overTls = await wire.node.request('GET', target, { sign: false, tls: true })
    t.equal(overTls.status, 200)
  }
})

rule('connect', async (t) => {
  for (const target of ['h:80', 'h:443', 'h', ':']) {
    const { status, header } = await speakOnce(
      t,
      `CONNECT ${target} HTTP/1.1\r\nHost: h\r\n\r\nGET`,
    )
    t.match(
      [status, header('connection')],
      [target.includes(':') && target !== ':' ? 501 : /501|400/, 'close'],
    )
  }
})

rule('asterisk', async (t) => {
  for (const fields of [
    [],
    [`X-Auth-Token: ${wire.token}`],
    ['Authorization: AWS4-HMAC-SHA256 x'],
  ]) {
    const { status, header, text } = await ask(base, 'OPTIONS', '*', fields)
    t.match([status, header('content-length'), text], [200, '0', ''])
    t.equal(header('allow'), 'HEAD, GET, PUT, POST, DELETE, COPY, OPTIONS')
  }
})

rule('asterisk-other', async (t) => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'POST']) {
    t.equal((await ask(base, method, '*')).status, 400, method)
  }
})

rule('trace', async (t) => {
  for (const side of sides) {
    const { status, header, text } = await side.read('TRACE', 'o', ['X-Secret: canary'])
    t.equal(status, 405)
    t.match(header('allow'), /GET, /)
    t.notMatch(text, 'canary')
  }
})

rule('name-case', async (t) => {
  for (const side of sides) {
    for (const name of ['range', 'RANGE', 'rAnGe']) {
      t.equal((await side.read('GET', 'o', [`${name}: bytes=0-1`])).text, '01')
    }
  }
})

rule('colon-blank', async (t) => {
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', 'X-A : b'])
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host : h'])
})

rule('folding', async (t) => {
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', 'X-A: b', ' c'])
  await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', 'X-A: b', '\tX-B: c'])
})

rule('value-blanks', async (t) => {
  for (const side of sides) {
    t.equal((await side.read('GET', 'o', ['Range: \t bytes=0-1 \t '])).text, '01')
    t.equal((await side.read('GET', 'o', ['Range:bytes=0-1'])).text, '01')
  }
})

rule('value-controls', async (t) => {
  for (const control of ['\0', '\x01', '\x7f']) {
    await refused(t, 400, (path) => [`GET ${path} HTTP/1.1`, 'Host: h', `X-A: a${control}b`])
  }
})

rule('header-bytes', async (t) => {
  const long = `X-A: ${'a'.repeat(40_000)}`
  await refused(t, [431, 400], (path) => [`GET ${path} HTTP/1.1`, 'Host: h', long])
  const many = Array.from({ length: 900 }, (_, i) => `X-${i}: ${'a'.repeat(40)}`)
  await refused(t, [431, 400], (path) => [`GET ${path} HTTP/1.1`, 'Host: h', ...many])
})

rule('header-lines', async (t) => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `a${i}:`)
  await refused(t, [431, 400], (path) => [`GET ${path} HTTP/1.1`, 'Host: h', ...lines(1000)])
  for (const side of sides) {
    const condition = ['If-None-Match: *']
    const taken = await side.write('PUT', 'o', [...lines(990), ...condition], 'x')
    t.equal(taken.status, 412, 'the last of very many still counts')
    t.match((await side.write('PUT', 'o', [...lines(2000), ...condition], 'x')).status, /431|400/)
    t.equal((await side.read('GET', 'o')).text, '0123456789')
  }
})

rule('header-end', async (t) => {
  for (const side of sides) {
    const [target, fields] = side.may('DELETE', 'o')
    const head = ['DELETE', target, 'HTTP/1.1'].join(' ')
    await speak(
      base,
      `${[head, 'Host: h', ...fields, 'Connection: close'].join('\r\n')}\r\n`,
      '!\r\n\r\n',
    )
    t.equal((await side.read('HEAD', 'o')).status, 200)
  }
})
