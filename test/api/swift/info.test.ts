// What anyone may ask of a node: /info, /healthcheck, /crossdomain.xml, OPTIONS.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'

const anyone =
  (node: Awaited<ReturnType<typeof startNode>>) =>
  (method: string, path: string, headers = {}) =>
    node.request(method, path, { sign: false, headers })

t.test('/info tells what is built and the limits, and nothing else', async (t) => {
  const ask = anyone(await startNode(t))
  const { status, headers, text } = await ask('GET', '/info')
  t.equal(status, 200)
  t.equal(headers['content-type'], 'application/json; charset=UTF-8')
  const info = JSON.parse(text)
  const sections = ['swift', 'tempauth', 'object_versioning', 'slo', 'bulk_delete', 'coffer']
  t.same(Object.keys(info), sections)
  t.match(info.swift, {
    policies: [{ name: 'default', default: true }],
    allow_account_management: false,
    account_autocreate: true,
    max_file_size: 5 * 2 ** 30,
    max_meta_count: 90,
    max_object_name_length: 1024,
    max_container_name_length: 256,
    container_listing_limit: 10_000,
  })
  t.same(info.tempauth, { account_acls: true })
  t.match(info.slo, {
    max_manifest_segments: 1000,
    max_manifest_size: 8 << 20,
    min_segment_size: 1,
  })
  t.same(info.coffer.ssec.transports, ['direct'])
  t.match(await ask('HEAD', '/info'), { status: 200, text: '' })
  for (const query of ['swiftinfo_sig=x', 'swiftinfo_expires=1']) {
    t.equal((await ask('GET', `/info?${query}`)).status, 403, query)
  }
})

t.test('/healthcheck says OK', async (t) => {
  const ask = anyone(await startNode(t))
  const { status, headers, text } = await ask('GET', '/healthcheck')
  t.same([status, text], [200, 'OK'])
  t.match(headers['content-type'], 'text/plain')
  t.equal((await ask('PUT', '/healthcheck')).status, 405)
})

t.test('no policy for other domains is published', async (t) => {
  const ask = anyone(await startNode(t))
  t.equal((await ask('GET', '/crossdomain.xml')).status, 404)
})

t.test('OPTIONS tells the methods, and lets no origin in', async (t) => {
  const ask = anyone(await startNode(t))
  const rest = 'HEAD, GET, PUT, POST, DELETE'
  const rows: readonly [string, string][] = [
    ['/info', 'HEAD, GET, OPTIONS'],
    ['/v1/AUTH_test', `${rest}, OPTIONS`],
    ['/v1/AUTH_nobody/c', `${rest}, OPTIONS`],
    ['/v1/AUTH_test/c/o', `${rest}, COPY, OPTIONS`],
  ]
  for (const [path, allow] of rows) {
    const plain = await ask('OPTIONS', path)
    t.match([plain.status, plain.headers.allow, plain.text], [200, allow, ''], path)
    const preflight = { Origin: 'http://example.com', 'Access-Control-Request-Method': 'GET' }
    const answer = await ask('OPTIONS', path, preflight)
    t.equal(answer.status, /\/c/.test(path) ? 401 : 200, path)
    t.equal(answer.headers['access-control-allow-origin'], undefined)
  }
})
