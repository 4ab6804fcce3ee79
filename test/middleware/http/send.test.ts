// Streaming an object to a socket: back pressure, hang-ups, failures before and after the head.
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import t from 'tap'
import { Budget } from '../../../lib/budget.ts'
import { poisonReleased } from '../../../lib/bytes/release.ts'
import { defaultConfig } from '../../../lib/config/config.ts'
import type { ObjectReader } from '../../../lib/service/types.ts'
import { type Framing, sendReader } from '../../../middleware/http/send.ts'
import type { Context } from '../../../middleware/state.ts'

poisonReleased(true)

interface Plan {
  readonly sizes: readonly number[]
  /** Lengths of the extents; absent: one, as long as the row says. No piece is of two extents. */
  readonly extents?: readonly number[]
  readonly framing?: Framing
  /** What the row says; absent: the truth. */
  readonly length?: number
  /** Fails instead of giving this piece. */
  readonly failAt?: number
}

interface Recorded {
  reads: number
  closes: number
  error: unknown
}

const byteAt = (piece: number) => piece % 251
const sum = (sizes: readonly number[]) => sizes.reduce((all, size) => all + size, 0)
const framesOf = ({ framing }: Plan) =>
  framing === undefined ? 0 : sum([...framing.heads, framing.end].map(({ length }) => length))

/** A reader of pieces that own their memory, as records do. */
function readerOf(plan: Plan, recorded: Recorded): ObjectReader {
  const { sizes, length, failAt } = plan
  const total = length ?? sum(sizes)
  const lengths = plan.extents ?? [total]
  return {
    info: {} as ObjectReader['info'],
    extents: lengths.map((length) => ({ offset: 0, length, partial: lengths.length > 1 })),
    async read() {
      const piece = recorded.reads++
      if (piece === failAt) throw new Error('record rotten')
      const size = sizes[piece]
      return size === undefined ? undefined : Buffer.alloc(size, byteAt(piece))
    },
    close() {
      recorded.closes++
    },
  }
}

type Teardown = { teardown(fn: () => void): unknown }

const node = { answerMemory: new Budget(1 << 20), config: defaultConfig() }

/** A server that sends what is planned, and what came of it. */
async function serve(t: Teardown, plan: Plan) {
  const recorded: Recorded = { reads: 0, closes: 0, error: undefined }
  const app = new Koa()
  app.silent = true
  let finished = () => {}
  const done = new Promise<void>((resolve) => {
    finished = resolve
  })
  app.use(async (ctx) => {
    const reader = readerOf(plan, recorded)
    ctx.status = 200
    const bodyBytes = sum(reader.extents.map((extent) => extent.length))
    ctx.set('Content-Length', String(bodyBytes + framesOf(plan)))
    try {
      await sendReader(ctx as unknown as Context, node, reader, plan.framing)
    } catch (error) {
      recorded.error = error
      if (!ctx.headerSent) throw error
    } finally {
      finished()
    }
  })
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  const ask = async (method = 'GET') => {
    const request = get({ port, host: '127.0.0.1', method, agent: false })
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    return answer
  }
  return { recorded, ask, done }
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of answer) pieces.push(piece)
  return Buffer.concat(pieces)
}

t.test('every byte arrives, whatever the pieces', async (t) => {
  const record = 65536
  for (const sizes of [
    [],
    [1],
    [record - 1],
    [record],
    [record + 1],
    [1, record, 7],
    Array(100).fill(record),
  ]) {
    const { ask, recorded } = await serve(t, { sizes })
    const body = await bodyOf(await ask())
    const expected = Buffer.concat(
      sizes.map((size: number, i: number) => Buffer.alloc(size, byteAt(i))),
    )
    t.ok(body.equals(expected), `${sizes.length} pieces`)
    t.equal(recorded.closes, 1)
    t.equal(recorded.error, undefined)
  }
})

