// The offline decrypt program, which shares no code with the server, on stores that are made by hand from
// the server's own rows and sealed bytes, and on the published vectors.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { exitCodes, Failure } from '../../bin/decrypt/failure.ts'
import { blobKeyOf, openEnvelope, openSealedRecord, recordsOf } from '../../bin/decrypt/sealed.ts'
import { locatedNumbers } from '../../bin/decrypt/volumes.ts'
import { main } from '../../bin/decrypt.ts'
import { segmentPrefix, versionPrefix } from '../../lib/catalog/keys.ts'
import { segmentRow, versionRow } from '../../lib/catalog/rows.ts'
import { customerCipher, rootCipher } from '../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { parseVector, plainOf } from '../vectors/vector.ts'
import { HandStore, locatorOf, ring, rootKey } from './decrypt-store.ts'
import '../helpers/plain-children.ts'

const root = new URL('../../', import.meta.url).pathname
const keyBytes = Buffer.from('0123456789abcdef0123456789abcdef')
const customer = customerCipher(new CustomerKey(keyBytes))
const byRoot = rootCipher(ring)
const md5Of = (bytes: Buffer) => createHash('md5').update(bytes).digest()

/** Runs the program in this process; gives its exit code, complaints and output. */
async function run(dir: string, ...args: string[]) {
  const out = join(dir, `out${Math.random()}`)
  const complaints: string[] = []
  const write = process.stderr.write
  process.stderr.write = ((text: string) => complaints.push(text) > 0) as typeof write
  try {
    const code = await main(['--data', dir, '--account', 'test', '--out', out, ...args])
    return { code, said: complaints.join(''), bytes: existsSync(out) ? readFileSync(out) : null }
  } finally {
    process.stderr.write = write
  }
}

const keyFile = (dir: string, key = keyBytes) => {
  const file = join(dir, `key-${key.toString('hex')}`)
  writeFileSync(file, key)
  return ['--key-file', file]
}
const keyring = (
  dir: string,
  keys: Record<string, string> = { k1: rootKey.toString('base64') },
) => {
  const file = join(dir, `keyring-${Object.keys(keys)}-${keys.k1?.slice(0, 4)}`)
  writeFileSync(file, `active: k1\nkeys: ${JSON.stringify(keys)}\n`)
  return ['--keyring', file]
}
const named = (object: string) => ['--container', 'photos', '--object', object]

/** Names and bytes of everything below a directory. */
function fingerprint(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
  return Object.fromEntries(
    files
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]),
  )
}

t.test('objects of every size come back, inline or from a volume', async (t) => {
  const dir = t.testdir()
  const store = new HandStore()
  const sizes = [0, 1, 8192, 65535, 65536, 65537, 131072, 131073, 700000]
  for (const size of sizes) {
    const parts = [plainOf(size, size)]
    await store.add({ object: `volume ${size}`, cipher: customer, parts, md5: md5Of(parts[0]!) })
    if (size <= 65536) {
      await store.add({ object: `inline ${size}`, cipher: customer, parts, inline: true })
    }
  }
  await store.write(dir)
  for (const size of sizes) {
    for (const place of size <= 65536 ? ['volume', 'inline'] : ['volume']) {
      const { code, said, bytes } = await run(dir, ...named(`${place} ${size}`), ...keyFile(dir))
      t.equal(code, 0, said)
      t.ok(bytes?.equals(plainOf(size, size)), `${place} ${size}`)
    }
  }
})

t.test(
  'a multipart object comes back in the order of its parts, from several volumes',
  async (t) => {
    const dir = t.testdir()
    const store = new HandStore()
    const parts = [plainOf(1, 70000), plainOf(2, 0), plainOf(3, 131072)]
    const numbers = [2, 7, 10000]
    await store.add({ object: 'big', cipher: byRoot, parts, numbers, size: null })
    await store.add({ object: 'other', cipher: byRoot, parts, volume: '00000000000000bb', numbers })
    await store.write(dir)
    for (const object of ['big', 'other']) {
      const { code, said, bytes } = await run(dir, ...named(object), ...keyring(dir))
      t.equal(code, 0, said)
      t.ok(bytes?.equals(Buffer.concat(parts)))
    }
  },
)

