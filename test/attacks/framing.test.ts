// Request smuggling: the end of a body is given in two ways, or in one that another server reads differently.
// The node refuses or closes, reads no byte of a body as a request, and stores nothing of what it refuses.
import t from 'tap'
import { requestText, type Side, startWire, type Wire } from '../helpers/wire.ts'
import { attackTable } from './table.ts'
import { type Said, talk } from './talk.ts'

const table = attackTable(t, 'framing')

const crlf = (...lines: string[]) => `${lines.join('\r\n')}\r\n`

/** The request that must never be executed: it would delete `bkt/o`. */
function hidden(side: Side): string {
  const [target, fields] = side.may('DELETE', 'o')
  return `${crlf(`DELETE ${target} HTTP/1.1`, 'Host: h', ...fields)}\r\n`
}

/** The last request of all. On a connection that still serves, its answer ends the connection. */
const last = (side: Side) => requestText('GET', side.path('o'))

interface Lie {
  /** Header lines besides those that name and authenticate. */
  readonly lines: readonly string[]
  /** The bytes behind the head. `{x}` is the hidden request. */
  readonly body: string
  /** `1.0` in place of `1.1`. */
  readonly version?: string
  /** The node waits for the announced bytes, so that the client must end the connection. */
  readonly waits?: boolean
}

const te = 'Transfer-Encoding: chunked'
const hiddenBody = '{x}'
const zero = '0\r\n\r\n'

/** `Content-Length` of the body as sent. */
const exact = 'Content-Length: {n}'

