// Rows of docs/http.md about conditional requests, over sockets of their own.
import t, { type Test } from 'tap'
import { rule } from '../../helpers/rules.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  hexMd5,
  putPart,
  withKey,
} from '../../helpers/s3.ts'
import { ask, type Side, startWire } from '../../helpers/wire.ts'

const wire = await startWire(t)
const { sides } = wire
const [s3, swift] = sides

const shown = await s3.read('HEAD', 'o')
const etag = shown.header('etag')!
const bare = etag.slice(1, -1)
const modified = shown.header('last-modified')!
const past = 'Mon, 01 Jan 2001 00:00:00 GMT'
const future = new Date(Date.now() + 86_400_000).toUTCString()

/** Statuses of a read of `o` and of its HEAD, which must be the same. */
async function statusOf(side: Side, ...fields: string[]): Promise<number> {
  const [get, head] = [await side.read('GET', 'o', fields), await side.read('HEAD', 'o', fields)]
  if (get.status !== head.status) throw new Error(`GET ${get.status}, HEAD ${head.status}`)
  return get.status
}

/** Expects the same status of both sides, or one of each. */
async function expectStatus(
  t: Test,
  wanted: number | readonly [s3: number, swift: number],
  ...fields: string[]
): Promise<void> {
  for (const [i, side] of sides.entries()) {
    const status = typeof wanted === 'number' ? wanted : wanted[i]
    t.equal(await statusOf(side, ...fields), status, `${side.dialect} ${fields.join(', ')}`)
  }
}

/** Puts an object anew, sends a request about it, and tells its status and whether the object stayed. */
async function attempt(side: Side, method: string, ...fields: string[]): Promise<string> {
  await side.write('PUT', 'w', [], 'before')
  const { status } = await side.write(method, 'w', fields, method === 'PUT' ? 'after' : '')
  const { text, status: found } = await side.read('GET', 'w')
  return `${status} ${found === 200 ? text : 'gone'}`
}

/** The ETag of what `attempt` puts. */
const before = hexMd5('before')

rule('list-empty', async (t) => {
  await expectStatus(t, 200, `If-Match: ,, "x" , ,${etag},`)
  await expectStatus(t, 304, `If-None-Match: , ,"x",,${etag}`)
  await expectStatus(t, 412, 'If-Match: , "x",, "y"')
})

rule('date-forms', async (t) => {
  const two = (number: number) => String(number).padStart(2, '0')
  const forms = (date: Date) => {
    const [day = '', dd = '', month = '', year = '', time = ''] = date.toUTCString().split(/,? /)
    const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
    const whole = days[date.getUTCDay()]!
    return [
      date.toUTCString(),
      `${whole}, ${dd}-${month}-${two(date.getUTCFullYear() % 100)} ${time} GMT`,
      `${day} ${month} ${dd.replace(/^0/, ' ')} ${time} ${year}`,
    ]
  }
  const seconds = Date.parse(modified)
  for (const form of forms(new Date(seconds - 2000))) {
    await expectStatus(t, 412, `If-Unmodified-Since: ${form}`)
    await expectStatus(t, 200, `If-Modified-Since: ${form}`)
  }
  for (const form of forms(new Date(seconds + 2000))) {
    await expectStatus(t, 200, `If-Unmodified-Since: ${form}`)
  }
  await expectStatus(t, 412, 'If-Unmodified-Since: Sunday, 06-Nov-94 08:49:37 GMT')
})

rule('if-match', async (t) => {
  await expectStatus(t, 412, 'If-Match: "x"')
  await expectStatus(t, 412, 'If-Match: "x", "y"')
  await expectStatus(t, 200, `If-Match: ${etag}`)
  await expectStatus(t, 200, `If-Match: "x",${etag}`)
  await expectStatus(t, 200, 'If-Match: "x"', `If-Match: ${etag}`)
  await expectStatus(t, 200, 'If-Match: *')
})

rule('if-match-strong', async (t) => {
  await expectStatus(t, 412, `If-Match: W/${etag}`)
  await expectStatus(t, 412, `If-Match: W/${bare}`)
  await expectStatus(t, 412, `If-Match: "x", W/${etag}`)
  await expectStatus(t, 200, `If-Match: W/"x", ${etag}`)
  t.equal(await attempt(s3, 'PUT', `If-Match: W/"${before}"`), '412 before')
  t.equal(await attempt(s3, 'DELETE', `If-Match: W/"${before}"`), '412 before')
  const source = ['x-amz-copy-source: /bkt/o', `x-amz-copy-source-if-match: W/${etag}`]
  const headers = Object.fromEntries(source.map((line) => line.split(': ') as [string, string]))
  t.equal((await wire.s3('PUT', '/bkt/copy', { headers })).status, 412, 'nor of a source')
})

rule('if-match-none', async (t) => {
  for (const [i, side] of sides.entries()) {
    t.equal((await side.read('GET', 'none', ['If-Match: "x"'])).status, 404)
    t.equal((await side.read('GET', 'none', ['If-Match: *'])).status, [404, 412][i])
  }
  t.equal((await s3.write('PUT', 'none', ['If-Match: "x"'], 'x')).status, 404)
  t.equal((await s3.write('PUT', 'none', ['If-Match: *'], 'x')).status, 404)
})