t.test('any name, version and device is found', async (t) => {
  const dir = t.testdir()
  const store = new HandStore()
  const odd = 'a/b\u0000c/\u00fc\u{1f5dd}'
  const spec = { object: odd, cipher: customer, inline: true }
  const old = await store.add({ ...spec, parts: [Buffer.from('old')] })
  await store.add({ ...spec, parts: [Buffer.from('new')] })
  await store.add({ ...spec, object: 'hidden', parts: [Buffer.from('gone')], hidden: true })
  await store.add({ object: 'far', cipher: customer, parts: [plainOf(1, 9000)] })
  await store.write(dir, { device: join(dir, 'disk2'), generation: 12 })
  mkdirSync(join(dir, 'disk1', '00000000000000aa.g3'), { recursive: true })
  mkdirSync(join(dir, 'disk2', '00000000000000aa.new'))
  const key = keyFile(dir)
  t.same((await run(dir, ...named(odd), ...key)).bytes, Buffer.from('new'))
  t.same((await run(dir, ...named(odd), ...key, '--version', old)).bytes, Buffer.from('old'))
  t.equal((await run(dir, ...named('hidden'), ...key)).code, exitCodes.missing)
  t.same(
    (await run(dir, ...named('hidden'), ...key, '--version', 'null')).bytes,
    Buffer.from('gone'),
  )
  t.equal((await run(dir, ...named('absent'), ...key)).code, exitCodes.missing)
  t.equal(
    (await run(dir, ...named(odd), ...key, '--version', 'f'.repeat(32))).code,
    exitCodes.missing,
  )
  const devices = ['--devices', `${join(dir, 'disk1')},${join(dir, 'disk2')}`]
  t.ok((await run(dir, ...named('far'), ...key, ...devices)).bytes?.equals(plainOf(1, 9000)))
})

t.test('a wrong key, or one of the other kind, writes nothing', async (t) => {
  const dir = t.testdir()
  const store = new HandStore()
  await store.add({ object: 'mine', cipher: customer, parts: [plainOf(1, 9)], inline: true })
  await store.add({ object: 'theirs', cipher: byRoot, parts: [plainOf(1, 9)], inline: true })
  await store.write(dir)
  const cases = [
    ['mine', keyFile(dir, Buffer.alloc(32, 1)), exitCodes.wrongKey],
    ['mine', keyring(dir), exitCodes.wrongKey],
    ['theirs', keyFile(dir), exitCodes.wrongKey],
    ['theirs', keyring(dir, { k2: rootKey.toString('base64') }), exitCodes.wrongKey],
    // Nobody chose the key of that id: the row, or the keyring, is another one.
    ['theirs', keyring(dir, { k1: Buffer.alloc(32, 1).toString('base64') }), exitCodes.damaged],
  ] as const
  for (const [object, key, right] of cases) {
    const { code, bytes, said } = await run(dir, ...named(object), ...key)
    t.equal(code, right, said)
    t.equal(bytes, null)
  }
})

