// One connection that sends requests without waiting for answers. The node answers one at a time, and other
// connections meanwhile.
import { once } from 'node:events'
import t from 'tap'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { dialRaw, type RawAddress } from '../helpers/raw.ts'
import { peakBytes, residentBytes } from '../helpers/resident.ts'
import { type AttackTable, attackTable } from './table.ts'

const MIB = 1 << 20
const BIG_BYTES = 2 * MIB
const SMALL_BYTES = 300_000
/** One request is being answered, and so many wait. */
const TAKEN = 33

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`

/** A node with public data: a large object, a smaller one, and a listing. Also a header with a token. */
async function startPublic(t: Parameters<typeof startChildNode>[0]) {
  const node = await startChildNode(t, { storage: { reserveBytes: 0 } })
  const headers = { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' }
  const login = await node.request('GET', '/auth/v1.0', { sign: false, headers })
  const token = String(login.headers['x-auth-token'])
  const acl = { 'x-auth-token': token, 'x-container-read': '.r:*,.rlistings' }
  await node.request('PUT', '/v1/AUTH_test/pub', { sign: false, headers: acl })
  await node.request('PUT', '/pub/big', { body: Buffer.alloc(BIG_BYTES, 'b') })
  await node.request('PUT', '/pub/small', { body: Buffer.alloc(SMALL_BYTES, 's') })
  const names = Array.from({ length: 50 }, (_, i) => `/pub/name-${i}`)
  await Promise.all(names.map((name) => node.request('PUT', name, { body: 'x' })))
  return { node, token: `X-Auth-Token: ${token}\r\n` }
}

interface Tried {
  readonly t: Parameters<typeof dialRaw>[0]
  readonly table: AttackTable
  readonly node: ChildNode
  readonly transport: string
  readonly address: RawAddress
}

async function askAtOnce({ t, table, node, transport, address }: Tried, reads: boolean) {
  const before = residentBytes(node.pid)
  const { socket, ended } = await dialRaw(t, address, { reads })
  socket.write(get('/pub/big').repeat(1000))
  const how = `1,000 GETs at once over ${transport}, ${reads ? 'read' : 'left unread'}`
  const other = await node.request('GET', '/pub/small')
  table.tried(`${how}: others are answered`, other.status === 200)
  if (reads) await ended
  for (let i = 0; i < 20; i++) await node.request('GET', '/pub/small')
  const grownBytes = peakBytes(node.pid) - before
  table.tried(`${how}: take no gigabyte`, grownBytes < 200 * MIB, { grownBytes })
  socket.destroy()
}

async function askInTurn({ t, table, transport, address }: Tried) {
  const { socket, answers } = await dialRaw(t, address)
  socket.write(get('/pub/small').repeat(TAKEN))
  const all = await answers(TAKEN)
  const isWhole = all.every(({ status, body }) => status === 200 && body.length === SMALL_BYTES)
  const isAll = isWhole && all.length === TAKEN
  table.tried(`${TAKEN} GETs at once over ${transport} are all answered`, isAll, all.length)
  for (let round = 0; round < 10; round++) socket.write(get('/pub/small'))
  const { length } = await answers(TAKEN + 10)
  table.tried(`and the connection goes on over ${transport}`, length === TAKEN + 10, length)
}

async function askBeside({ t, table, node, transport, address }: Tried) {
  const { socket, answers, received } = await dialRaw(t, address)
  socket.write(get('/pub/big').repeat(TAKEN))
  await node.request('GET', '/pub/small')
  const before = received()
  const isBefore = before < TAKEN * BIG_BYTES
  table.tried(`others do not wait for ${TAKEN} answers of one over ${transport}`, isBefore, before)
  const isWhole = (await answers(TAKEN)).every(({ body }) => body.length === BIG_BYTES)
  table.tried(`which come whole over ${transport}`, isWhole)
  const list = await dialRaw(t, address)
  list.socket.write(get('/v1/AUTH_test/pub?format=json').repeat(TAKEN))
  const listed = await list.answers(TAKEN)
  const isAlike = new Set(listed.map(({ body }) => body.toString())).size === 1
  table.tried(`${TAKEN} listings over ${transport} are alike`, isAlike && listed.length === TAKEN)
}

async function writeInTurn({ t, table, transport, address }: Tried, token: string) {
  const path = '/v1/AUTH_test/pub/turn'
  const rounds = 8
  const bodyOf = (round: number) => Buffer.alloc(200_000, 65 + round)
  const { socket, answers } = await dialRaw(t, address)
  for (let round = 0; round < rounds; round++) {
    const body = bodyOf(round)
    socket.write(get('/pub/small'))
    socket.write(
      `PUT ${path} HTTP/1.1\r\nHost: x\r\n${token}Content-Length: ${body.length}\r\n\r\n`,
    )
    socket.write(body)
    socket.write(get(path, token))
  }
  const all = await answers(3 * rounds)
  const statuses = all.map(({ status }) => status).join()
  const wanted = Array(rounds).fill('200,201,200').join()
  const how = `GET, PUT and GET of it over ${transport}`
  table.tried(`${how}, ${rounds} times at once`, statuses === wanted, statuses)
  for (let round = 0; round < rounds; round++) {
    const isOwn = all[3 * round + 2]?.body.equals(bodyOf(round))
    table.tried(`${how}: the ${round + 1}. sees the PUT before it`, isOwn === true)
  }
}

async function hangUp({ t, table, node, transport, address }: Tried, token: string) {
  const { socket, received } = await dialRaw(t, address)
  const put = `PUT /v1/AUTH_test/pub/unseen HTTP/1.1\r\nHost: x\r\n${token}Content-Length: 1\r\n\r\nx`
  socket.write(get('/pub/big').repeat(3) + put)
  while (received() === 0) await once(socket, 'data')
  socket.destroy()
  const { status } = await node.request('HEAD', '/pub/unseen')
  table.tried(`what waits behind a client that is gone is not done (${transport})`, status === 404)
}

async function breakOff({ t, table, transport, address }: Tried, token: string) {
  const head = `PUT /v1/AUTH_test/pub/turn HTTP/1.1\r\nHost: x\r\n${token}Transfer-Encoding: chunked\r\n\r\n`
  for (const [what, broken] of [
    ['a chunk that is none', `${head}5\r\nhello\r\nnone\r\n`],
    ['a request that is none', 'GET / HTTP/9.9\r\nnone\r\n\r\n'],
    ['a body that is none, and more', `${head}none\r\n${get('/pub/small')}`],
  ] as const) {
    const { socket, answers, closed, ended } = await dialRaw(t, address)
    socket.write(get('/pub/big') + get('/pub/small') + broken)
    await ended
    const [big, small, ...rest] = await answers(4)
    const isWhole =
      big?.body.equals(Buffer.alloc(BIG_BYTES, 'b')) &&
      small?.body.equals(Buffer.alloc(SMALL_BYTES, 's'))
    const how = `${what} behind two GETs over ${transport}`
    table.tried(`${how}: the answers in front come whole`, isWhole === true)
    const statuses = rest.map(({ status }) => status).join()
    table.tried(`${how}: it gets one answer`, /^(400|505)?$/.test(statuses), statuses)
    socket.destroy()
    await closed
  }
}

t.test('one connection asks again and again without waiting', async (t) => {
  const table = attackTable(t, 'pipelining')
  const { node, token } = await startPublic(t)
  for (const [transport, address] of [
    ['HTTP', { base: node.http }],
    ['TLS', { base: node.https, caFile: node.caFile }],
  ] as const) {
    const tried = { t, table, node, transport, address }
    await askAtOnce(tried, false)
    await askAtOnce(tried, true)
    await askInTurn(tried)
    await askBeside(tried)
    await writeInTurn(tried, token)
    await breakOff(tried, token)
    await hangUp(tried, token)
  }
})
