// One object under a customer key, through both dialects and in every spelling of the key.
import t from 'tap'
import {
  type Ask,
  type Both,
  boundarySizes,
  startWithContainer,
  swiftSourceSpellings,
  swiftSpellings,
  withSwiftKey,
} from '../../helpers/both.ts'
import { keyHeaders } from '../../helpers/node.ts'
import { customerKey, outcome, withKey } from '../../helpers/s3.ts'
import { plainOf } from '../../vectors/vector.ts'

const key = customerKey('k')
const wrong = customerKey('w')

/** A way in with a way to spell a key. */
interface Way {
  readonly name: string
  readonly ask: Ask
  readonly spell: (key: Buffer) => Record<string, string>
}

function waysOf({ s3, swift }: Both): Way[] {
  const spellings = Object.entries(swiftSpellings)
  return [
    { name: 's3', ask: s3, spell: (key) => keyHeaders(key) },
    ...spellings.map(([name, spell]) => ({ name: `swift-${name}`, ask: swift, spell })),
  ]
}

const sealed = (way: Way, with_: Buffer, body?: Buffer | string) =>
  ({ tls: true, headers: way.spell(with_), ...(body !== undefined && { body }) }) as const

t.test('what one way in seals, every other opens with the same key', async (t) => {
  const both = await startWithContainer(t)
  const ways = waysOf(both)
  for (const [i, size] of boundarySizes.entries()) {
    const body = plainOf(i, size)
    for (const writer of ways) {
      const path = `/bkt/${writer.name}-${size}`
      t.ok((await writer.ask('PUT', path, sealed(writer, key, body))).status < 300, path)
      for (const reader of ways) {
        const read = await reader.ask('GET', path, sealed(reader, key))
        t.ok(read.status === 200 && read.body.equals(body), `${path} by ${reader.name}`)
      }
    }
  }
})

t.test('a wrong key or none never gets a byte, on whatever way', async (t) => {
  const both = await startWithContainer(t)
  const ways = waysOf(both)
  const body = plainOf(1, 70_000)
  for (const writer of ways) {
    const path = `/bkt/${writer.name}`
    await writer.ask('PUT', path, sealed(writer, key, body))
    for (const reader of ways) {
      const denied = await reader.ask('GET', path, sealed(reader, wrong))
      t.equal(denied.status, 403, `${path} by ${reader.name}`)
      t.notOk(denied.body.includes(body.subarray(0, 16)))
      const keyless = await reader.ask('GET', path, { tls: true })
      t.equal(keyless.status, 400, `${path} by ${reader.name}`)
      t.notOk(keyless.body.includes(body.subarray(0, 16)))
    }
  }
})

t.test('a key for what the root key seals is refused by both', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  for (const [name, ask] of Object.entries({ s3, swift })) {
    const path = `/bkt/${name}`
    await ask('PUT', path, { body: 'plain' })
    for (const reader of waysOf(both)) {
      for (const method of ['GET', 'HEAD']) {
        const { status, text } = await reader.ask(method, path, sealed(reader, key))
        t.equal(status, 400, `${method} ${path} by ${reader.name}`)
        t.notOk(text.includes('plain'))
      }
    }
  }
})

t.test('HEAD needs no key on Swift, but on S3; one that comes is checked', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  for (const writer of waysOf(both)) {
    const path = `/bkt/${writer.name}`
    await writer.ask('PUT', path, sealed(writer, key, 'twelve bytes'))
    const head = await swift('HEAD', path)
    t.match(head, {
      status: 200,
      headers: {
        'content-length': '12',
        'x-object-encryption-customer-algorithm': 'AES256',
        etag: /^"[0-9a-f]{32}"$/,
      },
    })
    t.equal((await s3('HEAD', path)).status, 400)
    for (const reader of waysOf(both)) {
      t.equal((await reader.ask('HEAD', path, sealed(reader, key))).status, 200)
      t.equal((await reader.ask('HEAD', path, sealed(reader, wrong))).status, 403)
    }
  }
})

t.test('POST and DELETE through Swift need no key, and DELETE through S3 neither', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  for (const writer of waysOf(both)) {
    const path = `/bkt/${writer.name}`
    await writer.ask('PUT', path, sealed(writer, key, 'body'))
    t.equal((await swift('POST', path, { headers: { 'X-Object-Meta-A': '1' } })).status, 202)
    const bad = await swift(
      'POST',
      path,
      withSwiftKey(wrong, { headers: { 'X-Object-Meta-A': '2' } }),
    )
    t.equal(bad.status, 403)
    const read = await s3('GET', path, withKey(key))
    t.match(read, { text: 'body', headers: { 'x-amz-meta-a': '1' } })
    const remover = writer.name === 's3' ? swift : s3
    t.equal((await remover('DELETE', path)).status, 204)
    t.equal((await swift('HEAD', path)).status, 404)
  }
})

t.test('ranges across records are the same bytes to both', async (t) => {
  const both = await startWithContainer(t)
  const body = plainOf(3, 65536 * 2 + 1)
  for (const writer of waysOf(both)) {
    const path = `/bkt/${writer.name}`
    await writer.ask('PUT', path, sealed(writer, key, body))
    for (const [first, last] of [
      [0, 0],
      [65535, 65536],
      [65536, 131072],
      [131072, 131072],
    ] as const) {
      for (const reader of waysOf(both)) {
        const headers = { ...reader.spell(key), range: `bytes=${first}-${last}` }
        const read = await reader.ask('GET', path, { tls: true, headers })
        t.equal(read.status, 206)
        t.equal(read.headers['content-range'], `bytes ${first}-${last}/${body.length}`)
        t.ok(read.body.equals(body.subarray(first, last + 1)), `${path} ${first}-${last}`)
      }
    }
  }
})

