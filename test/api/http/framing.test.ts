// Rows of docs/http.md about bodies and connections, over sockets of their own.
import t, { type Test } from 'tap'
import { rule } from '../../helpers/rules.ts'
import {
  ask,
  endBytes,
  exchangeBytes,
  readAnswers,
  requestText,
  type Side,
  speak,
  startWire,
  type WireAnswer,
} from '../../helpers/wire.ts'

const wire = await startWire(t)
const { base, sides } = wire
const [s3, swift] = sides

const say = (...pieces: string[]) => speak(base, ...pieces)

/** Head of a PUT that may write; the connection persists unless the lines say otherwise. */
function putHead(side: Side, name: string, lines: readonly string[], version = '1.1'): string {
  const [target, fields] = side.may('PUT', name)
  return [`PUT ${target} HTTP/${version}`, 'Host: h', ...fields, ...lines, '', ''].join('\r\n')
}

/** A last request, which shows that the connection still serves. */
const last = (side: Side) => requestText('GET', side.path('o'))

/** Sends a PUT that is to be refused so, behind which the connection must end and nothing be stored. */
async function refused(
  t: Test,
  status: number,
  lines: readonly string[],
  body: string,
  version?: string,
): Promise<void> {
  for (const side of sides) {
    const text = `${putHead(side, 'refused', lines, version)}${body}`
    const answers = await say(text + last(side))
    t.match(answers, [{ status }], `${lines} ${body}`)
    t.equal(answers.length, 1, 'and nothing more is done on the connection')
    t.equal(answers[0]!.header('connection'), 'close')
    t.equal((await side.read('HEAD', 'refused')).status, 404, 'nothing is stored')
  }
}

/** Sends a PUT that must store `text`. */
async function stored(
  t: Test,
  lines: readonly string[],
  body: string,
  text: string,
): Promise<void> {
  for (const side of sides) {
    const answers = await say(`${putHead(side, 'stored', lines)}${body}${last(side)}`)
    t.match(answers, [{ status: side === s3 ? 200 : 201 }, { status: 200 }], `${lines} ${body}`)
    t.equal((await side.read('GET', 'stored')).text, text)
    await side.write('DELETE', 'stored')
  }
}

const chunked = 'Transfer-Encoding: chunked'

rule('chunked', async (t) => {
  await stored(t, [chunked], '2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n', 'abcde')
  await stored(t, [chunked], '0\r\n\r\n', '')
  await stored(t, [chunked], '0A\r\n0123456789\r\n000\r\n\r\n', '0123456789')
  await stored(t, ['Transfer-Encoding: CHUNKED'], 'a\r\n0123456789\r\n0\r\n\r\n', '0123456789')
})

rule('coding-unknown', async (t) => {
  for (const side of sides) {
    for (const coding of ['gzip, chunked', 'x-other ,chunked']) {
      const head = putHead(side, 'refused', [`Transfer-Encoding: ${coding}`])
      const [answer] = await say(`${head}2\r\nab\r\n0\r\n\r\n${last(side)}`)
      t.equal(answer!.status, 501, coding)
      t.equal((await side.read('HEAD', 'refused')).status, 404)
    }
  }
})

rule('coding-last', async (t) => {
  for (const coding of [
    'gzip',
    'chunked, gzip',
    'identity',
    'xchunked',
    'chunked;q=1',
    '"chunked"',
  ]) {
    await refused(t, 400, [`Transfer-Encoding: ${coding}`], '2\r\nab\r\n0\r\n\r\n')
  }
  await refused(t, 400, [chunked, chunked], '2\r\nab\r\n0\r\n\r\n')
})

rule('coding-length', async (t) => {
  await refused(t, 400, ['Content-Length: 2', chunked], '2\r\nab\r\n0\r\n\r\n')
  await refused(t, 400, [chunked, 'Content-Length: 12'], '2\r\nab\r\n0\r\n\r\n')
})

rule('coding-http10', async (t) => {
  const body = '2\r\nab\r\n0\r\n\r\n'
  await refused(t, 400, [chunked], body, '1.0')
  await refused(t, 400, [chunked, 'Connection: keep-alive'], body, '1.0')
})

rule('length-invalid', async (t) => {
  for (const bad of ['x', '+2', '-2', '0x2', '2 2', '2,2', '2, 2', '2.0', '', '1e1', '٢']) {
    await refused(t, 400, [`Content-Length: ${Buffer.from(bad).toString('latin1')}`], 'ab')
  }
  await refused(t, 400, ['Content-Length: 2', 'Content-Length: 2'], 'ab')
  await refused(t, 400, ['Content-Length: 2', 'Content-Length: 3'], 'abc')
})