t.test('several extents follow one another, each behind its own head', async (t) => {
  const record = 65536
  for (const [sizes, extents] of [
    [[1], [1]],
    [
      [1, 1],
      [1, 1],
    ],
    [
      [record, record, 7, 3],
      [2 * record + 7, 3],
    ],
    [
      [5, record, 1, record, record],
      [5, record + 1, 2 * record],
    ],
  ] as const) {
    const heads = extents.map((length) => Buffer.from(`<${length}>`))
    const end = Buffer.from('</>')
    const { ask, recorded } = await serve(t, { sizes, extents, framing: { heads, end } })
    const expected: Buffer[] = []
    let piece = 0
    for (const [i, length] of extents.entries()) {
      expected.push(heads[i]!)
      for (let left: number = length; left > 0; left -= sizes[piece++]!) {
        expected.push(Buffer.alloc(sizes[piece]!, byteAt(piece)))
      }
    }
    const body = await bodyOf(await ask())
    t.ok(body.equals(Buffer.concat([...expected, end])), `${extents.length} extents`)
    t.match(recorded, { closes: 1, error: undefined })
  }
})

t.test('an extent that ends too early cuts the connection', async (t) => {
  const heads = [Buffer.from('<a>'), Buffer.from('<b>')]
  const framing = { heads, end: Buffer.from('</>') }
  const { ask, recorded } = await serve(t, { sizes: [10, 4], extents: [10, 5], framing })
  await t.rejects(ask().then(bodyOf))
  t.match(recorded.error, { code: 'StoreCorrupt' })
  t.equal(recorded.closes, 1)
})

t.test('HEAD sends the length and reads nothing', async (t) => {
  const { ask, recorded } = await serve(t, { sizes: [10] })
  const answer = await ask('HEAD')
  t.equal(answer.headers['content-length'], '10')
  t.equal((await bodyOf(answer)).length, 0)
  t.match(recorded, { reads: 0, closes: 1 })
})

t.test('a failure before the first byte can still be answered', async (t) => {
  const { ask, recorded } = await serve(t, { sizes: [10], failAt: 0 })
  const answer = await ask()
  await bodyOf(answer)
  t.equal(answer.statusCode, 500)
  t.equal(recorded.closes, 1)
})

t.test('a failure in the middle cuts the connection', async (t) => {
  const { ask, recorded } = await serve(t, { sizes: Array(8).fill(65536), failAt: 5 })
  await t.rejects(ask().then(bodyOf), { code: 'ECONNRESET' })
  t.match(recorded.error, { message: 'record rotten' })
  t.equal(recorded.closes, 1)
})

t.test('an object shorter or longer than its row cuts the connection', async (t) => {
  const short = await serve(t, { sizes: [10], length: 11 })
  await t.rejects(short.ask().then(bodyOf))
  t.match(short.recorded.error, { code: 'StoreCorrupt' })
  const long = await serve(t, { sizes: [10, 10], length: 15 })
  await t.rejects(long.ask().then(bodyOf))
  t.match(long.recorded.error, { code: 'StoreCorrupt' })
})

t.test('a client that hangs up ends the reading', async (t) => {
  const { ask, recorded, done } = await serve(t, { sizes: Array(4000).fill(65536) })
  const answer = await ask()
  await once(answer, 'data')
  answer.destroy()
  await done
  t.ok(recorded.reads < 4000, `${recorded.reads} of 4,000 records read`)
  t.equal(recorded.closes, 1)
  t.equal(recorded.error, undefined)
})

t.test('a slow client holds the reading back', async (t) => {
  const { ask, recorded, done } = await serve(t, { sizes: Array(2000).fill(65536) })
  const answer = await ask()
  answer.pause()
  // The client takes nothing: what the kernel's buffers hold is all that can be under way.
  let before = -1
  while (before !== recorded.reads) {
    before = recorded.reads
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.ok(recorded.reads < 1000, `${recorded.reads} of 2,000 records read`)
  answer.destroy()
  await done
})
