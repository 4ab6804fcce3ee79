// Customer keys on Swift requests: three spellings of one key, what is wrong with one, and which key a copy
// uses. What S3 makes of its trio is in test/api/s3/ssec-*.test.ts.
import { createHash } from 'node:crypto'
import t from 'tap'
import { type Answer, keyHeaders, startNode } from '../../helpers/node.ts'
import { customerKey } from '../../helpers/s3.ts'
import { login } from '../../helpers/swift.ts'

const md5 = (key: Buffer) => createHash('md5').update(key).digest('base64')

/** A key in one spelling: the prefix of its three headers, and whether the MD5 comes along. */
const spell = (prefix: string, key: Buffer, withMd5 = false): Record<string, string> => ({
  [`${prefix}Algorithm`]: 'AES256',
  [`${prefix}Key`]: key.toString('base64'),
  ...(withMd5 && { [`${prefix}Key-MD5`]: md5(key) }),
})

const OURS = 'X-Object-Encryption-Customer-'
const AMZ = 'X-Amz-Server-Side-Encryption-Customer-'
const GUIDES = 'X-Object-Meta-Encryption-'
const spellings = [OURS, AMZ, GUIDES, 'X_Object_Encryption_Customer_', 'x-object-meta-encryption-']
const OUR_SOURCE = 'X-Copy-Source-Object-Encryption-Customer-'
const AMZ_SOURCE = 'X-Amz-Copy-Source-Server-Side-Encryption-Customer-'

const key = customerKey('k')
const other = customerKey('o')

/** A container `c`, and requests over TLS. */
async function start(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  const session = await login(node)
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    session.request(method, path, { tls: true, headers, ...(body !== undefined && { body }) })
  await ask('PUT', '/c')
  return { node, session, ask }
}

const carries = (answer: Answer, text: string) =>
  JSON.stringify(answer.headers).includes(text) || answer.text.includes(text)

t.test(
  'every spelling is the same key, with and without its MD5, and none is metadata',
  async (t) => {
    const { node, ask } = await start(t)
    for (const [i, prefix] of spellings.entries()) {
      for (const withMd5 of [false, true]) {
        const path = `/c/o${i}${withMd5}`
        const put = await ask('PUT', path, spell(prefix, key, withMd5), 'secret')
        t.equal(put.status, 201, prefix)
        t.equal((await ask('GET', path)).status, 400, 'no key')
        t.equal((await ask('GET', path, spell(prefix, other))).status, 403, 'another key')
        for (const reader of spellings) {
          t.equal(
            (await ask('GET', path, spell(reader, key))).text,
            'secret',
            `${prefix} ${reader}`,
          )
        }
        const s3 = await node.request('GET', path, { tls: true, headers: keyHeaders(key) })
        t.equal(s3.text, 'secret', 'through S3')
        for (const answer of [put, s3, await ask('HEAD', path), await ask('GET', path)]) {
          t.notOk(carries(answer, key.toString('base64')), prefix)
          t.notOk(
            Object.keys(answer.headers).some((name) => /meta-encryption/.test(name)),
            prefix,
          )
        }
      }
    }
    const post = spell(GUIDES, key)
    t.equal((await ask('POST', '/c/o0true', { ...post, 'X-Object-Meta-A': 'b' })).status, 202)
    t.equal((await ask('POST', '/c/o0true', spell(GUIDES, other))).status, 403)
    const headers = Object.keys((await ask('HEAD', '/c/o0true')).headers)
    t.strictSame(
      headers.filter((name) => name.startsWith('x-object-meta-')),
      ['x-object-meta-a'],
    )
    t.notMatch(node.logged(), key.toString('base64'))
  },
)

t.test('spellings that agree are one key, and two keys are refused', async (t) => {
  const { ask } = await start(t)
  const all = { ...spell(OURS, key), ...spell(AMZ, key, true), ...spell(GUIDES, key) }
  t.equal((await ask('PUT', '/c/o', all, 'x')).status, 201)
  const both = { ...spell(OURS, key), ...spell(GUIDES, other) }
  for (const method of ['GET', 'PUT', 'POST']) {
    const answer = await ask(method, '/c/o', both, method === 'GET' ? undefined : 'y')
    t.equal(answer.status, 400, method)
    t.match(
      answer.text,
      'X-Object-Encryption-Customer-Key and X-Object-Meta-Encryption-Key are two different keys',
    )
  }
  t.equal((await ask('GET', '/c/o', spell(OURS, key))).text, 'x')
})

