// Deleting large objects: the manifest alone, with its segments, at once and later.
import t, { type Test } from 'tap'
import { until } from '../../helpers/blobs.ts'
import { startNode } from '../../helpers/node.ts'
import { letters, makeSlo, pieces, putSlo, segment } from '../../helpers/slo.ts'
import { login } from '../../helpers/swift.ts'

async function start(t: Test) {
  const node = await startNode(t)
  const { request: swift } = await login(node)
  await makeSlo(swift)
  const status = async (path: string) => (await swift('HEAD', path)).status
  const remove = async (path: string, query = '', ask = swift) => {
    const headers = { Accept: 'application/json' }
    return await ask('DELETE', `${path}?multipart-manifest=delete${query}`, { headers })
  }
  const removed = async (path: string, query = '') => JSON.parse((await remove(path, query)).text)
  return { node, swift, status, remove, removed }
}

t.test(
  'a manifest is deleted with its segments, each once, and with the manifests in it',
  async (t) => {
    const { swift, status, removed } = await start(t)
    await putSlo(swift, '/c/outer', [
      { path: '/c/slo' },
      { path: '/segs/a', range: '0-0' },
      { data: 'QQ==' },
    ])
    t.match(await removed('/c/outer'), {
      'Number Deleted': 5,
      'Number Not Found': 0,
      'Response Status': '200 OK',
      Errors: [],
    })
    for (const path of ['/c/outer', '/c/slo', ...letters.map((letter) => `/segs/${letter}`)]) {
      t.equal(await status(path), 404, path)
    }
  },
)

t.test('what is not there is counted, and what is not his to delete is named', async (t) => {
  const { node, swift, status, remove, removed } = await start(t)
  await swift('DELETE', '/segs/b')
  t.match(await removed('/c/none'), { 'Number Deleted': 0, 'Number Not Found': 1 })
  const plain = await removed('/segs/a')
  t.match(plain, { 'Number Deleted': 0, Errors: [['/segs/a', 'Not an SLO manifest']] })
  const guest = await login(node, 'test:tester3', 'testing3')
  const both = { 'X-Container-Read': 'test:tester3', 'X-Container-Write': 'test:tester3' }
  await swift('POST', '/c', { headers: both })
  const answer = await remove('/c/slo', '', guest.request)
  t.equal(answer.status, 200)
  const { Errors: errors, ...counts } = JSON.parse(answer.text)
  t.match(counts, { 'Number Deleted': 1, 'Response Status': '400 Bad Request' })
  t.same(
    errors.sort(),
    letters.map((letter) => [`/segs/${letter}`, '403 Forbidden']),
  )
  t.equal(await status('/segs/a'), 200)
  t.equal(await status('/c/slo'), 404)
})

t.test('one version of a manifest is deleted with its own segments', async (t) => {
  const { swift, status, removed } = await start(t)
  await swift('POST', '/c', { headers: { 'X-Versions-Enabled': 'True' } })
  await putSlo(swift, '/c/slo', [segment('c')])
  t.match(await removed('/c/slo', '&version-id=null'), { 'Number Deleted': 4 })
  t.equal(await status('/segs/a'), 404)
  t.equal((await swift('GET', '/c/slo')).status, 409, 'another version loses what it shared')
})

t.test('manifests that name one another are deleted, however they lie', async (t) => {
  const { swift, removed } = await start(t)
  await putSlo(swift, '/c/one', [segment('a')])
  await putSlo(swift, '/c/two', [{ path: '/c/one' }])
  await putSlo(swift, '/c/one', [{ path: '/c/two' }])
  t.equal((await swift('GET', '/c/one')).status, 409, 'a circle is not read')
  t.match(await removed('/c/one'), { 'Number Deleted': 2, Errors: [] })
})

t.test('deleted later, the manifest is gone at once and its segments soon', async (t) => {
  const { node, swift, status, remove } = await start(t)
  t.equal((await remove('/segs/a', '&async=on')).status, 400, 'no manifest')
  t.equal((await remove('/c/none', '&async=on')).status, 404)
  await putSlo(swift, '/c/outer', [{ path: '/c/slo' }])
  const nested = await remove('/c/outer', '&async=on')
  t.match([nested.status, nested.text], [400, 'No segments may be large objects.'])
  await putSlo(swift, '/c/mixed', [segment('a'), { path: '/c/outer' }])
  t.match((await remove('/c/mixed', '&async=on')).text, 'All segments must be in one container.')
  const guest = await login(node, 'test:tester3', 'testing3')
  const both = { 'X-Container-Read': 'test:tester3', 'X-Container-Write': 'test:tester3' }
  await swift('POST', '/c', { headers: both })
  t.equal((await remove('/c/slo', '&async=on', guest.request)).status, 403)
  t.equal(await status('/c/slo'), 200, 'and nothing is deleted')
  const answer = await remove('/c/slo', '&async=on')
  t.match([answer.status, answer.text], [204, ''])
  t.equal(await status('/c/slo'), 404)
  t.ok(await until(async () => (await swift('GET', '/segs')).status === 204))
})

t.test('what is written after such a deletion stays', async (t) => {
  const { node, swift, remove } = await start(t)
  const { catalog } = node.coffer.stores
  const { scan } = catalog
  // The sweep waits until the segment was written anew.
  let written = false
  catalog.scan = async (asked) => {
    if (asked.from.startsWith('queue/') && !written) return { entries: [] }
    return await scan.call(catalog, asked)
  }
  await remove('/c/slo', '&async=on')
  await swift('PUT', '/segs/b', { body: pieces.b })
  await putSlo(swift, '/c/other', [segment('b')])
  written = true
  // The bytes of a manifest are freed by the sweep, which is woken.
  await swift('DELETE', '/c/other')
  const names = async () => (await swift('GET', '/segs')).text
  t.ok(await until(async () => (await names()) === 'b\n'))
})