rule('if-match-write', async (t) => {
  for (const [condition, holds] of [
    ['"x"', false],
    [`"x", "${before}"`, true],
    ['*', true],
  ] as const) {
    const fields = `If-Match: ${condition}`
    t.equal(await attempt(s3, 'PUT', fields), holds ? '200 after' : '412 before', fields)
    t.equal(await attempt(s3, 'DELETE', fields), holds ? '204 gone' : '412 before', fields)
    t.equal(await attempt(swift, 'PUT', fields), '201 after', fields)
    t.equal(await attempt(swift, 'DELETE', fields), '204 gone', fields)
  }
  const path = '/bkt/w'
  for (const [condition, status] of [
    [`W/"${before}"`, 412],
    [`"${before}"`, 200],
  ] as const) {
    await s3.write('PUT', 'w', [], 'before')
    const id = await createUpload(wire.node, path)
    const part = await putPart(wire.node, path, id, 1, { body: 'after' })
    const completed = await wire.s3('POST', `${path}?uploadId=${id}`, {
      body: completeBody([[1, part]]),
      headers: { 'if-match': condition },
    })
    t.equal(completed.status, status, `Complete: ${condition}`)
  }
})

rule('if-none-match', async (t) => {
  await expectStatus(t, 304, `If-None-Match: ${etag}`)
  await expectStatus(t, 304, `If-None-Match: "x",${etag}`)
  await expectStatus(t, 304, 'If-None-Match: "x"', `If-None-Match: ${etag}`)
  await expectStatus(t, 304, 'If-None-Match: *')
  await expectStatus(t, 200, 'If-None-Match: "x", "y"')
  t.equal(await attempt(s3, 'PUT', 'If-None-Match: *'), '412 before')
  t.equal(await attempt(swift, 'PUT', 'If-None-Match: *'), '412 before')
  for (const side of sides) {
    t.equal((await side.read('GET', 'none', ['If-None-Match: *'])).status, 404)
    t.match(String((await side.write('PUT', 'new', ['If-None-Match: *'], 'x')).status), /^20[01]$/)
    await side.write('DELETE', 'new')
  }
})

rule('if-none-match-weak', async (t) => {
  await expectStatus(t, [304, 200], `If-None-Match: W/${etag}`)
  await expectStatus(t, [304, 200], `If-None-Match: W/"x", W/${etag}`)
  await expectStatus(t, 200, 'If-None-Match: W/"x"')
})

rule('if-none-match-write', async (t) => {
  t.equal(await attempt(s3, 'PUT', 'If-None-Match: "x"'), '200 after')
  t.equal(await attempt(s3, 'PUT', `If-None-Match: "${before}"`), '412 before')
  t.equal(await attempt(s3, 'PUT', `If-None-Match: W/"${before}"`), '412 before')
  t.equal(await attempt(s3, 'PUT', 'If-None-Match: "*"'), '501 before')
  t.equal(await attempt(s3, 'DELETE', 'If-None-Match: *'), '412 before')
  t.equal(await attempt(s3, 'DELETE', `If-None-Match: "${before}"`), '412 before')
  t.equal(await attempt(s3, 'DELETE', 'If-None-Match: "x"'), '204 gone')
  t.equal(await attempt(swift, 'PUT', 'If-None-Match: "x"'), '400 before')
})

rule('etag-quotes', async (t) => {
  await expectStatus(t, 200, `If-Match: ${bare}`)
  await expectStatus(t, 200, `If-Match: x, ${bare}`)
  await expectStatus(t, 304, `If-None-Match: ${bare}`)
  await expectStatus(t, [412, 200], `If-Match: "x,${bare},y"`)
  await expectStatus(t, [200, 304], `If-None-Match: "x,${bare},y"`)
  await expectStatus(t, [412, 200], 'If-Match: "*"')
})

rule('if-modified-since', async (t) => {
  for (const side of sides) {
    const last = (await side.read('HEAD', 'o')).header('last-modified')!
    t.equal(await statusOf(side, `If-Modified-Since: ${last}`), 304)
    t.equal(await statusOf(side, `If-Modified-Since: ${past}`), 200)
    const earlier = new Date(Date.parse(last) - 1000).toUTCString()
    t.equal(await statusOf(side, `If-Modified-Since: ${earlier}`), 200)
    const now = new Date().toUTCString()
    t.equal(await attempt(side, 'DELETE', `If-Modified-Since: ${now}`), '204 gone')
    t.match(await attempt(side, 'PUT', `If-Modified-Since: ${now}`), /^20[01] after$/)
  }
  t.equal(await statusOf(s3, `If-Modified-Since: ${future}`), 200, 'AWS ignores one to come')
})