t.test('damage of every kind is found, and leaves no output', async (t) => {
  const object = 'x'
  const versionRowKey = (store: HandStore) =>
    [...store.catalog.keys()].find((key) =>
      key.startsWith(versionPrefix('test', 'photos', object)),
    )!
  const bodyOf = (store: HandStore) =>
    versionRow.decodeUnproven(store.catalog.get(versionRowKey(store))!).body!
  const records = (store: HandStore) => store.volume('00000000000000aa')
  const segmentOf = (store: HandStore) =>
    [...store.catalog.keys()].find((key) => key.startsWith(segmentPrefix(bodyOf(store))))!
  const changeSegment = (store: HandStore, change: object) => {
    const key = segmentOf(store)
    const row = segmentRow.decode(store.catalog.get(key)!)
    store.catalog.set(key, segmentRow.encode({ ...row, ...change }))
  }
  const changeVersion = (store: HandStore, change: object) => {
    const key = versionRowKey(store)
    const row = versionRow.decodeUnproven(store.catalog.get(key)!)
    store.catalog.set(key, versionRow.encode(key, { ...row, ...change }, store.macs))
  }
  const blobRow = (store: HandStore) =>
    [...store.catalog.keys()].find((key) => key.startsWith('blob/'))!
  const flip = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 1
    return copy
  }
  const cases: Record<string, (store: HandStore) => void> = {
    'a rotten record': (store) => records(store).set(1, flip(records(store).get(1)!, 5)),
    'a missing record': (store) => records(store).delete(2),
    'two records exchanged': (store) => {
      const [a, b] = [records(store).get(1)!, records(store).get(2)!]
      records(store).set(1, b).set(2, a)
    },
    'a volume header of another catalog': (store) =>
      records(store).set(0, store.header('00000000000000aa', 1, 'ab'.repeat(16))),
    'a volume header of another volume': (store) =>
      records(store).set(0, store.header('00000000000000bb', 1)),
    'no volume': (store) => store.volumes.clear(),
    'no locator': (store) => store.catalog.delete(blobRow(store)),
    'a short locator': (store) => store.catalog.set(blobRow(store), locatorOf([1, 2])),
    'a locator that ends within a number': (store) =>
      store.catalog.set(blobRow(store), Buffer.of(1, 0x80)),
    'no segment': (store) => store.catalog.delete(segmentOf(store)),
    'a segment with another size': (store) => changeSegment(store, { size: 131073 }),
    'a segment that lies nowhere': (store) => changeSegment(store, { volume: null }),
    'a segment with a record less': (store) => {
      changeSegment(store, { size: 131072, records: 2 })
      changeVersion(store, { size: 131072 })
    },
    'a version with another size': (store) => changeVersion(store, { size: 5 }),
    'a version with parts and no layout': (store) => changeVersion(store, { parts: 1 }),
    'no row about the catalog': (store) => store.catalog.delete('meta'),
    'a row that is no array': (store) => store.catalog.set(versionRowKey(store), Buffer.of(1)),
    'a row that ends too early': (store) => store.catalog.set(versionRowKey(store), Buffer.of(131)),
    'a number that no row may have': (store) => changeVersion(store, { timeMicros: 2n ** 53n }),
    'a number that is no integer': (store) => changeSegment(store, { storedBytes: 0.5 }),
  }
  for (const [name, damage] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const dir = t.testdir()
      const store = new HandStore()
      await store.add({ object, cipher: customer, parts: [plainOf(1, 131074)] })
      damage(store)
      await store.write(dir)
      const { code, said, bytes } = await run(dir, ...named(object), ...keyFile(dir))
      t.equal(code, exitCodes.damaged, said)
      t.equal(bytes, null)
      t.same(
        readdirSync(dir).filter((file) => file.startsWith('out')),
        [],
      )
    })
  }
  await t.test('parts in another order', async (t) => {
    const dir = t.testdir()
    const store = new HandStore()
    const parts = [plainOf(1, 5), plainOf(2, 5)]
    await store.add({ object, cipher: customer, parts, numbers: [2, 1], size: null })
    await store.write(dir)
    t.equal((await run(dir, ...named(object), ...keyFile(dir))).code, exitCodes.damaged)
  })
  await t.test('another MD5 than the sealed one', async (t) => {
    const dir = t.testdir()
    const store = new HandStore()
    await store.add({ object, cipher: customer, parts: [plainOf(1, 5)], md5: Buffer.alloc(16) })
    await store.write(dir)
    t.equal((await run(dir, ...named(object), ...keyFile(dir))).code, exitCodes.damaged)
  })
  await t.test('a byte changed in the catalog’s file', async (t) => {
    const dir = t.testdir()
    const store = new HandStore()
    await store.add({ object, cipher: customer, parts: [plainOf(1, 5)], inline: true })
    const meta = store.catalog.get('meta')!
    await store.write(dir)
    const log = readdirSync(join(dir, 'catalog')).find((name) => name.endsWith('.log'))!
    const bytes = readFileSync(join(dir, 'catalog', log))
    bytes[bytes.indexOf(meta) + 8]! ^= 1
    writeFileSync(join(dir, 'catalog', log), bytes)
    t.equal((await run(dir, ...named(object), ...keyFile(dir))).code, exitCodes.damaged)
  })
})

t.test('a damaged volume header is reported, and the records behind it are read', async (t) => {
  for (const header of [undefined, Buffer.alloc(53, 1), Buffer.from('short')]) {
    const dir = t.testdir()
    const store = new HandStore()
    await store.add({ object: 'x', cipher: customer, parts: [plainOf(1, 9000)] })
    const volume = store.volume('00000000000000aa')
    if (header === undefined) volume.delete(0)
    else volume.set(0, header)
    await store.write(dir)
    const { code, said, bytes } = await run(dir, ...named('x'), ...keyFile(dir))
    t.equal(code, 0, said)
    t.match(said, /header of volume 00000000000000aa is damaged/)
    t.ok(bytes?.equals(plainOf(1, 9000)))
  }
})

