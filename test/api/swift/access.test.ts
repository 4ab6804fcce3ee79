// Container and account ACLs over HTTP: who gets in, who does not, and what each is told.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

const path = '/v1/AUTH_test'

t.test(
  'a container’s read list opens objects to hosts, and listings where it says so',
  async (t) => {
    const node = await startNode(t)
    const owner = await login(node)
    await owner.request('PUT', '/c')
    await owner.request('PUT', '/c/o', { body: 'content' })
    const anonymous = (method: string, below: string, referer?: string) =>
      node.request(method, `${path}${below}`, {
        sign: false,
        headers: referer === undefined ? {} : { referer },
      })
    const setRead = async (list: string) => {
      const headers = { 'X-Container-Read': list }
      t.equal((await owner.request('POST', '/c', { headers })).status, 204, list)
    }
    t.equal((await anonymous('GET', '/c/o')).status, 401)
    await setRead('.referrer : *')
    t.equal((await owner.request('HEAD', '/c')).headers['x-container-read'], '.r:*')
    t.match(await anonymous('GET', '/c/o'), { status: 200, text: 'content' })
    t.equal((await anonymous('HEAD', '/c/o')).status, 200)
    t.equal((await anonymous('GET', '/c/missing')).status, 404)
    t.equal((await anonymous('GET', '/none/o')).status, 401, 'what is not there looks forbidden')
    for (const method of ['GET', 'HEAD']) t.equal((await anonymous(method, '/c')).status, 401)
    for (const method of ['PUT', 'POST', 'DELETE']) {
      t.equal((await anonymous(method, '/c/o')).status, 401, method)
      t.equal((await anonymous(method, '/c')).status, 401, method)
    }
    await setRead('.r:.example.com,.r:-thief.example.com,.rlistings')
    t.equal((await anonymous('GET', '/c/o')).status, 401)
    t.equal((await anonymous('GET', '/c/o', 'http://example.com/')).status, 401)
    t.equal((await anonymous('GET', '/c/o', 'http://thief.example.com/')).status, 401)
    t.equal((await anonymous('GET', '/c/o', 'http://www.example.com/x')).status, 200)
    const listing = await anonymous('GET', '/c', 'http://www.example.com/x')
    t.match(listing, { status: 200, text: 'o\n' })
    t.equal(listing.headers['x-container-read'], undefined, 'only owners see the list')
    await owner.request('POST', '/c', { headers: { 'X-Remove-Container-Read': 'x' } })
    t.equal((await anonymous('GET', '/c/o', 'http://www.example.com/x')).status, 401)
  },
)

t.test('a write list lets others change objects, and nothing else', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const user = await login(node, 'test:tester3', 'testing3')
  const stranger = await login(node, 'other:other', 'testing2')
  const asStranger = (method: string, below: string, body?: string) =>
    node.request(method, `${path}${below}`, {
      sign: false,
      headers: { 'X-Auth-Token': stranger.token },
      ...(body === undefined ? {} : { body }),
    })
  await owner.request('PUT', '/c')
  await owner.request('PUT', '/c/o', { body: 'content' })
  t.equal((await asStranger('PUT', '/c/new', 'x')).status, 403)
  for (const list of ['other', 'other:other', 'other:*', '*:other', '*:*']) {
    await owner.request('POST', '/c', { headers: { 'X-Container-Write': list } })
    t.equal((await asStranger('PUT', '/c/new', 'x')).status, 201, list)
    t.equal((await asStranger('POST', '/c/new')).status, 202, list)
    t.equal((await asStranger('DELETE', '/c/new')).status, 204, list)
    t.equal((await asStranger('GET', '/c/o')).status, 403, `${list} does not let read`)
    t.equal((await asStranger('GET', '/c')).status, 403)
    t.equal((await asStranger('POST', '/c')).status, 403)
    t.equal((await asStranger('DELETE', '/c')).status, 403)
    t.equal((await asStranger('PUT', '/d')).status, 403)
  }
  await owner.request('POST', '/c', { headers: { 'X-Container-Write': 'test:tester' } })
  t.equal((await user.request('PUT', '/c/new', { body: 'x' })).status, 403)
  await owner.request('POST', '/c', { headers: { 'X-Container-Write': 'test' } })
  t.equal((await user.request('PUT', '/c/new', { body: 'x' })).status, 201)
})

t.test('a list that cannot be is refused, and the one before stays', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  await owner.request('PUT', '/c', { headers: { 'X-Container-Read': 'bob , sue' } })
  for (const [name, list] of [
    ['X-Container-Read', '.r:'],
    ['X-Container-Read', '.x:*'],
    ['X-Container-Write', '.r:*'],
  ] as const) {
    const headers = { [name]: list, 'X-Container-Meta-Colour': 'red' }
    t.equal((await owner.request('POST', '/c', { headers })).status, 400, list)
  }
  const { headers } = await owner.request('HEAD', '/c')
  t.match(headers, {
    'x-container-read': 'bob,sue',
    'x-container-write': undefined,
    'x-container-meta-colour': undefined,
  })
})

t.test('an account’s ACL lets others read, write or own all of it', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const user = await login(node, 'test:tester3', 'testing3')
  await owner.request('PUT', '/c')
  const grant = async (acl: object) => {
    const headers = { 'X-Account-Access-Control': JSON.stringify(acl) }
    t.equal((await owner.request('POST', '', { headers })).status, 204)
  }
  const acl = { 'X-Container-Read': '.r:*' }
  t.equal((await user.request('GET', '')).status, 403)
  await grant({ 'read-only': ['test:tester3'] })
  t.match(await user.request('GET', ''), {
    status: 200,
    headers: { 'x-account-access-control': undefined },
  })
  t.equal((await user.request('PUT', '/d')).status, 403)
  t.equal((await user.request('PUT', '/c/o', { body: 'x' })).status, 403)
  await grant({ 'read-write': ['test:tester3'] })
  t.equal((await user.request('PUT', '/d', { headers: acl })).status, 201)
  t.equal((await owner.request('HEAD', '/d')).headers['x-container-read'], undefined, 'dropped')
  t.equal((await user.request('PUT', '/d/o', { body: 'x' })).status, 201)
  t.equal((await user.request('POST', '')).status, 403)
  await grant({ admin: ['test:tester3'] })
  t.equal((await user.request('POST', '/d', { headers: acl })).status, 204)
  t.equal((await user.request('HEAD', '/d')).headers['x-container-read'], '.r:*')
  const seen = await user.request('HEAD', '')
  t.equal(seen.headers['x-account-access-control'], '{"admin":["test:tester3"]}')
  const refused = { 'X-Account-Access-Control': '{"writers":[]}' }
  t.equal((await owner.request('POST', '', { headers: refused })).status, 400)
  t.equal((await user.request('HEAD', '')).status, 204)
  await grant({})
  t.equal((await user.request('HEAD', '')).status, 403)
})