t.test('a copy of either dialect opens with one key and seals with another', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  const next = customerKey('n')
  const body = plainOf(4, 100_000)
  await s3('PUT', '/bkt/from-s3', withKey(key, { body }))
  await swift('PUT', '/bkt/from-swift', withSwiftKey(key, { body }))
  for (const [role, source] of Object.entries(swiftSourceSpellings)) {
    const headers = {
      Destination: `/bkt/swift-${role}`,
      ...source(key),
      ...swiftSpellings.own(next),
    }
    const copied = await swift('COPY', '/bkt/from-s3', { tls: true, headers })
    t.equal(copied.status, 201, copied.text)
    t.ok((await s3('GET', `/bkt/swift-${role}`, withKey(next))).body.equals(body))
    t.equal((await s3('GET', `/bkt/swift-${role}`, withKey(key))).status, 403)
  }
  const headers = {
    'x-amz-copy-source': '/bkt/from-swift',
    ...keyHeaders(key, 'x-amz-copy-source-'),
  }
  t.equal((await s3('PUT', '/bkt/s3-copy', withKey(next, { headers }))).status, 200)
  t.ok((await swift('GET', '/bkt/s3-copy', withSwiftKey(next))).body.equals(body))
  t.equal((await swift('GET', '/bkt/s3-copy', withSwiftKey(key))).status, 403)
  t.ok((await swift('GET', '/bkt/from-s3', withSwiftKey(key))).body.equals(body), 'still there')
})

t.test(
  'with one key only, a Swift COPY opens and seals with it, and takes its root-key sources too',
  async (t) => {
    const both = await startWithContainer(t)
    const { s3, swift } = both
    const body = plainOf(5, 9000)
    await s3('PUT', '/bkt/sealed', withKey(key, { body }))
    await s3('PUT', '/bkt/plain', { body })
    for (const [name, spell] of Object.entries(swiftSpellings)) {
      for (const source of ['sealed', 'plain']) {
        const target = `/bkt/${source}-${name}`
        const headers = { ...spell(key), Destination: target }
        const copied = await swift('COPY', `/bkt/${source}`, { tls: true, headers })
        t.equal(copied.status, 201, `${target} ${copied.text}`)
        t.ok((await s3('GET', target, withKey(key))).body.equals(body), target)
        t.equal((await s3('GET', target)).status, 400)
      }
    }
    const keyless = await swift('COPY', '/bkt/sealed', { headers: { Destination: '/bkt/open' } })
    t.equal(keyless.status, 400)
    const bad = { ...swiftSpellings.own(wrong), Destination: '/bkt/open' }
    t.equal((await swift('COPY', '/bkt/sealed', { tls: true, headers: bad })).status, 403)
    t.equal((await swift('HEAD', '/bkt/open')).status, 404)
  },
)

t.test('neither dialect takes the other’s spelling where it would not be a key', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  for (const spell of [swiftSpellings.own, swiftSpellings.guide]) {
    const answer = await s3('PUT', '/bkt/o', { tls: true, headers: spell(key), body: 'x' })
    t.equal(outcome(answer), '400 InvalidArgument')
  }
  const asked = { 'x-amz-server-side-encryption': 'AES256' }
  t.equal((await swift('PUT', '/bkt/o', { headers: asked, body: 'x' })).status, 400)
  t.equal((await swift('HEAD', '/bkt/o')).status, 404, 'nothing was stored')
})

t.test('a key in the query of a Swift request is refused, not ignored', async (t) => {
  const { swift } = await startWithContainer(t)
  for (const name of Object.keys({ ...swiftSpellings.own(key), ...swiftSpellings.guide(key) })) {
    const path = `/bkt/o?${name}=${encodeURIComponent(key.toString('base64'))}`
    t.equal((await swift('PUT', path, { tls: true, body: 'x' })).status, 400, name)
  }
  t.equal((await swift('HEAD', '/bkt/o')).status, 404, 'nothing was stored without the key')
})

t.test('customer keys need a transport that the node allows, on both', async (t) => {
  const both = await startWithContainer(t, { ssec: { tls: ['direct'] } })
  for (const way of waysOf(both)) {
    const refused = await way.ask('PUT', '/bkt/o', { headers: way.spell(key), body: 'x' })
    t.equal(refused.status, 400, way.name)
    t.equal((await way.ask('PUT', '/bkt/o', sealed(way, key, 'x'))).status < 300, true, way.name)
    t.equal((await way.ask('GET', '/bkt/o', { headers: way.spell(key) })).status, 400, way.name)
    t.equal((await both.swift('DELETE', '/bkt/o')).status, 204)
  }
})

t.test('S3 listings tell nothing of SSE, Swift’s show size and opaque hash', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  const put = await swift('PUT', '/bkt/o', withSwiftKey(key, { body: 'body' }))
  const listed = await s3('GET', '/bkt?list-type=2')
  t.notMatch(listed.text, /encryption|AES256/i)
  const plain = await swift('GET', '/bkt?format=json')
  t.notMatch(plain.text, /encryption|AES256/i)
  const [item] = JSON.parse(plain.text)
  t.equal(item.bytes, 4)
  t.not(item.hash, put.headers.etag)
  t.ok(listed.text.includes(item.hash), 'the same opaque hash')
})
