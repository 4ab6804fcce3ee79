// Objects that end: X-Delete-At, X-Delete-After, X-If-Delete-At.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

async function startContainer(t: Parameters<typeof startNode>[0]) {
  const swift = await login(await startNode(t))
  await swift.request('PUT', '/c')
  return {
    ask: (method: string, path: string, headers: Record<string, string> = {}) =>
      swift.request(method, path, { headers, ...(method === 'PUT' ? { body: 'x' } : {}) }),
    deleteAt: async (path: string) =>
      (await swift.request('HEAD', path)).headers['x-delete-at'] as string | undefined,
  }
}

const now = () => Math.floor(Date.now() / 1000)
const soon = () => String(now() + 100)

t.test('X-Delete-At and X-Delete-After are kept as one second', async (t) => {
  const { ask, deleteAt } = await startContainer(t)
  const at = soon()
  await ask('PUT', '/c/o', { 'x-delete-at': at })
  t.equal(await deleteAt('/c/o'), at)
  const before = now()
  await ask('PUT', '/c/o', { 'x-delete-after': '50', 'x-delete-at': '1' })
  const after = Number(await deleteAt('/c/o'))
  t.ok(after >= before + 50 && after <= now() + 50, 'After wins')
  await ask('PUT', '/c/o', { 'x-delete-at': '99999999999' })
  t.equal(await deleteAt('/c/o'), '9999999999', 'as late as ten digits say')
  await ask('PUT', '/c/o')
  t.equal(await deleteAt('/c/o'), undefined)
  await ask('POST', '/c/o', { 'x-delete-at': at })
  t.equal(await deleteAt('/c/o'), at)
  await ask('POST', '/c/o', { 'x-object-meta-a': '1' })
  t.equal(await deleteAt('/c/o'), undefined, 'a POST without it calls it off')
})

t.test('a time that is none, or has passed, is refused and changes nothing', async (t) => {
  const { ask, deleteAt } = await startContainer(t)
  const at = soon()
  await ask('PUT', '/c/o', { 'x-delete-at': at })
  const rows: [name: string, value: string, text: string][] = [
    ['x-delete-at', 'abc', 'Non-integer X-Delete-At'],
    ['x-delete-at', '', 'Non-integer X-Delete-At'],
    ['x-delete-at', `${at}.1`, 'Non-integer X-Delete-At'],
    ['x-delete-at', String(now()), 'X-Delete-At in past'],
    ['x-delete-at', '0', 'X-Delete-At in past'],
    ['x-delete-at', '-1', 'X-Delete-At in past'],
    ['x-delete-after', 'abc', 'Non-integer X-Delete-After'],
    ['x-delete-after', '1.5', 'Non-integer X-Delete-After'],
    ['x-delete-after', '0', 'X-Delete-After in past'],
    ['x-delete-after', '-5', 'X-Delete-After in past'],
  ]
  for (const [name, value, text] of rows) {
    for (const method of ['PUT', 'POST', 'COPY']) {
      const answer = await ask(method, '/c/o', { [name]: value, destination: 'c/o' })
      t.match(answer, { status: 400, text }, `${method} ${name}: ${value}`)
    }
  }
  t.equal(await deleteAt('/c/o'), at)
})

t.test('from its second on an object is gone', async (t) => {
  const { ask } = await startContainer(t)
  const at = String(now() + 4)
  for (const name of ['a', 'b', 'c']) await ask('PUT', `/c/${name}`, { 'x-delete-at': at })
  t.equal((await ask('GET', '/c/a')).status, 200)
  // Waits for the second itself, so that nothing depends on how fast the node is.
  while ((await ask('HEAD', '/c/a')).status === 200) await new Promise((go) => setTimeout(go, 50))
  for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
    t.equal((await ask(method, '/c/a')).status, 404, method)
  }
  t.equal((await ask('COPY', '/c/b', { destination: 'c/new' })).status, 404)
  t.equal((await ask('PUT', '/c/c', { 'if-none-match': '*' })).status, 201)
  t.equal((await ask('GET', '/c/c')).status, 200)
})

t.test('X-If-Delete-At takes only an object that ends at that second', async (t) => {
  const { ask } = await startContainer(t)
  const at = soon()
  await ask('PUT', '/c/o', { 'x-delete-at': at })
  const guard = (value: string, path = '/c/o') => ask('DELETE', path, { 'x-if-delete-at': value })
  t.match(await guard('abc'), { status: 400, text: 'Bad X-If-Delete-At header value' })
  t.equal((await guard(String(Number(at) + 1))).status, 412)
  t.equal((await guard(at, '/c/none')).status, 404)
  t.equal((await ask('GET', '/c/o')).status, 200)
  t.equal((await guard(at)).status, 204)
  t.equal((await ask('GET', '/c/o')).status, 404)
  await ask('PUT', '/c/p')
  t.equal((await guard(at, '/c/p')).status, 412)
})

t.test('a copy takes the end of its source along, unless told otherwise', async (t) => {
  const { ask, deleteAt } = await startContainer(t)
  const at = soon()
  const later = String(Number(at) + 5)
  await ask('PUT', '/c/o', { 'x-delete-at': at })
  await ask('COPY', '/c/o', { destination: 'c/same' })
  t.equal(await deleteAt('/c/same'), at)
  await ask('COPY', '/c/o', { destination: 'c/later', 'x-delete-at': later })
  t.equal(await deleteAt('/c/later'), later)
  await ask('COPY', '/c/o', { destination: 'c/fresh', 'x-fresh-metadata': 'true' })
  t.equal(await deleteAt('/c/fresh'), undefined)
})
