// Accounts over Swift: what they hold, their settings, who may see and change them.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

t.test('an account that was never written looks empty, and reads make nothing', async (t) => {
  const node = await startNode(t)
  const session = await login(node)
  for (let i = 0; i < 2; i++) {
    const head = await session.request('HEAD', '')
    t.equal(head.status, 200)
    t.match(head.headers, {
      'x-account-container-count': '0',
      'x-account-object-count': '0',
      'x-account-bytes-used': '0',
      'x-timestamp': /^\d{10}\.\d{5}$/,
    })
    const text = await session.request('GET', '')
    t.match([text.status, text.text], [204, ''])
    t.equal(text.headers['content-type'], 'text/plain; charset=utf-8')
    const json = await session.request('GET', '?format=json')
    t.match([json.status, json.text], [200, '[]'])
  }
})

t.test('counts are exact at once, for the policy too', async (t) => {
  const node = await startNode(t)
  const session = await login(node)
  const counts = async () => {
    const { status, headers } = await session.request('HEAD', '')
    t.equal(status, 204)
    const policy = 'x-account-storage-policy-default-'
    const of = (prefix: string) =>
      ['container-count', 'object-count', 'bytes-used'].map((name) =>
        Number(headers[prefix + name]),
      )
    t.same(of(policy), of('x-account-'))
    return of('x-account-')
  }
  await session.request('PUT', '/a')
  await session.request('PUT', '/b')
  t.same(await counts(), [2, 0, 0])
  await session.request('PUT', '/a/o', { body: 'twelve bytes' })
  await session.request('PUT', '/b/o', { body: '' })
  t.same(await counts(), [2, 2, 12])
  // The other dialect's writes count the same.
  t.equal((await node.request('PUT', '/a/s3', { body: 'abc' })).status, 200)
  t.same(await counts(), [2, 3, 15])
  await session.request('PUT', '/a/o', { body: 'five.' })
  await session.request('DELETE', '/b/o')
  await session.request('DELETE', '/b')
  t.same(await counts(), [1, 2, 8])
})

t.test('POST changes the items that it names, and no others', async (t) => {
  const session = await login(await startNode(t))
  const post = (headers: Record<string, string>) => session.request('POST', '', { headers })
  const shown = async () => {
    const { headers } = await session.request('HEAD', '')
    const names = Object.keys(headers).filter((name) => name.startsWith('x-account-meta-'))
    return Object.fromEntries(names.map((name) => [name.slice(15), headers[name]]))
  }
  t.equal((await post({ 'X-Account-Meta-A': '1', 'X-Account-Meta-B_c': '2' })).status, 204)
  t.same(await shown(), { a: '1', 'b-c': '2' })
  await post({ 'X-Account-Meta-A': 'one', 'X-Account-Meta-D': '4' })
  t.same(await shown(), { a: 'one', 'b-c': '2', d: '4' })
  await post({ 'X-Account-Meta-A': '', 'X-Remove-Account-Meta-D': 'x' })
  t.same(await shown(), { 'b-c': '2' })
  await post({ 'X-Account-Meta-B-C': 'set', 'X-Remove-Account-Meta-B-C': 'x' })
  t.same(await shown(), { 'b-c': 'set' })
  const utf8 = Buffer.from('é✓').toString('latin1')
  await post({ 'X-Account-Meta-B-C': utf8 })
  t.same(await shown(), { 'b-c': utf8 })
})

t.test('limits hold over what is stored already', async (t) => {
  const session = await login(await startNode(t))
  const items = (from: number, count: number, size = 1) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`X-Account-Meta-${from + i}`, 'v'.repeat(size)]),
    )
  const post = async (headers: Record<string, string>) => {
    const { status, text } = await session.request('POST', '', { headers })
    return status === 204 ? 204 : `${status} ${text}`
  }
  t.equal(await post(items(100, 90)), 204)
  t.equal(await post(items(100, 90)), 204, 'the same items again are no more')
  t.equal(await post(items(190, 1)), '400 Too many metadata items; max 90')
  t.equal((await session.request('HEAD', '')).headers['x-account-meta-190'], undefined)
  t.equal(await post(items(100, 90, 0)), 204)
  // 15 items of 3 + 253 bytes make 3,840.
  t.equal(await post(items(100, 15, 253)), 204)
  t.equal(
    await post({ 'X-Account-Meta-200': 'v'.repeat(254) }),
    '400 Total metadata too large; max 4096',
  )
  t.equal(await post({ 'X-Account-Meta-200': 'v'.repeat(253) }), 204)
  t.equal((await post({ 'X-Account-Meta-201': '' })) as unknown, 204)
})

