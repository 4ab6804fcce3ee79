// What a request says of itself, and whom to believe about the rest.
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { makeTrust, readTarget } from '../../../middleware/http/target.ts'

const trusted = makeTrust(['10.0.0.0/8', 'fd00::/8', '192.0.2.7'])

const read = (
  peer: string,
  headers: Record<string, string> = {},
  {
    url = '/',
    encrypted = false,
    local = '127.0.0.1',
    listenerUrl = undefined as string | undefined,
  } = {},
) =>
  readTarget(
    {
      url,
      headers,
      socket: { remoteAddress: peer, encrypted, localAddress: local, localPort: 81 },
    } as unknown as IncomingMessage,
    trusted,
    listenerUrl,
  )

t.test('the request line stays as it was sent', async (t) => {
  const target = read('127.0.0.1', { host: 'X.Test:8080' }, { url: '/a//./%2F?x=%41&y' })
  t.match(target, { path: '/a//./%2F', query: 'x=%41&y', host: 'x.test' })
  t.match(read('127.0.0.1', {}, { url: 'http://h/p?q' }), { path: '/p', query: 'q' })
  t.match(read('127.0.0.1', {}, { url: 'http://h' }), { path: '/' })
  t.equal(read('127.0.0.1', { host: '[::1]:8443' }).host, '[::1]')
})

t.test('our own TLS is direct, this machine is loopback, anything else is neither', async (t) => {
  t.equal(read('203.0.113.1', {}, { encrypted: true }).secure, 'direct')
  t.equal(read('127.0.0.1').secure, 'loopback')
  t.equal(read('::1').secure, 'loopback')
  t.equal(read('::ffff:127.0.0.1').secure, 'loopback')
  t.equal(read('203.0.113.1').secure, 'no')
})

t.test('what an untrusted proxy on this machine passed on is not loopback', async (t) => {
  for (const name of ['x-forwarded-for', 'forwarded', 'via']) {
    t.equal(read('127.0.0.1', { [name]: 'x' }).secure, 'no', name)
  }
})

t.test('a trusted proxy is believed about scheme, host and client', async (t) => {
  const headers = {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'Public.Test',
    'x-forwarded-for': '198.51.100.9, 203.0.113.5, 10.1.1.1',
    host: 'inner',
  }
  t.match(read('10.0.0.1', headers), {
    secure: 'forwarded',
    host: 'public.test',
    address: '203.0.113.5',
  })
  t.equal(read('fd00::1', { 'x-forwarded-proto': 'http' }).secure, 'no')
  t.equal(read('192.0.2.7', { 'x-forwarded-proto': 'https' }).secure, 'forwarded')
})

t.test('anyone else is not', async (t) => {
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil', host: 'inner' }
  t.match(read('203.0.113.1', { ...headers, 'x-forwarded-for': '1.2.3.4' }), {
    secure: 'no',
    host: 'inner',
    address: '203.0.113.1',
  })
})

t.test('the base URL is the configured one, else what the client asked for', async (t) => {
  const headers = { host: 'Node.Test:8080' }
  const base = (...args: Parameters<typeof read>) => read(...args).baseUrl
  t.equal(base('203.0.113.1', headers), 'http://Node.Test:8080')
  t.equal(base('203.0.113.1', headers, { encrypted: true }), 'https://Node.Test:8080')
  for (const listenerUrl of ['https://public.test/base', 'https://public.test/base//']) {
    t.equal(base('203.0.113.1', headers, { listenerUrl }), 'https://public.test/base')
  }
  const forwarded = { ...headers, 'x-forwarded-host': 'P:1, q', 'x-forwarded-proto': 'https' }
  t.equal(base('10.0.0.1', forwarded), 'https://P:1')
  t.equal(base('203.0.113.1', forwarded), 'http://Node.Test:8080', 'an untrusted proxy')
  t.equal(base('203.0.113.1'), 'http://127.0.0.1:81', 'HTTP/1.0 without Host')
  t.equal(base('::1', {}, { local: '::1' }), 'http://[::1]:81')
})