rule('if-modified-since-ignored', async (t) => {
  for (const [i, side] of sides.entries()) {
    const last = (await side.read('HEAD', 'o')).header('last-modified')!
    const status = await statusOf(side, 'If-None-Match: "x"', `If-Modified-Since: ${last}`)
    t.equal(status, [200, 304][i], side.dialect)
  }
  for (const bad of ['yesterday', '', '0', '2026-01-01T00:00:00Z', `${modified}, ${modified}`]) {
    await expectStatus(t, 200, `If-Modified-Since: ${bad}`)
  }
  await expectStatus(t, 200, `If-Modified-Since: ${modified}`, `If-Modified-Since: ${modified}`)
})

rule('if-unmodified-since', async (t) => {
  await expectStatus(t, 412, `If-Unmodified-Since: ${past}`)
  await expectStatus(t, 200, `If-Unmodified-Since: ${future}`)
  for (const side of sides) {
    const last = (await side.read('HEAD', 'o')).header('last-modified')!
    t.equal(await statusOf(side, `If-Unmodified-Since: ${last}`), 200)
  }
  t.equal(await attempt(s3, 'PUT', `If-Unmodified-Since: ${past}`), '412 before')
  t.equal(await attempt(s3, 'DELETE', `If-Unmodified-Since: ${past}`), '412 before')
  t.equal(await attempt(s3, 'PUT', `If-Unmodified-Since: ${future}`), '200 after')
  t.equal(await attempt(s3, 'DELETE', `If-Unmodified-Since: ${future}`), '204 gone')
  await s3.write('PUT', 'w', [], 'before')
  const headers = { 'if-unmodified-since': past, 'x-amz-if-match-size': '6' }
  t.equal((await wire.s3('DELETE', '/bkt/w', { headers })).status, 412, 'beside the size too')
  t.equal(await attempt(swift, 'PUT', `If-Unmodified-Since: ${past}`), '201 after')
  t.equal(await attempt(swift, 'DELETE', `If-Unmodified-Since: ${past}`), '204 gone')
})

rule('if-unmodified-since-ignored', async (t) => {
  await expectStatus(t, [200, 412], `If-Match: ${etag}`, `If-Unmodified-Since: ${past}`)
  for (const bad of ['yesterday', '', '0', '2001-01-01T00:00:00Z', `${past}, ${past}`]) {
    await expectStatus(t, 200, `If-Unmodified-Since: ${bad}`)
  }
  await expectStatus(t, 200, `If-Unmodified-Since: ${past}`, `If-Unmodified-Since: ${past}`)
  const both = [`If-Match: "${before}"`, `If-Unmodified-Since: ${past}`] as const
  t.equal(await attempt(s3, 'PUT', ...both), '200 after')
  t.equal((await s3.write('PUT', 'new', [`If-Unmodified-Since: ${past}`], 'x')).status, 200)
})

rule('condition-order', async (t) => {
  await expectStatus(t, [412, 304], 'If-Match: "x"', `If-None-Match: ${etag}`)
  await expectStatus(t, 304, `If-Match: ${etag}`, `If-None-Match: ${etag}`)
  await expectStatus(t, 412, `If-Unmodified-Since: ${past}`, 'If-None-Match: "x"')
  await expectStatus(t, [412, 304], `If-Unmodified-Since: ${past}`, `If-None-Match: ${etag}`)
  for (const side of sides) {
    for (const range of ['bytes=2-3', 'bytes=99-']) {
      const lines = (condition: string) => [condition, `Range: ${range}`]
      t.equal((await side.read('GET', 'o', lines(`If-None-Match: ${etag}`))).status, 304)
      t.equal((await side.read('GET', 'o', lines('If-Match: "x"'))).status, 412)
    }
  }
})

rule('condition-last', async (t) => {
  const key = customerKey('k')
  await wire.s3('PUT', '/bkt/sealed', withKey(key, { body: 'x' }))
  const conditions = { 'If-None-Match': '*', 'If-Match': '"x"' }
  for (const [name, value] of Object.entries(conditions)) {
    for (const side of sides) {
      t.equal((await side.read('GET', 'none', [`${name}: ${value}`])).status, 404)
      t.match(
        String((await side.read('PUT', 'o', [`${name}: ${value}`, 'Content-Length: 0'])).status),
        /^40[13]$/,
      )
    }
    const wrong = withKey(customerKey('w'), { headers: { [name]: value } })
    t.equal((await wire.s3('GET', '/bkt/sealed', wrong)).status, 403)
    t.equal((await wire.swift('GET', '/bkt/sealed', wrong)).status, 403)
    const override = await ask(wire.base, 'GET', '/bkt/o?response-expires=x', [`${name}: ${value}`])
    t.equal(override.status, 400, 'overrides that a stranger may not ask for')
  }
})

rule('condition-elsewhere', async (t) => {
  const fields = ['If-None-Match: *', `If-Modified-Since: ${modified}`]
  for (const target of ['/bkt/', `${wire.root}/bkt`]) {
    t.equal((await ask(wire.base, 'GET', target, fields)).status, 200)
    t.equal((await ask(wire.base, 'GET', target, ['If-Match: "x"'])).status, 200)
  }
  t.equal((await swift.read('OPTIONS', 'o', fields)).status, 200)
})