rule('length-huge', async (t) => {
  for (const length of ['9007199254740993', '18446744073709551618', `1${'0'.repeat(40)}`]) {
    for (const side of sides) {
      const head = putHead(side, 'refused', [`Content-Length: ${length}`, 'Connection: close'])
      const [answer] = await say(`${head}ab`)
      t.match(String(answer!.status), /^(400|413)$/, length)
      t.equal((await side.read('HEAD', 'refused')).status, 404)
    }
  }
})

rule('length-none', async (t) => {
  for (const side of sides) {
    const [target, fields] = side.may('DELETE', 'nothing')
    const head = [`DELETE ${target} HTTP/1.1`, 'Host: h', ...fields, '', ''].join('\r\n')
    const [first, second] = await say(head + last(side))
    t.match([first!.status, second!.text], [side === s3 ? 204 : 404, '0123456789'])
  }
})

rule('length-short', async (t) => {
  for (const side of sides) {
    for (const lines of [['Content-Length: 10'], [chunked]]) {
      const head = putHead(side, 'short', lines)
      const body = lines[0] === chunked ? '5\r\nabc' : 'abc'
      const sent = await endBytes(base, head + body)
      t.ok(
        readAnswers(sent).every(({ status }) => status === 400),
        'and 400, if anything, is said',
      )
      t.equal((await side.read('HEAD', 'short')).status, 404, lines[0]!)
    }
  }
})

rule('chunk-size', async (t) => {
  for (const size of ['', 'x', '-1', '+2', '0x2', '2 ', 'FFFFFFFFFFFFFFFFF', '1'.padEnd(40, '0')]) {
    await refused(t, 400, [chunked], `${size}\r\nab\r\n0\r\n\r\n`)
  }
  await refused(t, 400, [chunked], '1\r\nab\r\n0\r\n\r\n')
  await refused(t, 400, [chunked], '2\nab\n0\n\n')
})

rule('chunk-extension', async (t) => {
  await stored(t, [chunked], '2;a=b;c="d;e"\r\nab\r\n0;z\r\n\r\n', 'ab')
  for (const side of sides) {
    const [answer] = await say(
      `${putHead(side, 'refused', [chunked])}2;a=${'b'.repeat(20_000)}\r\nab\r\n0\r\n\r\n`,
    )
    t.match(String(answer!.status), /^4\d\d$/)
    t.equal((await side.read('HEAD', 'refused')).status, 404)
  }
})

rule('trailers', async (t) => {
  const [, swiftSide] = sides
  const trailers =
    'X-Object-Meta-A: b\r\nX-Delete-After: 1\r\nContent-Type: text/trailer\r\nX-Auth-Token: x\r\n'
  const head = putHead(swiftSide, 'trailed', [chunked])
  await say(`${head}2\r\nab\r\n0\r\n${trailers}\r\n${last(swiftSide)}`)
  const { header } = await swiftSide.read('GET', 'trailed')
  t.match([header('x-object-meta-a'), header('x-delete-at')], [undefined, undefined])
  t.equal(header('content-type'), 'application/octet-stream')
  const s3Trailers = 'x-amz-meta-a: b\r\nContent-Type: text/trailer\r\nIf-None-Match: *\r\n'
  await say(`${putHead(s3, 'o2', [chunked])}2\r\nab\r\n0\r\n${s3Trailers}\r\n${last(s3)}`)
  const read = await s3.read('GET', 'o2')
  t.match(
    [read.header('x-amz-meta-a'), read.header('content-type')],
    [undefined, 'binary/octet-stream'],
  )
})

/** Statuses without content and their requests. */
const bare: readonly (readonly [status: number, ask: () => Promise<WireAnswer>])[] = [
  [204, () => s3.write('DELETE', 'none')],
  [204, () => ask(base, 'POST', `${wire.root}/bkt`, [`X-Auth-Token: ${wire.token}`])],
  [204, () => ask(base, 'HEAD', `${wire.root}/bkt`)],
  [304, () => s3.read('GET', 'o', ['If-None-Match: *'])],
  [304, () => swift.read('GET', 'o', ['If-None-Match: *'])],
]

