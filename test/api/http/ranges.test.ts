// Rows of docs/http.md about ranges, over sockets of their own.
import t, { type Test } from 'tap'
import { rule } from '../../helpers/rules.ts'
import { createUpload, customerKey, withKey } from '../../helpers/s3.ts'
import { keptHeaders, type Side, startWire, type WireAnswer } from '../../helpers/wire.ts'

const wire = await startWire(t)
const { sides } = wire
const [s3, swift] = sides
const whole = '0123456789'

for (const side of sides) await side.write('PUT', 'empty')

const get = (side: Side, range: string, ...fields: string[]) =>
  side.read('GET', 'o', [`Range: ${range}`, ...fields])

/** Expects the bytes from first to last of both sides, as a 206; null: the whole, as a 200. */
async function expectBytes(
  t: Test,
  range: string,
  wanted: readonly [first: number, last: number] | null,
  ...on: Side[]
): Promise<void> {
  for (const side of on.length === 0 ? sides : on) {
    const answer = await get(side, range)
    const what = `${side.dialect} ${range}`
    t.equal(answer.status, wanted === null ? 200 : 206, what)
    t.equal(answer.text, wanted === null ? whole : whole.slice(wanted[0], wanted[1] + 1), what)
    const shown = wanted === null ? undefined : `bytes ${wanted[0]}-${wanted[1]}/10`
    t.equal(answer.header('content-range'), shown, what)
  }
}

rule('range', async (t) => {
  await expectBytes(t, 'bytes=2-3', [2, 3])
  await expectBytes(t, 'bytes=9-9', [9, 9])
  await expectBytes(t, 'bytes=3-', [3, 9])
  await expectBytes(t, 'bytes=-3', [7, 9])
  await expectBytes(t, 'bytes=-10', [0, 9])
  await expectBytes(t, 'bytes=-11', [0, 9])
  await expectBytes(t, 'bytes=8-99', [8, 9])
  await expectBytes(t, 'bytes=0-', [0, 9])
  await expectBytes(t, 'bytes=002-0003', [2, 3])
})

rule('range-unit', async (t) => {
  await expectBytes(t, 'BYTES=2-3', [2, 3])
  for (const unit of ['items', 'seconds', 'byte', 'x-bytes'])
    await expectBytes(t, `${unit}=2-3`, null)
})

rule('range-huge', async (t) => {
  for (const huge of ['9007199254740993', '18446744073709551616', '9'.repeat(400)]) {
    await expectBytes(t, `bytes=2-${huge}`, [2, 9])
    await expectBytes(t, `bytes=-${huge}`, [0, 9])
    for (const side of sides) t.equal((await get(side, `bytes=${huge}-`)).status, 416)
  }
})

rule('range-invalid', async (t) => {
  for (const bad of [
    'bytes=3-2',
    'bytes=-',
    'bytes=',
    'bytes',
    'bytes 2-3',
    'bytes=a-b',
    'bytes=2',
    'bytes=--3',
    'bytes=2-3-4',
    'bytes=0x2-3',
    'bytes=+2-3',
    '',
  ]) {
    await expectBytes(t, bad, null)
  }
  await expectBytes(t, 'bytes= 2-3', null, s3)
  await expectBytes(t, 'bytes= 2 - 3', [2, 3], swift)
})

rule('range-several', async (t) => {
  await expectBytes(t, 'bytes=0-1,3-4', null, s3)
  t.equal((await get(swift, 'bytes=0-1,3-4')).status, 206)
  await expectBytes(t, 'bytes=2-3,99-', [2, 3], swift)
  t.equal((await get(swift, 'bytes=99-,100-')).status, 416)
  t.equal((await get(swift, `bytes=${'0-9,'.repeat(50)}0-9`)).status, 416)
  const twice = await s3.read('GET', 'o', ['Range: bytes=0-1', 'Range: bytes=3-4'])
  t.equal(twice.text, whole)
})

