// What Node's parser refuses, or what it finds behind a request, over raw sockets: answered as Swift would.
import t from 'tap'
import { startNode, type TestNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'
import { exchangeBytes } from '../../helpers/wire.ts'

/** What the node says to bytes until it ends the connection. */
const exchange = async (node: TestNode, ...pieces: readonly string[]) =>
  (await exchangeBytes(node.http, ...pieces)).toString()

t.test('what cannot be parsed gets an answer of Swift where the path is one', async (t) => {
  const node = await startNode(t)
  const path = '/v1/AUTH_test/c'
  const cases: [string, string, number, RegExp][] = [
    ['an unknown method', `LICK ${path} HTTP/1.1\r\nHost: h\r\n\r\n`, 405, /\r\nAllow: HEAD, GET/],
    ['a name that is not encoded', `PUT ${path}\xc3\xa9 HTTP/1.1\r\n\r\n`, 400, /percent-encoded/],
    ['a name that is no UTF-8', `PUT ${path}\xe9 HTTP/1.1\r\n\r\n`, 412, /Invalid UTF8 or cont/],
    ['a name with a zero byte', `PUT ${path}\x00 HTTP/1.1\r\n\r\n`, 412, /Invalid UTF8 or cont/],
    [
      'no length',
      `PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n`,
      400,
      /Content-Len/,
    ],
    ['long headers', `GET ${path} HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 400, /Too Long/],
    ['no header', `GET ${path} HTTP/1.1\r\nHost h\r\n\r\n`, 400, /malformed/],
  ]
  for (const [what, request, status, wanted] of cases) {
    const answer = await exchange(node, request)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), what)
    t.match(answer, wanted, what)
    t.match(answer, /\r\nX-Trans-Id: tx[0-9a-f]{21}-[0-9a-f]{10}\r\n/, what)
    t.notMatch(answer, /amz|xml/, what)
  }
  t.match(await exchange(node, 'LICK /bkt HTTP/1.1\r\n\r\n'), /<Code>NotImplemented/, 'else of S3')
})

t.test('a body without a length is answered as what it is, not as a second request', async (t) => {
  const node = await startNode(t)
  const { token, request } = await login(node)
  await request('PUT', '/c')
  const head = `PUT /v1/AUTH_test/c/o HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${token}\r\n`
  for (const pieces of [[`${head}\r\ntesting`], [`${head}\r\n`, 'testing']]) {
    const answer = await exchange(node, ...pieces)
    t.match(answer, /^HTTP\/1\.1 411 Length Required\r\n/)
    t.match(answer, /\r\n\r\nMissing Content-Length header\.$/, 'and nothing behind it')
  }
  t.equal((await request('HEAD', '/c/o')).status, 404)
})

t.test('a body in another coding than chunked is not implemented', async (t) => {
  const node = await startNode(t)
  const { token, request } = await login(node)
  await request('PUT', '/c')
  const head = `PUT /v1/AUTH_test/c/o HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${token}\r\n`
  const packed = `${head}Transfer-Encoding: gzip,chunked\r\n\r\n`
  for (const pieces of [[`${packed}no chunks`], [packed, 'no chunks']]) {
    t.match(await exchange(node, ...pieces), /^HTTP\/1\.1 501 Not Implemented\r\n/)
  }
  for (const [coding, status] of [
    ['gzip, chunked', 501],
    ['CHUNKED', 201],
  ] as const) {
    const headers = { 'Transfer-Encoding': coding }
    t.equal((await request('PUT', '/c/o', { headers })).status, status, coding)
  }
})
