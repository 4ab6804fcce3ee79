// Many objects and containers deleted by one request, whose document says what became of each.
import t, { type Test } from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

async function start(t: Test) {
  const node = await startNode(t)
  const swift = await login(node)
  for (const container of ['c', 'full']) await swift.request('PUT', `/${container}`)
  for (const path of ['/c/a', '/c/ü b', '/c/d/e', '/full/o']) {
    await swift.request('PUT', encodeURI(path), { body: 'x' })
  }
  const bulk = (body: string, headers: Record<string, string> = {}, method = 'POST') =>
    swift.request(method, '?bulk-delete', {
      body,
      headers: { 'Content-Type': 'text/plain', Accept: 'application/json', ...headers },
    })
  return { node, swift, bulk }
}

const done = (deleted: number, notFound: number, errors: readonly string[][] = []) => ({
  'Number Deleted': deleted,
  'Number Not Found': notFound,
  'Response Body': '',
  'Response Status': errors.length === 0 ? '200 OK' : '400 Bad Request',
  Errors: errors,
})

t.test('objects and then containers are deleted, and what is missing is counted', async (t) => {
  const { swift, bulk } = await start(t)
  const answer = await bulk('c\n/c/a\n\n  c/%C3%BC%20b  \r\n/c/d/e\n/c/none\nnowhere\n/nowhere/o')
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.same(JSON.parse(answer.text), done(4, 3))
  t.equal((await swift.request('HEAD', '/c')).status, 404)
  t.equal((await swift.request('GET', '/full/o')).text, 'x', 'what was not named stays')
})

t.test('DELETE does the same, as rclone and swiftclient send it', async (t) => {
  const { node, swift, bulk } = await start(t)
  t.same(JSON.parse((await bulk('/c/a\n', {}, 'DELETE')).text), done(1, 0))
  t.equal((await swift.request('HEAD', '/c/a')).status, 404)
  const info = JSON.parse((await node.request('GET', '/info', { sign: false })).text)
  t.same(info.bulk_delete, { max_deletes_per_request: 10_000, max_failed_deletes: 1000 })
})

t.test('what cannot be deleted is named with its reason', async (t) => {
  const { bulk } = await start(t)
  const answer = await bulk('/full\n/%ff/o\n/c/a%00b\n/c/a\n')
  t.same(
    JSON.parse(answer.text),
    done(1, 0, [
      ['/%ff/o', '412 Precondition Failed'],
      ['/c/a%00b', '412 Precondition Failed'],
      ['/full', '409 Conflict'],
    ]),
  )
  const text = await bulk('/full\n', { Accept: 'text/plain' })
  t.equal(
    text.text,
    'Number Deleted: 0\nNumber Not Found: 0\nResponse Body: \nResponse Status: 400 Bad Request\nErrors:\n/full, 409 Conflict\n',
  )
  const xml = await bulk('/full\n', { Accept: 'application/xml' })
  t.match(xml.text, '<object><name>/full</name><status>409 Conflict</status></object>')
})

t.test('a deletion that cannot be meant changes nothing, and says so inside', async (t) => {
  const { swift, bulk } = await start(t)
  const rows: readonly [string, string, string, Record<string, string>?][] = [
    ['nothing', '\n \n', '400 Bad Request'],
    ['no body', '', '400 Bad Request'],
    ['another type', '/c/a', '406 Not Acceptable', { 'Content-Type': 'application/json' }],
    ['10,001 names', '/c/a\n'.repeat(10_001), '413 Request Entity Too Large'],
    ['a name of 5,000 bytes', `/c/a\n/c/${'x'.repeat(5000)}\n`, '400 Bad Request'],
    ['nine megabytes', ' '.repeat(9 << 20), '413 Request Entity Too Large'],
  ]
  for (const [what, body, status, headers] of rows) {
    const answer = await bulk(body, headers)
    t.equal(answer.status, 200, what)
    t.match(JSON.parse(answer.text), { 'Response Status': status, 'Number Deleted': 0 }, what)
  }
  const html = await bulk('/c/a', { Accept: 'text/html' })
  t.match(html.text, 'Response Status: 406 Not Acceptable')
  t.equal((await swift.request('GET', '/c/a')).text, 'x')
})

t.test('nobody deletes what is not theirs', async (t) => {
  const { node, swift } = await start(t)
  const guest = await login(node, 'test:tester3', 'testing3')
  const ask = (body: string) => guest.request('POST', '?bulk-delete', { body })
  t.match((await ask('/c/a\n/c\n')).text, /Errors:\n\/c\/a, 403 Forbidden\n\/c, 403 Forbidden\n$/)
  await swift.request('POST', '/c', { headers: { 'X-Container-Write': 'test:tester3' } })
  t.match(
    (await ask('/c/a\n/full/o\n')).text,
    /^Number Deleted: 1\n[\s\S]*\/full\/o, 403 Forbidden\n$/,
  )
  const many = await ask('/full/o\n'.repeat(2000))
  t.match(many.text, 'Max delete failures exceeded')
  t.ok(many.text.length < 1000)
  t.equal((await swift.request('GET', '/full/o')).text, 'x')
  const nobody = { sign: false, body: '/c/d/e\n' } as const
  t.equal((await node.request('POST', '/v1/AUTH_test?bulk-delete', nobody)).status, 401)
  t.equal((await swift.request('GET', '/c/d/e')).text, 'x')
})