rule('range-methods', async (t) => {
  const fields = ['Range: bytes=2-3']
  const head = await s3.read('HEAD', 'o', fields)
  t.match([head.status, head.header('content-length')], [206, '2'])
  t.equal((await s3.read('HEAD', 'o', ['Range: bytes=99-'])).status, 416)
  const plain = await swift.read('HEAD', 'o', fields)
  t.match([plain.status, plain.header('content-length')], [200, '10'])
  t.equal((await swift.read('HEAD', 'o', ['Range: bytes=99-'])).status, 200)
  for (const side of sides) {
    t.match(String((await side.write('PUT', 'ranged', fields, 'abcdef')).status), /^20[01]$/)
    t.equal((await side.read('GET', 'ranged')).text, 'abcdef')
    t.equal((await side.write('DELETE', 'ranged', ['Range: bytes=99-'])).status, 204)
  }
})

rule('range-unsatisfiable', async (t) => {
  for (const side of sides) {
    for (const range of ['bytes=10-', 'bytes=10-11', 'bytes=-0']) {
      const answer = await get(side, range)
      t.match([answer.status, answer.header('content-range')], [416, 'bytes */10'], range)
    }
    const empty = await side.read('GET', 'empty', ['Range: bytes=0-'])
    t.match([empty.status, empty.header('content-range')], [416, 'bytes */0'])
  }
  t.equal((await s3.read('GET', 'empty', ['Range: bytes=-5'])).status, 416)
  t.equal((await swift.read('GET', 'empty', ['Range: bytes=-5'])).status, 200)
})

rule('accept-ranges', async (t) => {
  for (const side of sides) {
    for (const method of ['GET', 'HEAD']) {
      t.equal((await side.read(method, 'o')).header('accept-ranges'), 'bytes')
    }
  }
})

rule('partial-single', async (t) => {
  for (const side of sides) {
    const answer = await get(side, 'bytes=2-4')
    t.equal(answer.header('content-range'), 'bytes 2-4/10')
    t.equal(answer.header('content-length'), '3')
    t.equal(answer.header('content-type'), 'text/x-digits')
  }
})

rule('partial-headers', async (t) => {
  const kept = (answer: WireAnswer) => keptHeaders(answer, 'content-length', 'content-range')
  for (const side of sides) {
    const full = kept(await side.read('GET', 'o'))
    t.same(kept(await get(side, 'bytes=2-4')), full)
    const names = full.map(([name]) => name)
    for (const name of ['etag', 'last-modified', 'cache-control', 'expires'])
      t.ok(names.includes(name))
    t.ok((await get(side, 'bytes=2-4')).header('date'))
  }
})

rule('partial-multiple', async (t) => {
  const answer = await get(swift, 'bytes=7-8,0-1')
  t.match([answer.status, answer.header('content-range')], [206, undefined])
  const boundary = /^multipart\/byteranges;\s*boundary=(\w+)$/.exec(
    answer.header('content-type')!,
  )![1]!
  const part = (range: string, text: string) =>
    `--${boundary}\r\nContent-Type: text/x-digits\r\nContent-Range: bytes ${range}/10\r\n\r\n${text}\r\n`
  t.equal(answer.text, `${part('7-8', '78')}${part('0-1', '01')}--${boundary}--`)
  await expectBytes(t, 'bytes=2-3', [2, 3], swift)
})

