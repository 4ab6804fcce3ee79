// The published objects, read by the service of a node and by `coffer decrypt`, which share no code: both end as the vector
// says, and what is broken gives out no byte.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import t from 'tap'
import { exitCodes } from '../../bin/decrypt/failure.ts'
import { main } from '../../bin/decrypt.ts'
import { openCoffer } from '../../lib/coffer.ts'
import { type Config, defaultConfig } from '../../lib/config/config.ts'
import { customerCipher } from '../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { isCode } from '../../lib/errors.ts'
import { makeLog } from '../../lib/log.ts'
import { askerOf } from '../helpers/asker.ts'
import { encode } from './cbor.ts'
import type { ObjectVector } from './objects.ts'
import type { ObjectOutcome } from './objects-case.ts'
import { frame } from './objects-make.ts'

const file = join(import.meta.dirname, 'objects.json')
const { account, catalogId, container, customerKey, rootKeys, objects } = JSON.parse(
  readFileSync(file, 'utf8'),
) as {
  account: string
  catalogId: string
  container: string
  customerKey: string
  rootKeys: Record<string, string>
  objects: ObjectVector[]
}
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const asker = askerOf({ account, user: 'tester', roles: ['admin'] })

interface Reading {
  readonly outcome: ObjectOutcome | string
  readonly bytes: Buffer
}

const keyring = {
  active: 'k1',
  key: (id: string) =>
    Object.hasOwn(rootKeys, id) ? Buffer.from(rootKeys[id]!, 'hex') : undefined,
}

function openNode(data: string) {
  const base = defaultConfig()
  const storage = { ...base.storage, reserveBytes: 0, writeBufferBytes: 4 << 20 }
  const config: Config = { ...base, data, devices: [join(data, 'volumes')], storage }
  return openCoffer({ config, keyring, log: makeLog('silent') })
}

/** A stopped node's data with the rows of every object in its catalog, as whoever writes it can put them there. */
async function makeData(data: string): Promise<void> {
  const node = await openNode(data)
  await node.service.createContainer(asker, { account, container }, { indexed: false })
  await node.close()
  const db = new ClassicLevel<string, Buffer>(join(data, 'catalog'), {
    valueEncoding: 'buffer',
    compression: false,
  })
  for (const { rows } of objects) {
    for (const [key, hex] of Object.entries(rows)) await db.put(key, Buffer.from(hex, 'hex'))
  }
  // MACs of versions are bound to this catalog.
  await db.put('meta', frame('meta', encode([2, catalogId, 1000])))
  await db.close()
}

type Node = Awaited<ReturnType<typeof openNode>>

async function readOnNode(node: Node, { name, kind }: ObjectVector): Promise<Reading> {
  const pieces: Buffer[] = []
  const end = (outcome: Reading['outcome']) => ({ outcome, bytes: Buffer.concat(pieces) })
  const customer = customerCipher(new CustomerKey(Buffer.from(customerKey, 'hex')))
  const cipher = kind === 'root' ? node.rootCipher : customer
  try {
    const ref = { account, container, object: name }
    const reader = await node.service.get(asker, ref, { cipher })
    try {
      for (let piece = await reader.read(); piece; piece = await reader.read()) pieces.push(piece)
    } finally {
      reader.close()
    }
    return end('success')
  } catch (error) {
    if (isCode(error, 'KeyWrong')) return end('wrong key')
    if (isCode(error, 'StoreCorrupt')) return end('corrupt')
    const { message } = error as Error
    return end(/^layout \d of a row /.test(message) ? 'other layout' : String(error))
  }
}

const outcomes: Record<number, ObjectOutcome> = {
  [exitCodes.done]: 'success',
  [exitCodes.failed]: 'other layout',
  [exitCodes.wrongKey]: 'wrong key',
  [exitCodes.damaged]: 'corrupt',
}

async function readWithout(dir: string, { name, kind }: ObjectVector): Promise<Reading> {
  const key = kind === 'root' ? ['--keyring', join(dir, 'ring')] : ['--key-file', join(dir, 'key')]
  const object = ['--account', account, '--container', container, '--object', name]
  const out = join(dir, `out-${name}`)
  const { write } = process.stderr
  process.stderr.write = (() => true) as typeof write
  try {
    const code = await main(['--data', join(dir, 'data'), ...object, ...key, '--out', out])
    const bytes = existsSync(out) ? readFileSync(out) : Buffer.alloc(0)
    return { outcome: outcomes[code] ?? `exit code ${code}`, bytes }
  } finally {
    process.stderr.write = write
  }
}

t.test('a node and the decrypt program read every published object to the same end', async (t) => {
  const dir = t.testdir({ data: {} })
  writeFileSync(join(dir, 'key'), Buffer.from(customerKey, 'hex'))
  const keys = Object.entries(rootKeys).map(([id, hex]) => {
    return `${id}: "${Buffer.from(hex, 'hex').toString('base64')}"`
  })
  writeFileSync(join(dir, 'ring'), `active: k1\nkeys: { ${keys} }\n`)
  await makeData(join(dir, 'data'))
  const node = await openNode(join(dir, 'data'))
  const onNode = new Map<string, Reading>()
  try {
    for (const vector of objects) onNode.set(vector.name, await readOnNode(node, vector))
  } finally {
    await node.close()
  }
  for (const vector of objects) {
    const { name, about, expect } = vector
    const served = onNode.get(name)!
    const decrypted = await readWithout(dir, vector)
    // A node gives out what it has opened before it could compare all of it.
    const onlyWhole = expect === 'content'
    t.equal(served.outcome, onlyWhole ? 'success' : expect, `node: ${name}: ${about}`)
    t.equal(decrypted.outcome, onlyWhole ? 'corrupt' : expect, `decrypt: ${name}: ${about}`)
    if (expect === 'success') {
      for (const { bytes } of [served, decrypted]) {
        t.same([bytes.length, sha256(bytes)], [vector.size, vector.sha256], name)
      }
    } else {
      t.equal(decrypted.bytes.length, 0, name)
      if (!onlyWhole) t.equal(served.bytes.length, 0, name)
    }
  }
  t.ok(objects.length > 80, `${objects.length} objects`)
})
