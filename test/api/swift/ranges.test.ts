// Ranges over HTTP: one, several, none that fits; across records, and beside the inline limit.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

async function startObject(t: Parameters<typeof startNode>[0], body: Buffer, type = 'a/b; c=d') {
  const swift = await login(await startNode(t))
  await swift.request('PUT', '/c')
  await swift.request('PUT', '/c/o', { body, headers: { 'content-type': type } })
  return (range: string, headers: Record<string, string> = {}, method = 'GET') =>
    swift.request(method, '/c/o', { headers: { range, ...headers } })
}

const patterned = (size: number) =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255))

t.test('one range is a 206 of just these bytes', async (t) => {
  const body = patterned(200_000)
  const ask = await startObject(t, body)
  const rows: [range: string, first: number, last: number][] = [
    ['bytes=0-0', 0, 0],
    ['bytes=8191-8192', 8191, 8192],
    ['bytes=65535-65535', 65535, 65535],
    ['bytes=65535-65536', 65535, 65536],
    ['bytes=65536-131071', 65536, 131071],
    ['bytes=65537-', 65537, 199_999],
    ['bytes=-1', 199_999, 199_999],
    ['bytes=-300000', 0, 199_999],
    ['bytes=199999-999999', 199_999, 199_999],
    ['bytes=500000-,1-2', 1, 2],
  ]
  for (const [range, first, last] of rows) {
    const answer = await ask(range)
    t.match(answer, {
      status: 206,
      headers: {
        'content-range': `bytes ${first}-${last}/200000`,
        'content-length': String(last - first + 1),
        'content-type': 'a/b; c=d',
      },
    })
    t.ok(answer.body.equals(body.subarray(first, last + 1)), range)
  }
})

t.test('a range that is none is ignored, and so are If-Range and HEAD’s', async (t) => {
  const ask = await startObject(t, Buffer.from('0123456789'))
  for (const range of ['bytes=3-1', 'bytes=a-b', 'lines=0-1', 'bytes=-', 'bytes=0-1,x']) {
    const answer = await ask(range)
    t.match(answer, { status: 200, text: '0123456789' }, range)
    t.equal(answer.headers['content-range'], undefined)
  }
  t.match(await ask('bytes=0-1', { 'if-range': '"other"' }), { status: 206, text: '01' })
  const asked = await ask('bytes=0-1', {}, 'HEAD')
  t.match(asked, { status: 200, headers: { 'content-length': '10' } })
  t.equal(asked.headers['content-range'], undefined)
  t.equal((await ask('bytes=99-', {}, 'HEAD')).status, 200)
})

t.test('a range that cannot be satisfied is refused, and the object is described', async (t) => {
  const ask = await startObject(t, Buffer.from('0123456789'))
  for (const range of ['bytes=10-', 'bytes=-0', 'bytes=10-12,20-']) {
    const answer = await ask(range)
    t.match(answer, {
      status: 416,
      text: /Requested Range Not Satisfiable/,
      headers: {
        'content-range': 'bytes */10',
        'accept-ranges': 'bytes',
        etag: /^[0-9a-f]{32}$/,
        'content-type': 'text/html; charset=UTF-8',
      },
    })
    t.equal(answer.headers['content-length'], String(answer.body.length))
  }
})

t.test('of an empty object a suffix is the whole of nothing', async (t) => {
  const ask = await startObject(t, Buffer.alloc(0))
  for (const range of ['bytes=-1', 'bytes=-5,-6']) {
    const answer = await ask(range)
    t.match(answer, { status: 200, text: '', headers: { 'content-length': '0' } }, range)
    t.equal(answer.headers['content-range'], undefined)
  }
  t.match(await ask('bytes=0-'), { status: 416, headers: { 'content-range': 'bytes */0' } })
  t.equal((await ask('bytes=-0')).status, 416)
})

t.test('several ranges come as one multipart body, in the order asked', async (t) => {
  const body = patterned(200_000)
  const ask = await startObject(t, body)
  const spans = [
    [65530, 65540],
    [0, 0],
    [131071, 131072],
    [199_999, 199_999],
    [70_000, 140_000],
  ] as const
  const range = `bytes=${spans.map(([first, last]) => `${first}-${last}`).join(',')}`
  const answer = await ask(range)
  t.equal(answer.status, 206)
  t.equal(answer.headers['content-range'], undefined)
  const boundary = /^multipart\/byteranges;boundary=([0-9a-f]{32})$/.exec(
    String(answer.headers['content-type']),
  )?.[1]
  const parts = spans.flatMap(([first, last]) => [
    `--${boundary}\r\nContent-Type: a/b; c=d\r\nContent-Range: bytes ${first}-${last}/200000\r\n\r\n`,
    body.subarray(first, last + 1),
    '\r\n',
  ])
  const expected = Buffer.concat([...parts, `--${boundary}--`].map((part) => Buffer.from(part)))
  t.ok(answer.body.equals(expected), 'to the byte')
  t.equal(answer.headers['content-length'], String(expected.length))
  t.not((await ask(range)).headers['content-type'], answer.headers['content-type'])
})

t.test('several ranges of a small object, and sets that go too far', async (t) => {
  const ask = await startObject(t, Buffer.from('0123456789'), 'text/plain')
  const two = await ask('bytes=0-1,8-9')
  t.match(two.text, /\r\n\r\n01\r\n--.*\r\n\r\n89\r\n--[0-9a-f]{32}--$/s)
  const backwards = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, i) => `${9 - i}-${9 - i}`).join(',')}`
  t.equal((await ask(backwards(7))).status, 206)
  t.equal((await ask(backwards(8))).status, 416)
})

t.test('conditions come before ranges', async (t) => {
  const ask = await startObject(t, Buffer.from('0123456789'))
  t.equal((await ask('bytes=99-', { 'if-none-match': '*' })).status, 304)
  t.equal((await ask('bytes=0-1', { 'if-match': 'x' })).status, 412)
  t.equal((await ask('bytes=0-1', { 'if-match': '*' })).status, 206)
})
