// Answers to work that takes long.
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import Koa from 'koa'
import { pino } from 'pino'
import t from 'tap'
import { CofferError } from '../../../lib/errors.ts'
import type { Context } from '../../../middleware/s3/context.ts'
import { sendWhenDone } from '../../../middleware/s3/keep-alive.ts'
import { type Fragment, leaf, root } from '../../../middleware/s3/xml-writer.ts'

type Teardown = { teardown(fn: () => void): unknown }
type Work = (ctx: Context) => Promise<Fragment>

async function serve(t: Teardown, work: Work, keepAliveMs: number): Promise<number> {
  const app = new Koa()
  app.silent = true
  app.use(async (ctx) => {
    const context = ctx as unknown as Context
    Object.assign(ctx.state, {
      requestId: 'ID',
      operation: 'CopyObject',
      target: { path: '/' },
      log: pino({ enabled: false }),
    })
    await sendWhenDone(context, () => work(context), keepAliveMs)
  })
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return (server.address() as AddressInfo).port
}

async function answerOf(t: Teardown, work: Work, keepAliveMs: number) {
  const port = await serve(t, work, keepAliveMs)
  const request = get({ port, host: '127.0.0.1', agent: false })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  for await (const piece of answer) text += piece
  return { status: answer.statusCode, type: answer.headers['content-type'], text }
}

/** Goes on once the head is out. */
async function headSent({ res }: Context): Promise<void> {
  while (!res.headersSent) await new Promise((resolve) => setTimeout(resolve, 1))
}

const HOUR_MS = 3_600_000

t.test('quick work is answered at once, its failure with its own status', async (t) => {
  const done = await answerOf(t, async () => root('Done', leaf('A', 1)), HOUR_MS)
  t.match(done, { status: 200, type: 'application/xml' })
  t.match(done.text, /^<\?xml[^>]*>\n<Done xmlns="[^"]*"><A>1<\/A><\/Done>$/)
  const failed = await answerOf(t, async () => Promise.reject(new Error('x')), HOUR_MS)
  t.equal(failed.status, 500)
})

t.test('long work gets its head and blanks first, then the document', async (t) => {
  const work = async (ctx: Context) => {
    await headSent(ctx)
    return root('Done')
  }
  const { status, type, text } = await answerOf(t, work, 2)
  t.equal(status, 200)
  t.equal(type, 'application/xml')
  t.match(text, /^<\?xml version="1.0" encoding="UTF-8"\?>\n +<Done xmlns="[^"]*"><\/Done>$/)
})

t.test('long work that fails ends in an Error under a 200', async (t) => {
  const work = async (ctx: Context) => {
    await headSent(ctx)
    throw new CofferError('AccessDenied')
  }
  const { status, text } = await answerOf(t, work, 2)
  t.equal(status, 200)
  t.match(text, /^<\?xml[^>]*>\n +<Error><Code>AccessDenied<\/Code>.*<\/Error>$/)
})

t.test('long work for HTTP/1.0, which knows no chunks, ends with the connection', async (t) => {
  const work = async (ctx: Context) => {
    await headSent(ctx)
    return root('Done')
  }
  const port = await serve(t, work, 2)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  let text = ''
  for await (const piece of socket) text += piece
  t.match(text, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n<\?xml.* +<Done xmlns="[^"]*"><\/Done>$/s)
  t.notMatch(text, /transfer-encoding/i)
})