rule('answer-coding', async (t) => {
  for (const [status, request] of bare) {
    const answer = await request()
    t.equal(answer.status, status)
    t.equal(answer.header('transfer-encoding'), undefined)
    if (status === 204) t.equal(answer.header('content-length'), undefined)
  }
  const [goOn] = await say(
    putHead(s3, 'o3', ['Expect: 100-continue', 'Content-Length: 2', 'Connection: close']),
    'ab',
  )
  t.match([goOn!.status, goOn!.fields.length], [100, 0])
})

rule('no-content', async (t) => {
  for (const [, request] of bare) t.equal((await request()).text, '')
})

rule('persistent', async (t) => {
  for (const side of sides) {
    const one = `GET ${side.path('o')} HTTP/1.1\r\nHost: h\r\n\r\n`
    const old = `GET ${side.path('o')} HTTP/1.0\r\n`
    t.equal((await say(one + one + last(side))).length, 3)
    t.equal((await say(`${old}\r\n`)).length, 1, 'HTTP/1.0 ends')
    const kept = await say(`${old}Connection: keep-alive\r\n\r\n${old}\r\n`)
    t.equal(kept.length, 2, 'unless asked')
    t.match(kept[0]!.header('connection'), 'keep-alive')
  }
})

rule('body-unread', async (t) => {
  for (const side of sides) {
    for (const body of ['ab', 'x'.repeat(300_000)]) {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const text = `${method} ${side.path('o')} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`
        const heads = method === 'HEAD' ? [0] : []
        const isShort = body.length < 65_536
        const answers = readAnswers(await exchangeBytes(base, text + last(side)), heads)
        t.equal(answers.length, isShort ? 2 : 1, `${method} ${body.length}`)
        t.equal(answers[0]!.header('connection'), isShort ? 'keep-alive' : 'close')
        if (isShort) t.equal(answers[1]!.text, '0123456789')
      }
    }
  }
})

rule('close', async (t) => {
  for (const side of sides) {
    const [target, fields] = side.may('DELETE', 'o')
    const more = [`DELETE ${target} HTTP/1.1`, 'Host: h', ...fields, '', ''].join('\r\n')
    for (const option of ['close', 'Close', 'x, close']) {
      const text = requestText('GET', side.path('o')).replace(': close', `: ${option}`)
      const answers = await say(text + more)
      t.equal(answers.length, 1, option)
      t.equal(answers[0]!.header('connection'), 'close')
    }
    t.equal((await side.read('HEAD', 'o')).status, 200)
  }
})

rule('pipelining', async (t) => {
  for (const side of sides) {
    const get = (from: number) =>
      `GET ${side.path('o')} HTTP/1.1\r\nHost: h\r\nRange: bytes=${from}-${from}\r\n\r\n`
    const text = [0, 1, 2, 3, 4, 5, 6, 7].map(get).join('')
    const answers = await say(text + last(side))
    t.equal(answers.map((answer) => answer.text).join(), '0,1,2,3,4,5,6,7,0123456789')
  }
})

rule('expect-100', async (t) => {
  const lines = ['Content-Length: 2', 'Expect: 100-Continue', 'Connection: close']
  for (const side of sides) {
    const [goOn, stored] = await say(putHead(side, 'expected', lines), 'ab')
    t.match([goOn!.status, stored!.status], [100, side === s3 ? 200 : 201])
    const [refusal, ...others] = await say(
      putHead(side, 'expected', ['If-None-Match: *', ...lines]),
    )
    t.match([refusal!.status, others.length], [412, 0], 'without the body')
    const [unread] = await say(requestText('GET', side.path('o'), ['Expect: 100-continue']))
    t.equal(unread!.status, 200, 'nor for a request without one')
  }
})

rule('expect-http10', async (t) => {
  for (const side of sides) {
    const head = putHead(side, 'expected', ['Content-Length: 2', 'Expect: 100-continue'], '1.0')
    const answers = await say(`${head}ab`)
    t.match(
      answers.map(({ status }) => status),
      [side === s3 ? 200 : 201],
    )
  }
})

rule('expect-unknown', async (t) => {
  await stored(t, ['Content-Length: 2', 'Expect: 200'], 'ab', 'ab')
  await stored(t, ['Content-Length: 2', 'Expect: '], 'ab', 'ab')
})

rule('upgrade', async (t) => {
  for (const side of sides) {
    for (const protocol of ['h2c', 'websocket', 'TLS/1.2']) {
      const fields = ['HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA', `Upgrade: ${protocol}`]
      const text = requestText('GET', side.path('o'), fields)
      const answers = await say(text.replace(': close', ': close, Upgrade, HTTP2-Settings'))
      t.match(answers, [{ status: 200, text: '0123456789' }])
    }
  }
})
