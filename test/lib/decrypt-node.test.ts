// The offline decrypt program on what a real node stored: the server writes, closes, and the program that
// shares no code with it gives back the same bytes.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exitCodes } from '../../bin/decrypt/failure.ts'
import { main } from '../../bin/decrypt.ts'
import type { DigestName, Source } from '../../lib/bytes/source.ts'
import { openCoffer } from '../../lib/coffer.ts'
import { type Config, defaultConfig } from '../../lib/config/config.ts'
import { type Cipher, customerCipher } from '../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { makeLog } from '../../lib/log.ts'
import { askerOf } from '../helpers/asker.ts'
import { chosenFormat } from '../helpers/format-choice.ts'
import { plainOf } from '../vectors/vector.ts'

const customerBytes = Buffer.alloc(32, 0x21)
const rootBytes = Buffer.alloc(32, 0x7e)
const caller = askerOf({ account: 'test', user: 'tester', roles: ['admin'] })
const container = { account: 'test', container: 'photos' }
const named = (object: string) => ({ ...container, object })

/** A source of these bytes in pieces, as a request would bring them. */
function sourceOf(bytes: Buffer, pieceBytes = 60000): Source {
  let at = 0
  return {
    length: bytes.length,
    want() {},
    async read() {
      if (at === bytes.length) return undefined
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, bytes.length - at))
      bytes.copy(piece, 0, at)
      at += piece.length
      return piece
    },
    digest(name: DigestName) {
      return createHash(name).update(bytes).digest()
    },
  }
}

/** Opens a node on `data`, runs `work` on its service, and closes it. */
async function onNode(
  data: string,
  work: (node: Awaited<ReturnType<typeof openCoffer>>) => Promise<void>,
) {
  const base = defaultConfig()
  const config: Config = {
    ...base,
    data,
    devices: [join(data, 'volumes')],
    storage: {
      ...base.storage,
      volumeFormat: chosenFormat(),
      reserveBytes: 0,
      writeBufferBytes: 4 << 20,
    },
  }
  const keyring = { active: 'k1', key: (id: string) => (id === 'k1' ? rootBytes : undefined) }
  const node = await openCoffer({ config, keyring, log: makeLog('error') })
  try {
    await work(node)
  } finally {
    await node.close()
  }
}

/** Runs the program; gives its exit code, what it complained of and what it wrote. */
async function decrypt(dir: string, out: string, object: string, ...args: string[]) {
  const name = ['--account', 'test', '--container', 'photos', '--object', object]
  const complaints: string[] = []
  const write = process.stderr.write
  process.stderr.write = ((text: string) => complaints.push(text) > 0) as typeof write
  try {
    const file = join(dir, out)
    const code = await main(['--data', join(dir, 'data'), ...name, ...args, '--out', file])
    return { code, said: complaints.join(''), bytes: existsSync(file) ? readFileSync(file) : null }
  } finally {
    process.stderr.write = write
  }
}

/** Writes the two kinds of key into files; gives the arguments that name them. */
function keyArguments(dir: string) {
  const [key, keyring] = [join(dir, 'key'), join(dir, 'keyring')]
  writeFileSync(key, customerBytes)
  writeFileSync(keyring, `active: k1\nkeys: { k1: "${rootBytes.toString('base64')}" }\n`)
  return { customer: ['--key-file', key], root: ['--keyring', keyring] }
}