t.test('a key that is not exactly right is refused by the name of its header', async (t) => {
  const { node, ask } = await start(t)
  await ask('PUT', '/c/o', spell(OURS, key), 'x')
  const good = key.toString('base64')
  const wrong: [headers: Record<string, string>, said: RegExp][] = [
    [{ Key: good }, /Algorithm is missing/],
    [{ Algorithm: 'AES256' }, /Key is missing/],
    [{ 'Key-MD5': md5(key) }, /Key is missing/],
    [{ Algorithm: '', Key: good }, /Algorithm must be AES256/],
    [{ Algorithm: 'AES128', Key: good }, /Algorithm must be AES256/],
    [{ Algorithm: 'aes256', Key: good }, /Algorithm must be AES256/],
    [{ Algorithm: 'AES256', Key: '' }, /must be the base64 of exactly 32 bytes/],
    [{ Algorithm: 'AES256', Key: '####' }, /must be the base64 of exactly 32 bytes/],
    [{ Algorithm: 'AES256', Key: good.slice(0, -1) }, /must be the base64 of exactly 32 bytes/],
    [{ Algorithm: 'AES256', Key: `${good}, ${good}` }, /must be the base64 of exactly 32 bytes/],
    ...[0, 1, 31, 33, 64].map((size): [Record<string, string>, RegExp] => [
      { Algorithm: 'AES256', Key: Buffer.alloc(size, 'c').toString('base64') },
      /must be the base64 of exactly 32 bytes/,
    ]),
    [{ Algorithm: 'AES256', Key: good, 'Key-MD5': md5(other) }, /Key-MD5 is not the base64/],
    [{ Algorithm: 'AES256', Key: good, 'Key-MD5': '' }, /Key-MD5 is not the base64/],
    [{ Algorithm: 'AES256', Key: good, 'Key-MD5': 'x' }, /Key-MD5 is not the base64/],
  ]
  for (const [i, [fields, said]] of wrong.entries()) {
    const prefix = [OURS, AMZ, GUIDES][i % 3]!
    const headers = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [prefix + name, value]),
    )
    const label = JSON.stringify(headers)
    const put = await ask('PUT', '/c/new', headers, 'x')
    t.equal(put.status, 400, label)
    t.match(put.text, said, label)
    t.match(put.text, prefix, label)
    t.notMatch(put.text, good, label)
    t.equal((await ask('GET', '/c/o', headers)).status, 400, label)
    t.equal((await ask('HEAD', '/c/o', headers)).status, 400, label)
  }
  t.equal((await ask('HEAD', '/c/new')).status, 404, 'nothing was stored')
  t.notMatch(node.logged(), good)
})

t.test(
  'a copy opens its source with one key and seals with the other, or one does both',
  async (t) => {
    const { ask } = await start(t)
    await ask('PUT', '/c/plain', {}, 'plain')
    await ask('PUT', '/c/sealed', spell(OURS, key), 'sealed')
    let copies = 0
    const copy = async (from: string, headers: Record<string, string>) => {
      const name = `/c/copy${copies++}`
      const answer =
        copies % 2 === 0
          ? await ask('COPY', `/c/${from}`, { Destination: name.slice(1), ...headers })
          : await ask('PUT', name, { 'X-Copy-From': `/c/${from}`, ...headers }, '')
      return { name, status: answer.status }
    }
    for (const source of [OUR_SOURCE, AMZ_SOURCE]) {
      for (let round = 0; round < 2; round++) {
        const rotated = await copy('sealed', { ...spell(source, key), ...spell(OURS, other) })
        t.equal(rotated.status, 201)
        t.equal((await ask('GET', rotated.name, spell(OURS, other))).text, 'sealed')
        t.equal((await ask('GET', rotated.name, spell(OURS, key))).status, 403)
        const alone = await copy('sealed', spell(source, key))
        t.equal(alone.status, 201)
        t.equal((await ask('GET', alone.name, spell(OURS, key))).text, 'sealed')
        t.equal((await ask('GET', alone.name)).status, 400, 'it is not in the clear')
      }
    }
    for (const prefix of [OURS, AMZ, GUIDES, OUR_SOURCE]) {
      for (const from of ['sealed', 'plain']) {
        const made = await copy(from, spell(prefix, key))
        t.equal(made.status, 201, `${prefix} ${from}`)
        t.equal((await ask('GET', made.name, spell(OURS, key))).text, from)
        t.equal((await ask('GET', made.name)).status, 400)
      }
    }
    t.equal((await copy('sealed', {})).status, 400, 'no key')
    t.equal((await copy('sealed', spell(OURS, other))).status, 403, 'not its key')
    t.equal(
      (await copy('sealed', { ...spell(OUR_SOURCE, other), ...spell(OURS, key) })).status,
      403,
    )
    t.equal((await copy('plain', { ...spell(OUR_SOURCE, other), ...spell(OURS, key) })).status, 400)
    t.equal((await copy('plain', {})).status, 201)
    const both = { ...spell(OUR_SOURCE, key), ...spell(AMZ_SOURCE, other) }
    t.equal((await copy('sealed', both)).status, 400, 'two keys for the source')
  },
)

t.test('a key needs a transport that the configuration allows', async (t) => {
  const node = await startNode(t, { ssec: { tls: ['direct'] } })
  const session = await login(node)
  const ask = (method: string, headers: Record<string, string>, tls: boolean) =>
    session.request(method, '/c/o', { tls, headers, ...(method === 'PUT' && { body: 'x' }) })
  await session.request('PUT', '/c')
  for (const prefix of [OURS, AMZ, GUIDES]) {
    const open = await ask('PUT', spell(prefix, key), false)
    t.equal(open.status, 400)
    t.match(open.text, 'ssec.tls')
    t.equal((await ask('PUT', spell(prefix, key), true)).status, 201)
    for (const method of ['GET', 'HEAD', 'POST']) {
      t.equal((await ask(method, spell(prefix, key), false)).status, 400, method)
    }
    t.equal((await ask('DELETE', spell(prefix, key), false)).status, 204, 'which needs no key')
  }
})

t.test(
  'what takes no key ignores one, but nothing is stored that asks for one in vain',
  async (t) => {
    const { ask } = await start(t)
    const wrong = { [`${OURS}Key`]: 'not a key' }
    t.equal((await ask('GET', '/c', wrong)).status, 204)
    t.equal((await ask('PUT', '/c', wrong)).status, 202)
    t.equal((await ask('HEAD', '', wrong)).status, 204)
    const current = await ask('PUT', '/c/o?version-id=null', spell(OURS, key), '')
    t.equal(current.status, 400)
    t.match(current.text, 'MakeCurrent does not use one')
    t.equal((await ask('DELETE', '/c/none', wrong)).status, 404)
  },
)