const lies: Readonly<Record<string, Lie>> = {
  'a length and chunks, the length short': { lines: ['Content-Length: 4', te], body: `${zero}{x}` },
  'chunks and a length, the length short': { lines: [te, 'Content-Length: 4'], body: `${zero}{x}` },
  'a length and chunks, the length whole': { lines: [exact, te], body: `${zero}{x}` },
  'a length of nothing and chunks': { lines: ['Content-Length: 0', te], body: `${zero}{x}` },
  'chunks in HTTP/1.0': { lines: [te], body: `${zero}{x}`, version: '1.0' },
  'chunks and a length in HTTP/1.0': { lines: [exact, te], body: `${zero}{x}`, version: '1.0' },
  ...Object.fromEntries(
    [
      ...[
        'Transfer-Encoding : chunked',
        'Transfer-Encoding\t: chunked',
        ' Transfer-Encoding: chunked',
      ],
      ...[
        'Transfer-Encoding:\x0bchunked',
        'Transfer-Encoding: xchunked',
        'Transfer-Encoding: chunkedx',
      ],
      ...[
        'Transfer-Encoding: "chunked"',
        "Transfer-Encoding: 'chunked'",
        'Transfer-Encoding: chunked;',
      ],
      ...['Transfer-Encoding: chunked, identity', 'Transfer-Encoding: identity, chunked'],
      ...[
        'Transfer-Encoding: identity',
        'Transfer-Encoding: chunked, chunked',
        'Transfer-Encoding:',
      ],
      ...['Transfer-Encoding: ,chunked', 'Transfer-Encoding: chunked,', 'Transfer-Encoding: gzip'],
      ...[
        'Transfer-Encoding: chunk',
        'Transfer-Encoding: ch\u00fcnked',
        'Transfer-Encoding: chunked\0',
      ],
      ...[
        'Transfer-Encoding:\r\n chunked',
        'Transfer-Encoding: chun\r\n ked',
        'X: y\rTransfer-Encoding: chunked',
      ],
      ...[
        'X: y\nTransfer-Encoding: chunked',
        'Transfer\x00-Encoding: chunked',
        'Transfer-Encoding\r\n: chunked',
      ],
      ...[
        'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked',
        `${te}\r\nTransfer-Encoding: cow`,
      ],
      ...[
        `${te}\r\n${te}`,
        `${te}\r\nTransfer-encoding: identity`,
        'Transfer-Encoding: chunked;q=0.5',
      ],
    ].flatMap((line): [string, Lie][] => [
      [`${JSON.stringify(line)} beside a length`, { lines: [exact, line], body: `${zero}{x}` }],
      [`${JSON.stringify(line)} before a length`, { lines: [line, exact], body: `${zero}{x}` }],
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['0, {n}', '{n}, {n}', '{n},{n}', '0\r\nContent-Length: {n}', '{n}\r\nContent-Length: 0'],
      ...[
        '{n}\r\nContent-Length: {n}',
        '+{n}',
        '-{n}',
        '-1',
        '0x10',
        '{n} 0',
        '0 {n}',
        '"{n}"',
        '{n};a=b',
      ],
      ...[
        '',
        ' ',
        '{n}\0',
        '1e1',
        '{n}.0',
        '\u00b2',
        '99999999999999999999',
        '18446744073709551616',
      ],
      ...['{n}\r\n 1', '\r\n {n}', '{n}\r\nContent-Length: ', 'NaN', 'Infinity', '0b11', '{n}_0'],
    ].map((value): [string, Lie] => [
      `a length of ${JSON.stringify(value)}`,
      { lines: [`Content-Length: ${value}`], body: hiddenBody },
    ]),
  ),
  ...Object.fromEntries(
    [
      ...[
        'Content-Length : {n}',
        'Content-Length\t: {n}',
        ' Content-Length: {n}',
        '\tContent-Length: {n}',
      ],
      ...['Content-Length\r\n: {n}', 'Content-Length\0: {n}', 'X: y\rContent-Length: {n}'],
      ...[
        'X: y\nContent-Length: {n}',
        'Content-Length: 0\rContent-Length: {n}',
        ': {n}',
        'Content-Length {n}',
      ],
    ].map((line): [string, Lie] => [
      `the header ${JSON.stringify(line)}`,
      { lines: [line], body: hiddenBody },
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['-1', '+2', '0x2', ' 2', '2 ', '\t2', '2\t', '', '2h', 'g', '1\0', '2,2', '02 02'],
      ...['FFFFFFFFFFFFFFFFF', '10000000000000002', '\u0662', '2;\0', '2;a="\n"'],
      ...['2;a\rb', '2\r;a', `2;${'a'.repeat(40_000)}`],
    ].map((size): [string, Lie] => [
      `a chunk of size ${JSON.stringify(size.slice(0, 30))}`,
      { lines: [te], body: `${size}\r\nab\r\n${zero}{x}` },
    ]),
  ),
  'a chunk of 2^64 - 1 bytes': {
    lines: [te],
    body: `FFFFFFFFFFFFFFFF\r\nab\r\n${zero}{x}`,
    waits: true,
  },
  'a length of 2^53 bytes': {
    lines: ['Content-Length: 9007199254740992'],
    body: hiddenBody,
    waits: true,
  },
  'a length of more than there is': {
    lines: ['Content-Length: 100000'],
    body: hiddenBody,
    waits: true,
  },
  'a chunk that is longer than it says': { lines: [te], body: `1\r\nab\r\n${zero}{x}` },
  'a chunk that is shorter than it says': { lines: [te], body: `5\r\nab\r\n${zero}{x}` },
  'chunks whose lines end in LF': { lines: [te], body: '2\nab\n0\n\n{x}' },
  'a chunk that ends in LF': { lines: [te], body: `2\r\nab\n${zero}{x}` },
  'a size that ends in LF': { lines: [te], body: `2\nab\r\n${zero}{x}` },
  'a size that ends in CR': { lines: [te], body: `2\rab\r\n${zero}{x}` },
  'a chunk that ends in CR CR LF': { lines: [te], body: `2\r\nab\r\r\n${zero}{x}` },
  'a chunk with nothing behind it': { lines: [te], body: `2\r\nab${zero}{x}` },
  'an end that ends in LF': { lines: [te], body: '2\r\nab\r\n0\n\n{x}' },
  'an end without its empty line': { lines: [te], body: '2\r\nab\r\n0\r\n{x}' },
  'a trailer without a colon': { lines: [te], body: '2\r\nab\r\n0\r\nnothing\r\n\r\n{x}' },
  'a trailer with a blank in its name': { lines: [te], body: '2\r\nab\r\n0\r\nA B: c\r\n\r\n{x}' },
  'a trailer without end': { lines: [te], body: `0\r\n${'A: b\r\n'.repeat(20_000)}\r\n{x}` },
}

/** Sends one lie, with a hidden request that the connection could take for its next one. */
async function attempt(wire: Wire, side: Side, name: string, lie: Lie): Promise<void> {
  const [target, fields] = side.may('PUT', 'made')
  const body = lie.body.replaceAll('{x}', hidden(side))
  const lines = lie.lines.map((line) => line.replaceAll('{n}', String(body.length)))
  const head = crlf(`PUT ${target} HTTP/${lie.version ?? '1.1'}`, 'Host: h', ...fields, ...lines)
  const isAll = lie.waits === true
  const said = await talk(wire.base, `${head}\r\n${body}${last(side)}`, { isAll })
  await judge(wire, side, name, said)
}

/** A row: there was at most one answer, a refusal; the hidden request was not executed; and nothing is
 * stored. */
async function judge(wire: Wire, side: Side, name: string, said: Said): Promise<void> {
  const { statuses } = said
  const isRefused = statuses.length === 0 || (statuses.length === 1 && statuses[0]! >= 400)
  const kept = (await side.read('HEAD', 'o')).status === 200
  const partial = (await side.read('HEAD', 'made')).status !== 404
  table.tried(`${side.dialect}: ${name}`, isRefused && kept && !partial, {
    statuses,
    kept,
    partial,
  })
  if (!kept) await wire.s3('PUT', '/bkt/o', { body: '0123456789' })
  if (partial) await side.write('DELETE', 'made')
}

t.test('what is framed rightly is done, so that what is hidden would be', async (t) => {
  const wire = await startWire(t)
  for (const side of wire.sides) {
    const [target, fields] = side.may('PUT', 'made')
    const start = [`PUT ${target} HTTP/1.1`, 'Host: h', ...fields]
    const inside = hidden(side)
    const sent = `${crlf(...start, `Content-Length: ${inside.length}`)}\r\n${inside}`
    await talk(wire.base, sent + last(side))
    const [held, kept] = [await side.read('GET', 'made'), await side.read('HEAD', 'o')]
    table.tried(
      `${side.dialect}: a request in a body is content`,
      held.text === inside && kept.status === 200,
      held.text,
    )
    const behind = `${crlf(...start, te)}\r\n2\r\nab\r\n${zero}${inside}`
    await talk(wire.base, behind + last(side))
    t.equal((await side.read('GET', 'made')).text, 'ab')
    t.equal((await side.read('HEAD', 'o')).status, 404, 'a request behind a body is one')
    await wire.s3('PUT', '/bkt/o', { body: '0123456789' })
  }
})

t.test('a body whose end is said in two ways is refused', async (t) => {
  const wire = await startWire(t)
  for (const side of wire.sides) {
    for (const [name, lie] of Object.entries(lies)) await attempt(wire, side, name, lie)
  }
})

/** Requests that are refused, or take no body, and send one all the same. */
const strangers: readonly (readonly [name: string, method: string, fields: readonly string[]])[] = [
  ['an upload of nobody', 'PUT', []],
  ['an upload with a wrong token', 'PUT', ['X-Auth-Token: AUTH_tk00']],
  ['an upload with a wrong signature', 'PUT', ['Authorization: AWS test:tester:wrong']],
  ['an upload with an unknown scheme', 'PUT', ['Authorization: Bearer x']],
  ['an upload that expects an answer first', 'PUT', ['Expect: 100-continue']],
  ['an upload with an unknown expectation', 'PUT', ['Expect: 200-maybe']],
  ['an upload to another protocol', 'PUT', ['Connection: Upgrade', 'Upgrade: h2c']],
  ['an upload of too much', 'PUT', ['Content-MD5: wrong']],
  ['a read', 'GET', []],
  ['a read with a condition', 'GET', ['If-None-Match: *']],
  ['a read to another protocol', 'GET', ['Connection: Upgrade', 'Upgrade: websocket']],
  ['a look', 'HEAD', []],
  ['a deletion of nobody', 'DELETE', []],
  ['a question for methods', 'OPTIONS', []],
  ['a preflight', 'OPTIONS', ['Origin: http://x', 'Access-Control-Request-Method: PUT']],
  ['a form', 'POST', ['Content-Type: multipart/form-data; boundary=x']],
  ['an unknown method', 'PATCH', []],
]

t.test('a body that is not read is no request', async (t) => {
  const wire = await startWire(t)
  for (const side of wire.sides) {
    const inside = hidden(side)
    for (const path of [side.path('o'), side.path('nothing'), '/', '/info', '/auth/v1.0']) {
      for (const [name, method, fields] of strangers) {
        for (const chunked of [false, true]) {
          const line = chunked ? te : `Content-Length: ${inside.length}`
          const head = crlf(`${method} ${path} HTTP/1.1`, 'Host: h', ...fields, line)
          const size = inside.length.toString(16)
          const body = chunked ? `${size}\r\n${inside}\r\n${zero}` : inside
          // Node's parser stops behind a request that names another protocol.
          const isAll = fields.includes('Connection: Upgrade')
          await talk(wire.base, `${head}\r\n${body}${last(side)}`, { isAll })
          const kept = (await side.read('HEAD', 'o')).status === 200
          const where = path.replace(/^.*\//, '/')
          table.tried(
            `${side.dialect}: ${name} to ${where} with a request in its ${chunked ? 'chunks' : 'body'}`,
            kept,
          )
          if (!kept) await wire.s3('PUT', '/bkt/o', { body: '0123456789' })
        }
      }
    }
  }
})