t.test('nothing in the data directory changes, and nothing is left elsewhere', async (t) => {
  const dir = t.testdir({ temp: {} })
  const store = new HandStore()
  await store.add({ object: 'x', cipher: customer, parts: [plainOf(1, 131074)] })
  await store.write(join(dir, 'data'))
  const key = keyFile(dir)
  const before = fingerprint(join(dir, 'data'))
  const saved = process.env.TMPDIR
  process.env.TMPDIR = join(dir, 'temp')
  t.teardown(() => {
    if (saved === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = saved
  })
  t.equal(tmpdir(), join(dir, 'temp'))
  const out = join(dir, 'out')
  const args = ['--data', join(dir, 'data'), '--account', 'test', ...named('x'), ...key]
  t.equal(await main([...args, '--out', out]), 0)
  t.same(fingerprint(join(dir, 'data')), before)
  t.same(readdirSync(join(dir, 'temp')), [])
  t.equal(statSync(out).mode & 0o777, 0o600)
})

t.test('an output that exists is not overwritten', async (t) => {
  const dir = t.testdir({ taken: 'mine', 'half.partial': 'mine' })
  const store = new HandStore()
  await store.add({ object: 'x', cipher: customer, parts: [plainOf(1, 9)], inline: true })
  await store.write(dir)
  const args = ['--data', dir, '--account', 'test', ...named('x'), ...keyFile(dir), '--out']
  const write = process.stderr.write
  process.stderr.write = (() => true) as typeof write
  t.teardown(() => {
    process.stderr.write = write
  })
  t.equal(await main([...args, join(dir, 'taken')]), exitCodes.failed)
  t.equal(await main([...args, join(dir, 'half')]), exitCodes.failed)
  t.equal(readFileSync(join(dir, 'taken'), 'utf8'), 'mine')
  t.equal(readFileSync(join(dir, 'half.partial'), 'utf8'), 'mine')
})

t.test('it refuses while a coffer answers, also where the path is long', async (t) => {
  for (const data of [t.testdir({ data: {} }), join(t.testdir(), 'd'.repeat(120))]) {
    mkdirSync(data, { recursive: true })
    const store = new HandStore()
    await store.add({ object: 'x', cipher: customer, parts: [plainOf(1, 9)], inline: true })
    await store.write(data)
    const short = join(tmpdir(), `coffer-decrypt-test-${process.pid}`)
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(short, resolve))
    renameSync(short, join(data, 'control.sock'))
    const { code } = await run(data, ...named('x'), ...keyFile(data))
    t.equal(code, exitCodes.running)
    await new Promise((resolve) => server.close(resolve))
    t.equal((await run(data, ...named('x'), ...keyFile(data))).code, 0, 'a socket left behind')
  }
})

t.test('a key file is raw, hex or base64; anything else is a usage error', async (t) => {
  const dir = t.testdir()
  const store = new HandStore()
  await store.add({ object: 'x', cipher: customer, parts: [plainOf(1, 9)], inline: true })
  await store.write(dir)
  const file = join(dir, 'key')
  const codes: [content: string, code: number][] = [
    [keyBytes.toString('latin1'), 0],
    [keyBytes.toString('hex'), 0],
    [`${keyBytes.toString('hex').toUpperCase()}\n`, 0],
    [keyBytes.toString('base64'), 0],
    [`${keyBytes.toString('base64')}\r\n`, 0],
    ['', exitCodes.usage],
    [keyBytes.toString('latin1', 1), exitCodes.usage],
    [`${keyBytes.toString('latin1')}0`, exitCodes.usage],
    [keyBytes.toString('base64', 1), exitCodes.usage],
  ]
  for (const [content, code] of codes) {
    writeFileSync(file, content, 'latin1')
    const result = await run(dir, ...named('x'), '--key-file', file)
    t.equal(result.code, code, JSON.stringify(content))
    t.notOk(content.length > 8 && result.said.includes(content.trim()), 'the key is not echoed')
  }
  for (const [content, code] of [
    ['{', exitCodes.usage],
    ['a secret', exitCodes.usage],
    ['', exitCodes.usage],
  ] as const) {
    writeFileSync(file, content)
    const result = await run(dir, ...named('x'), '--keyring', file)
    t.equal(result.code, code, content)
    t.notOk(result.said.includes('secret'))
  }
})