rule('if-range', async (t) => {
  const etag = (await s3.read('HEAD', 'o')).header('etag')!
  t.match(await get(s3, 'bytes=3-', `If-Range: ${etag}`), { status: 206, text: '3456789' })
  t.match(await get(s3, 'bytes=3-', `If-Range: ${etag.slice(1, -1)}`), { status: 206 })
  t.match(await get(s3, 'bytes=3-', 'If-Range: "of-an-older-object"'), { status: 200, text: whole })
  t.match(await get(swift, 'bytes=3-', 'If-Range: "of-an-older-object"'), { status: 206 })
  await t.test(
    'a download that is resumed after the object was replaced is not spliced',
    async (t) => {
      await s3.write('PUT', 'resumed', [], 'aaaaaaaaaa')
      const first = await s3.read('GET', 'resumed', ['Range: bytes=0-2'])
      await s3.write('PUT', 'resumed', [], 'bbbbbbbbbb')
      const fields = ['Range: bytes=3-', `If-Range: ${first.header('etag')}`]
      t.match(await s3.read('GET', 'resumed', fields), { status: 200, text: 'bbbbbbbbbb' })
    },
  )
  await t.test('under a customer key too, by the ETag that the key shows', async (t) => {
    const key = customerKey('k')
    const put = await wire.s3('PUT', '/bkt/sealed', withKey(key, { body: whole }))
    const ranged = async (value: string) => {
      const headers = { range: 'bytes=3-', 'if-range': value }
      return (await wire.s3('GET', '/bkt/sealed', withKey(key, { headers }))).status
    }
    t.equal(await ranged(String(put.headers.etag)), 206)
    t.equal(await ranged('"x"'), 200)
  })
  const head = (value: string) => s3.read('HEAD', 'o', ['Range: bytes=3-', `If-Range: ${value}`])
  t.match([(await head(etag)).status, (await head('"x"')).status], [206, 200], 'HEAD as GET')
})

rule('if-range-weak', async (t) => {
  const etag = (await s3.read('HEAD', 'o')).header('etag')!
  for (const bad of [`W/${etag}`, '*', `${etag}, ${etag}`, `"x", ${etag}`, '', 'yesterday', '""']) {
    t.match(await get(s3, 'bytes=3-', `If-Range: ${bad}`), { status: 200, text: whole }, bad)
  }
  const twice = [`If-Range: ${etag}`, `If-Range: ${etag}`]
  t.equal((await get(s3, 'bytes=3-', ...twice)).status, 200)
})

rule('if-range-date', async (t) => {
  const modified = (await s3.read('HEAD', 'o')).header('last-modified')!
  const at = (seconds: number) => new Date(Date.parse(modified) + seconds * 1000).toUTCString()
  t.match(await get(s3, 'bytes=3-', `If-Range: ${at(0)}`), { status: 206, text: '3456789' })
  for (const off of [-86_400, -1, 1, 86_400]) {
    t.match(
      await get(s3, 'bytes=3-', `If-Range: ${at(off)}`),
      { status: 200, text: whole },
      `${off} s`,
    )
  }
  t.equal((await get(s3, 'bytes=3-', `If-Range: ${modified}, ${modified}`)).status, 200)
})

rule('if-range-alone', async (t) => {
  t.match(await s3.read('GET', 'o', ['If-Range: "x"']), { status: 200, text: whole })
  t.equal((await get(s3, 'bytes=99-', 'If-Range: "x"')).status, 200)
  const etag = (await s3.read('HEAD', 'o')).header('etag')!
  t.equal((await get(s3, 'bytes=99-', `If-Range: ${etag}`)).status, 416)
  const fields = ['If-Range: "x"', `If-None-Match: ${etag}`]
  t.equal((await get(s3, 'bytes=3-', ...fields)).status, 304, 'conditions come first')
})

rule('partial-put', async (t) => {
  for (const side of sides) {
    for (const range of ['bytes 0-1/10', 'bytes */10', '']) {
      const { status } = await side.write('PUT', 'o', [`Content-Range: ${range}`], 'ab')
      t.equal(status, 400, range)
    }
    t.equal((await side.read('GET', 'o')).text, whole)
  }
  const id = await createUpload(wire.node, '/bkt/parts')
  const headers = { 'content-range': 'bytes 0-1/10' }
  const part = await wire.s3('PUT', `/bkt/parts?partNumber=1&uploadId=${id}`, {
    headers,
    body: 'ab',
  })
  t.equal(part.status, 200)
})