t.test('bad metadata is refused with the reason, and changes nothing', async (t) => {
  const session = await login(await startNode(t))
  await session.request('POST', '', { headers: { 'X-Account-Meta-A': '1' } })
  const rows: readonly [Record<string, string>, string][] = [
    [{ 'X-Account-Meta-': 'x' }, 'Metadata name cannot be empty'],
    [
      { [`X-Account-Meta-${'n'.repeat(129)}`]: 'x' },
      `Metadata name too long: x-account-meta-${'n'.repeat(129)}`,
    ],
    [{ 'X-Account-Meta-B': 'v'.repeat(257) }, 'Metadata value longer than 256: x-account-meta-b'],
    [{ 'X-Account-Meta-B': '\xff' }, 'Metadata must be valid UTF-8'],
    [{ 'X-Account-Access-Control': '[]' }, 'X-Account-Access-Control invalid'],
    [{ 'X-Account-Access-Control': '{"all":["x"]}' }, 'X-Account-Access-Control invalid'],
  ]
  for (const [headers, text] of rows) {
    const answer = await session.request('POST', '', {
      headers: { ...headers, 'X-Account-Meta-C': '3' },
    })
    t.equal(answer.status, 400, text)
    t.equal(answer.text.slice(0, text.length), text)
    t.equal(answer.headers['content-type'], 'text/plain; charset=UTF-8')
  }
  const { headers } = await session.request('HEAD', '')
  t.equal(headers['x-account-meta-a'], '1')
  t.equal(headers['x-account-meta-c'], undefined)
})

t.test('an account’s ACL lets others in, and only owners see it', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const guest = await login(node, 'test:tester3', 'testing3')
  const header = 'X-Account-Access-Control'
  await owner.request('PUT', '/c')
  t.equal((await guest.request('HEAD', '')).status, 403)
  const share = (acl: string) => owner.request('POST', '', { headers: { [header]: acl } })
  t.equal((await share('{"read-only":["test:tester3"]}')).status, 204)
  const seen = await guest.request('GET', '')
  t.match([seen.status, seen.text], [200, 'c\n'])
  t.equal(seen.headers['x-account-access-control'], undefined)
  const { headers } = await owner.request('HEAD', '')
  t.equal(headers['x-account-access-control'], '{"read-only":["test:tester3"]}')
  t.equal((await guest.request('PUT', '/d')).status, 403)
  await share('{"read-write":["test:tester3"]}')
  t.equal((await guest.request('PUT', '/d')).status, 201)
  t.equal((await guest.request('POST', '', { headers: { 'X-Account-Meta-A': '1' } })).status, 403)
  await share('{"admin":["test:tester3"]}')
  t.equal((await guest.request('POST', '', { headers: { 'X-Account-Meta-A': '1' } })).status, 204)
  t.ok((await guest.request('HEAD', '')).headers['x-account-access-control'])
  for (const cleared of ['{}', '']) {
    await share('{"read-only":["test:tester3"]}')
    await share(cleared)
    t.equal((await guest.request('HEAD', '')).status, 403)
    t.equal((await owner.request('HEAD', '')).headers['x-account-access-control'], undefined)
  }
})

t.test('accounts are not managed here', async (t) => {
  const node = await startNode(t)
  const session = await login(node)
  for (const method of ['PUT', 'DELETE']) {
    t.equal((await session.request(method, '')).status, 403, method)
    t.equal((await node.request(method, '/v1/AUTH_test', { sign: false })).status, 401, method)
  }
  node.replaceUsers({
    accounts: [
      { id: 'test', users: [{ name: 'boss', password: 'testing', roles: ['reseller_admin'] }] },
    ],
  })
  const boss = await login(node, 'test:boss')
  for (const method of ['PUT', 'DELETE']) {
    const answer = await boss.request(method, '')
    t.equal(answer.status, 405, method)
    t.equal(answer.headers.allow, 'HEAD, GET, PUT, POST, DELETE, OPTIONS')
  }
  t.equal((await boss.request('DELETE', '?bulk-delet')).status, 400)
  const other = { sign: false, headers: { 'X-Auth-Token': boss.token } }
  t.equal((await node.request('GET', '/v1/AUTH_other', other)).status, 204)
})

t.test('foreign accounts are closed, whether they exist or not', async (t) => {
  const node = await startNode(t)
  const { token } = await login(node)
  const accounts = ['AUTH_other', 'AUTH_nobody', 'AUTH_', 'SERVICE_test', 'test', 'AUTH_.test']
  for (const account of accounts) {
    for (const path of [`/v1/${account}`, `/v1/${account}/c`, `/v1/${account}/c/o`]) {
      const known = await node.request('GET', path, {
        sign: false,
        headers: { 'X-Auth-Token': token },
      })
      t.equal(known.status, 403, path)
      const unknown = await node.request('GET', path, { sign: false })
      t.equal(unknown.status, 401, path)
      t.equal(unknown.headers['www-authenticate'], `Swift realm="${account}"`)
    }
  }
})
