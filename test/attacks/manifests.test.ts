// Manifests of large objects as a stranger may write them: documents at the bounds and beyond, lists that lead in circles
// or fan out, and segments that are not the reader's. No answer is longer than what was sent, and no work holds the thread.
import t from 'tap'
import { LONGEST_TURN, watchTurns } from '../helpers/counted-turns.ts'
import { startNode } from '../helpers/node.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'manifests')

const MIB = 1 << 20
const long = 'x'.repeat(MIB)
const repeated = (item: string, count: number) => `[${new Array(count).fill(item).join(',')}]`

/** What is no manifest, and what of it is to be refused. */
const documents: readonly [what: string, text: string, statuses: readonly number[]][] = [
  ['a million lists within one another', '['.repeat(MIB), [400]],
  ['a million objects within one another', '{"a":'.repeat(MIB), [400]],
  ['19,000 unknown keys', `[{${keys(19_000)}}]`, [400]],
  ['70,000 unknown keys', `[{${keys(70_000)}}]`, [413]],
  ['a key of a megabyte', `[{"path":"/c/o","${long}":1}]`, [400]],
  ['a path of a megabyte', `[{"path":"/c/${long}"}]`, [400]],
  ['a range of a megabyte', `[{"path":"/c/o","range":"${long}"}]`, [400]],
  ['a size of a million digits', `[{"path":"/c/o","size_bytes":${'9'.repeat(MIB)}}]`, [400]],
  ['a size that is a list', '[{"path":"/c/o","size_bytes":[1]}]', [400]],
  ['an ETag that is an object', '[{"path":"/c/o","etag":{}}]', [400]],
  ['a prototype for a key', '[{"path":"/c/o","__proto__":{"range":"0-1"}}]', [400]],
  ['ten thousand times nothing', repeated('{}', 10_000), [400]],
  ['ten thousand and one entries', repeated('1', 10_001), [413]],
  ['more commas than entries have', repeated('1', 41_000), [413]],
  ['a NUL in a name', '[{"path":"/c/a\\u0000b"}]', [400]],
  ['half a surrogate in a name', '[{"path":"/c/\\ud800"}]', [400]],
  ['data of a megabyte that is no base64', `[{"data":"${long}-"}]`, [400]],
  ['nine megabytes', ' '.repeat(9 * MIB), [413]],
]

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')
}

t.test('no document that is no manifest holds the node, or comes back', async (t) => {
  const node = await startNode(t)
  const { request } = await login(node)
  await request('PUT', '/c')
  for (const [what, body, statuses] of documents) {
    const { answer, longestTurn } = await watchTurns(() =>
      request('PUT', '/c/new?multipart-manifest=put', { body: Buffer.from(body) }),
    )
    const { status, text } = answer
    const held =
      statuses.includes(status) && text.length <= 1_000_000 && longestTurn <= LONGEST_TURN
    table.tried(what, held, { status, length: text.length, start: text.slice(0, 200), longestTurn })
    if (body.length > 200_000) table.tried(`${what}: a short answer`, text.length < 10_000)
  }
  t.equal((await request('GET', '/c')).text, '', 'nothing was written')
})

t.test('lists that lead in circles end', async (t) => {
  const node = await startNode(t)
  const { request } = await login(node)
  await request('PUT', '/c')
  const put = (name: string, paths: readonly string[]) =>
    request('PUT', `/c/${name}?multipart-manifest=put`, {
      body: Buffer.from(JSON.stringify(paths.map((path) => ({ path })))),
    })
  await request('PUT', '/c/byte', { body: Buffer.from('b') })
  await put('one', ['/c/byte'])
  await put('two', ['/c/one'])
  // The first names the second now, which has named the first.
  table.tried('a circle is written', (await put('one', ['/c/two'])).status === 201)
  const read = await watchTurns(() => request('GET', '/c/one'))
  const isRefused = read.answer.status === 409 && read.longestTurn <= LONGEST_TURN
  table.tried('a circle is read', isRefused, read.answer.status)
  const gone = await request('DELETE', '/c/one?multipart-manifest=delete')
  table.tried(
    'a circle is deleted',
    gone.status === 200 && /Number Deleted: 2/.test(gone.text),
    gone,
  )
})

t.test(
  'a list that fans out is looked at a bounded number of times, and then read in order',
  async (t) => {
    const node = await startNode(t)
    const { request } = await login(node)
    await request('PUT', '/c')
    await request('PUT', '/c/l0', { body: Buffer.from('b') })
    const fan = (name: string, path: string) =>
      request('PUT', `/c/${name}?multipart-manifest=put`, {
        body: Buffer.from(repeated(JSON.stringify({ path }), 1000)),
      })
    for (const level of [1, 2, 3, 4]) {
      const { status } = await fan(`l${level}`, `/c/l${level - 1}`)
      table.tried(`1,000 entries to the power of ${level}`, status === 201, status)
    }
    const head = await request('HEAD', '/c/l4')
    t.equal(head.headers['content-length'], String(1000 ** 4))
    const read = await watchTurns(() =>
      request('GET', '/c/l4', { headers: { Range: 'bytes=999999999990-' } }),
    )
    const { status, text } = read.answer
    const held = status === 206 && text === 'b'.repeat(10) && read.longestTurn <= LONGEST_TURN
    table.tried('its last bytes', held, { status, text, steps: read.steps })
    const first = await watchTurns(() =>
      request('GET', '/c/l4', { headers: { Range: 'bytes=0-99' } }),
    )
    const isSmall = first.answer.status === 206 && first.steps < 100_000
    table.tried('its first bytes', isSmall, { status: first.answer.status, steps: first.steps })
  },
)

t.test('a list gives nobody what is not theirs', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const guest = await login(node, 'test:tester3', 'testing3')
  for (const container of ['open', 'shut']) await owner.request('PUT', `/${container}`)
  await owner.request('PUT', '/shut/secret', { body: Buffer.from('secret') })
  const lets = { 'X-Container-Read': 'test:tester3', 'X-Container-Write': 'test:tester3' }
  await owner.request('POST', '/open', { headers: lets })
  const list = { body: Buffer.from('[{"path":"/shut/secret"}]') }
  const put = await guest.request('PUT', '/open/mine?multipart-manifest=put', list)
  table.tried('a list of what its writer may not read', put.status === 400, put.text)
  t.notMatch(put.text, 'secret\n')
  await owner.request('PUT', '/open/his?multipart-manifest=put', list)
  const read = await guest.request('GET', '/open/his')
  table.tried('a read of what the reader may not', read.status === 409, read.text)
  const copy = await guest.request('COPY', '/open/his', { headers: { Destination: 'open/copy' } })
  table.tried('a copy of it', copy.status === 409, copy.text)
  const raw = await guest.request('GET', '/open/his?multipart-manifest=get')
  t.equal(raw.status, 200, 'its list is the object’s own')
  const swept = await guest.request('DELETE', '/open/his?multipart-manifest=delete')
  t.match(swept.text, '403', 'what is not theirs is not deleted with it')
  t.equal((await owner.request('GET', '/shut/secret')).text, 'secret')
})
