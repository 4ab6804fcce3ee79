// Reading a stream piece by piece: order, back pressure, truncation, silence.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { Pull } from '../../../lib/bytes/pull.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

const never = { idleTimeoutMs: 60_000 }

async function codeOf(read: Promise<unknown>): Promise<string> {
  return await read.then(
    () => 'read',
    (error: { code: string }) => error.code,
  )
}

async function everything(pull: Pull): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let part = await pull.read(); part !== undefined; part = await pull.read()) parts.push(part)
  return Buffer.concat(parts)
}

/** A server whose requests go to `handle`, and a raw connection to it. */
async function connection(
  t: Test,
  handle: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<Socket> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  t.teardown(() => {
    socket.destroy()
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return socket
}

t.test('pieces come in order, in the Buffers that the stream gave', async (t) => {
  const pieces = ['one', 'two', 'three'].map((text) => Buffer.from(text.repeat(500)))
  const pull = new Pull(Readable.from(pieces, { objectMode: false }), never)
  for (const piece of pieces) t.equal(await pull.read(), piece)
  t.equal(await pull.read(), undefined)
  t.equal(await pull.read(), undefined, 'and again')
})

t.test('small pieces and large ones keep their order, whoever reads when', async (t) => {
  const random = randomFrom(seedOfRun())
  for (let round = 0; round < 200; round++) {
    const stream = new PassThrough({ highWaterMark: 1 << 20 })
    const pull = new Pull(stream, never)
    const sent: Buffer[] = []
    const write = async () => {
      for (let i = random.integer(60); i >= 0; i--) {
        const size = 1 + random.integer(random.pick([2, 1000, 1030, 70_000]))
        const piece = Buffer.alloc(size, random.integer(256))
        sent.push(Buffer.from(piece))
        stream.write(piece)
        if (random.integer(8) === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      stream.end()
    }
    const [read] = await Promise.all([everything(pull), write()])
    if (!read.equals(Buffer.concat(sent))) t.fail(`round ${round}, seed ${random.seed}`)
  }
  t.pass(`seed ${random.seed}`)
})

t.test('an empty stream ends at once', async (t) => {
  t.equal(await new Pull(Readable.from([]), never).read(), undefined)
  const ended = new PassThrough()
  ended.end()
  ended.resume()
  await new Promise((resolve) => ended.on('end', resolve))
  t.equal(await new Pull(ended, never).read(), undefined, 'also one that ended before')
})

t.test('the first read is announced, once', async (t) => {
  let told = 0
  const stream = new PassThrough()
  const pull = new Pull(stream, { ...never, onFirstRead: () => told++ })
  t.equal(told, 0)
  stream.end('x')
  await everything(pull)
  t.equal(told, 1)
})

t.test('a fast sender is held back while the reader is slow', async (t) => {
  let made = 0
  const stream = new Readable({
    read() {
      made++
      this.push(made <= 1000 ? Buffer.alloc(16384, made) : null)
    },
  })
  const pull = new Pull(stream, never)
  await pull.read()
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  t.ok(made < 50, `only ${made} pieces were taken from it`)
  t.equal((await everything(pull)).length, 999 * 16384)
})

t.test('a stream that fails or closes before its end is truncated, now and later', async (t) => {
  for (const how of [undefined, new Error('reset')]) {
    const stream = new PassThrough()
    const pull = new Pull(stream, never)
    stream.write('part')
    t.equal(String(await pull.read()), 'part')
    const waiting = codeOf(pull.read())
    stream.destroy(how)
    t.equal(await waiting, 'BodyTruncated')
    t.equal(await codeOf(pull.read()), 'BodyTruncated')
  }
  const destroyed = new PassThrough()
  destroyed.destroy()
  t.equal(await codeOf(new Pull(destroyed, never).read()), 'BodyTruncated')
})

t.test('a client that hangs up in the middle truncates the body', async (t) => {
  const code = new Promise<string>((resolve) => {
    connection(t, (req) => {
      const pull = new Pull(req, never)
      pull.read().then(() => resolve(codeOf(everything(pull))))
    }).then((socket) => {
      socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello', () =>
        setImmediate(() => socket.destroy()),
      )
    })
  })
  t.equal(await code, 'BodyTruncated')
})

t.test('a sender that falls silent is given up', async (t) => {
  const stream = new PassThrough()
  const pull = new Pull(stream, { idleTimeoutMs: 20 })
  stream.write('part')
  t.equal(String(await pull.read()), 'part')
  t.equal(await codeOf(pull.read()), 'BodyTooSlow')
  stream.write('late')
  t.equal(await codeOf(pull.read()), 'BodyTooSlow', 'and stays so')
})

t.test('a sender that drips is given up, though it never falls silent', async (t) => {
  const stream = new PassThrough()
  const pull = new Pull(stream, { idleTimeoutMs: 60, bytesPerSecond: 1000 })
  const drip = setInterval(() => stream.write('x'), 5)
  t.teardown(() => clearInterval(drip))
  const read = async () => {
    for (;;) await pull.read()
  }
  t.equal(await codeOf(read()), 'BodyTooSlow')
  t.equal(await codeOf(pull.read()), 'BodyTooSlow', 'and stays so')
  stream.destroy()
})

t.test('a sender is slow on average only, and without a limit never', async (t) => {
  for (const [bytesPerSecond, first] of [
    [1000, 'x'.repeat(1_000_000)],
    [0, 'x'],
  ] as const) {
    const stream = new PassThrough()
    const pull = new Pull(stream, { idleTimeoutMs: 60, bytesPerSecond })
    stream.write(first)
    const pieces = new Set(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    for (let left = first.length; left > 0; left -= (await pull.read())!.length);
    for (const piece of pieces) {
      setTimeout(() => stream.write(piece), 20)
      t.equal(String(await pull.read()), piece)
    }
    stream.end()
    t.equal(await pull.read(), undefined)
  }
})

t.test('a sender is not given up for the time that this process stood still', async (t) => {
  const codes: unknown[] = []
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const socket = await connection(t, async (req, res) => {
    const pull = new Pull(req, { idleTimeoutMs: 30 })
    codes.push(String(await pull.read()))
    const next = pull.read()
    socket.write('late')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    codes.push(await next.then(String, ({ code }) => code))
    pull.close()
    res.end()
    answer()
  })
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nearly')
  await answered
  t.same(codes, ['early', 'late'])
})

t.test("the reader's own time does not count", async (t) => {
  const stream = new PassThrough()
  const pull = new Pull(stream, { idleTimeoutMs: 20 })
  stream.write('one')
  t.equal(String(await pull.read()), 'one')
  await new Promise((resolve) => setTimeout(resolve, 70))
  const next = pull.read()
  stream.end('two')
  t.equal(String(await next), 'two')
  t.equal(await pull.read(), undefined)
})

t.test(
  'a body that is too slow for its size is given up, though a smaller one is not',
  async (t) => {
    for (const [expectedBytes, wanted] of [
      [undefined, 'read'],
      [1000, 'read'],
      [1_000_000_000, 'BodyTooSlow'],
    ] as const) {
      const stream = new PassThrough()
      const pull = new Pull(stream, { idleTimeoutMs: 60, totalTimeoutMs: 100_000, expectedBytes })
      const drip = setInterval(() => stream.write('x'.repeat(10)), 5)
      t.teardown(() => clearInterval(drip))
      let code = 'read'
      for (let piece = 0; piece < 100 && code === 'read'; piece++) code = await codeOf(pull.read())
      t.equal(code, wanted, `${expectedBytes} bytes announced`)
      stream.destroy()
    }
  },
)

t.test('a body is not waited for longer than in all', async (t) => {
  const stream = new PassThrough()
  const pull = new Pull(stream, { idleTimeoutMs: 50, totalTimeoutMs: 100 })
  const drip = setInterval(() => stream.write('x'.repeat(1000)), 5)
  t.teardown(() => clearInterval(drip))
  const read = async () => {
    for (;;) await pull.read()
  }
  t.equal(await codeOf(read()), 'BodyTooSlow')
  stream.destroy()
})

t.test('a reader that is closed leaves what still comes in the stream', async (t) => {
  const stream = new PassThrough()
  const pull = new Pull(stream, { idleTimeoutMs: 20 })
  stream.write('one')
  t.equal(String(await pull.read()), 'one')
  pull.close()
  pull.close()
  // As much as the stream holds, and more is not asked for.
  while (stream.write(Buffer.alloc(1024)));
  await new Promise((resolve) => setTimeout(resolve, 70))
  t.ok(stream.isPaused())
  t.ok(stream.readableLength > 0, 'nothing was dropped')
  t.notOk(stream.destroyed)
  stream.destroy()
})