t.test('what a node stored comes back without the node', async (t) => {
  const dir = t.testdir({ data: {} })
  const data = join(dir, 'data')
  const customer = customerCipher(new CustomerKey(customerBytes))
  const bodies = new Map<string, Buffer>()
  await onNode(data, async ({ service, rootCipher }) => {
    await service.createContainer(caller, container, { indexed: true })
    const fields = { headers: {}, metadata: { colour: 'blue' } }
    const put = async (object: string, cipher: Cipher, bytes: Buffer) => {
      bodies.set(object, bytes)
      const input = { source: sourceOf(bytes), cipher, sealMd5: true, ...fields }
      await service.put(caller, named(object), input)
    }
    for (const size of [0, 1, 8192, 8193, 65536, 65537, 1000000]) {
      await put(`customer/${size}`, customer, plainOf(size, size))
      await put(`root/${size}`, rootCipher, plainOf(size, size))
    }
    for (const cipher of [customer, rootCipher]) {
      const ref = named(`${cipher.sealing}/parts`)
      const { uploadId } = await service.createUpload(caller, ref, { cipher, ...fields })
      const parts = [plainOf(1, 5 << 20), plainOf(2, 65537), plainOf(3, 100)]
      const listed: { part: number; etag: string }[] = []
      for (const [i, part] of [2, 5, 9].entries()) {
        const source = sourceOf(parts[i]!)
        const { etag } = await service.putPart(caller, ref, uploadId, part, { source, cipher })
        // Part 9 is not listed: it is no part of the object.
        if (part !== 9) listed.push({ part, etag })
      }
      await service.completeUpload(caller, ref, uploadId, { parts: listed })
      bodies.set(ref.object, Buffer.concat(parts.slice(0, 2)))
    }
    for (const [to, from] of [
      ['customer/copy', 'customer/1000000'],
      ['root/\u0000 copy \u{1f5dd}', 'root/65537'],
    ] as const) {
      const cipher = to.startsWith('root') ? rootCipher : customer
      await service.copy(caller, named(to), {
        from: named(from),
        fromCipher: cipher,
        cipher,
        changesSelf: false,
      })
      bodies.set(to, bodies.get(from)!)
    }
  })
  const keys = keyArguments(dir)
  let count = 0
  for (const [object, bytes] of bodies) {
    const key = object.startsWith('root/') ? keys.root : keys.customer
    const result = await decrypt(dir, `out${count++}`, object, ...key)
    t.equal(result.code, 0, `${object} ${result.said}`)
    t.ok(result.bytes?.equals(bytes), object)
  }
  t.equal(count, 18)
})

t.test(
  'every version that was kept comes back by its id, and a delete marker says so',
  async (t) => {
    const dir = t.testdir({ data: {} })
    const customer = customerCipher(new CustomerKey(customerBytes))
    const versions: { id: string; cipher: Cipher; bytes: Buffer }[] = []
    let marker = ''
    await onNode(join(dir, 'data'), async ({ service, rootCipher }) => {
      await service.createContainer(caller, container, { indexed: true })
      const put = async (cipher: Cipher, size: number) => {
        const bytes = plainOf(size, size)
        const source = sourceOf(bytes)
        const fields = { headers: {}, metadata: {}, deleteAtSeconds: 9_999_999_999 }
        const info = await service.put(caller, named('o'), { source, cipher, ...fields })
        versions.push({ id: info.versionId, cipher, bytes })
      }
      await put(customer, 70_000)
      await service.updateContainer(caller, container, { versioning: 'enabled' })
      await put(rootCipher, 100)
      await put(customer, 200_000)
      const removed = await service.delete(caller, named('o'), { promote: true })
      marker = removed.versionId!
    })
    const keys = keyArguments(dir)
    t.equal(versions[0]!.id, 'null')
    for (const { id, cipher, bytes } of versions) {
      const key = cipher.sealing === 'root' ? keys.root : keys.customer
      const result = await decrypt(dir, `out-${id}`, 'o', ...key, '--version', id)
      t.equal(result.code, 0, `${id} ${result.said}`)
      t.ok(result.bytes?.equals(bytes), id)
    }
    for (const version of [[], ['--version', marker]]) {
      const result = await decrypt(dir, 'none', 'o', ...keys.root, ...version)
      const said = /that version is a delete marker/
      t.match(result, { code: exitCodes.missing, said, bytes: null })
    }
  },
)

t.test(
  'what is suspended replaces the null version, and older versions still come back',
  async (t) => {
    const dir = t.testdir({ data: {} })
    let kept = ''
    await onNode(join(dir, 'data'), async ({ service, rootCipher: cipher }) => {
      await service.createContainer(caller, container, { indexed: true })
      const put = (text: string) => {
        const source = sourceOf(Buffer.from(text))
        return service.put(caller, named('o'), { source, cipher, headers: {}, metadata: {} })
      }
      await put('before')
      await service.updateContainer(caller, container, { versioning: 'enabled' })
      kept = (await put('kept')).versionId
      await service.updateContainer(caller, container, { versioning: 'suspended' })
      await put('replaced')
      await put('null')
    })
    const { root } = keyArguments(dir)
    for (const [i, [args, text]] of (
      [
        [[], 'null'],
        [['--version', 'null'], 'null'],
        [['--version', kept], 'kept'],
      ] as const
    ).entries()) {
      const result = await decrypt(dir, `out${i}`, 'o', ...root, ...args)
      t.match(result, { code: 0, bytes: Buffer.from(text) }, `${args.join(' ')} ${result.said}`)
    }
  },
)