t.test('wrong usage is explained', async (t) => {
  const dir = t.testdir()
  const key = keyFile(dir)
  t.match(await run(dir, ...named('x')), { code: 2, said: /give --key-file or --keyring/ })
  t.match(await run(dir, '--object', 'x', ...key), { code: 2, said: /--container is missing/ })
  t.match(await run(dir, '--nonsense'), { code: 2, said: /nonsense/ })
  t.match(await run(join(dir, 'absent'), ...named('x'), ...key), { code: 1, said: /absent/ })
  t.match(await run(dir, ...named('x'), ...key), { code: 1, said: /cannot read the database/ })
})

t.test('as a program it writes the object to standard output', async (t) => {
  const dir = t.testdir()
  const store = new HandStore()
  await store.add({ object: 'x', cipher: customer, parts: [plainOf(1, 200000)] })
  await store.write(dir)
  const program = [join(root, 'bin/decrypt.ts'), '--data', dir, '--account', 'test']
  const args = [...program, ...named('x'), ...keyFile(dir)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { encoding: 'buffer' })
  t.ok(stdout.equals(plainOf(1, 200000)))
})

t.test('it imports nothing of the server', async (t) => {
  const files = [
    'bin/decrypt.ts',
    ...readdirSync(join(root, 'bin/decrypt')).map((f) => `bin/decrypt/${f}`),
  ]
  for (const file of files) {
    const imports = readFileSync(join(root, file), 'utf8').match(/from '[^']+'/g) ?? []
    t.notMatch(imports.join(), /lib\/|middleware\//, file)
  }
})

/** Opens a vector with the decrypt program's own code; gives the outcome and the plaintext. */
function openVector(vector: ReturnType<typeof parseVector>): [string, Buffer] {
  const out: Buffer[] = []
  const step = (fallback: string, fn: () => void) => {
    try {
      fn()
      return undefined
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return error.exit === 'wrongKey' ? 'wrong key' : fallback
    }
  }
  let opened: ReturnType<typeof openEnvelope> | undefined
  const envelopeFailure = step('corrupt envelope', () => {
    opened = openEnvelope(vector.key, vector, vector)
  })
  const total = vector.blobs.reduce((sum, { size }) => sum + size, 0)
  if (opened !== undefined && (opened.size ?? total) !== total)
    return ['corrupt size', Buffer.alloc(0)]
  const recordFailure = step('corrupt record', () => {
    for (const [i, { id, part, size, records }] of (opened ? vector.blobs : []).entries()) {
      const key = blobKeyOf(opened!.bodyKey, id, part)
      if (records !== recordsOf(size)) throw new Failure('damaged', 'row')
      for (let index = 0; index < records; index++) {
        const sealed = vector.sealed![i]![index] ?? Buffer.alloc(0)
        out.push(openSealedRecord(key, size, index, sealed))
      }
    }
  })
  const plain = Buffer.concat(out)
  return [envelopeFailure ?? recordFailure ?? 'success', plain]
}

t.test('it reads every published vector as the server does', async (t) => {
  const folder = join(root, 'test/vectors')
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.vec'))) {
    const vector = parseVector(readFileSync(join(folder, file), 'utf8'))
    // Vectors whose records are made by sealing check a sealer, not a reader.
    if (vector.sealed === undefined) continue
    const [outcome, plain] = openVector(vector)
    t.equal(outcome, vector.expect, file)
    t.ok(plain.length <= vector.released, file)
    t.ok(
      plain.equals(plainOf(vector.plain.seed, vector.plain.size).subarray(0, plain.length)),
      file,
    )
  }
})

t.test('locators name runs of records', async (t) => {
  for (const numbers of [[1], [1, 2, 3], [5, 6, 300, 301, 100000], [2 ** 40, 2 ** 40 + 1]]) {
    t.same([...locatedNumbers(locatorOf(numbers))], numbers)
  }
  t.throws(() => [...locatedNumbers(Buffer.of(1))], Failure)
  t.throws(() => [...locatedNumbers(Buffer.alloc(20, 0xff))], Failure)
  t.throws(() => [...locatedNumbers(Buffer.of(1, 0))], Failure, 'a run of none')
  t.throws(() => [...locatedNumbers(Buffer.of(0x81, 0, 1))], Failure, 'a longer form than needed')
})
