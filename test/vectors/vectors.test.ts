// The product against the published vectors: each sound one is made bit by bit and opened, each broken
// one fails in the way that it names, having given out no more than it may. A second reader of the same
// files is the offline decrypt program (test/lib/decrypt.test.ts).
import { readdirSync, readFileSync, statSync } from 'node:fs'
import t from 'tap'
import { customerCipher, rootCipher } from '../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import {
  type BodySecret,
  type Envelope,
  type Shape,
  unwrap,
  wrap,
} from '../../lib/crypto/envelope.ts'
import { deriveBlobKey } from '../../lib/crypto/keys.ts'
import { recordCount } from '../../lib/crypto/records.ts'
import { blobKeyObject, openRecord, Sealer } from '../../lib/crypto/seal.ts'
import { CofferError, isCode } from '../../lib/errors.ts'
import { type Outcome, outcomes, parseVector, plainOf, sha256, type Vector } from './vector.ts'
import { isVectorFile, vectorFiles } from './write.ts'

const folder = import.meta.dirname
const files = readdirSync(folder).filter(isVectorFile)
const vectors = files
  .filter((file) => file.endsWith('.vec'))
  .map((file) => {
    return [file, parseVector(readFileSync(`${folder}/${file}`, 'utf8'))] as const
  })

const contextOf = ({ versionId, account, container, object }: Vector) => {
  return { versionId, account, container, object }
}

/** The records of each blob, sealed by the product. */
async function seal(vector: Vector, secret: Pick<BodySecret, 'bodyKey'>): Promise<Buffer[][]> {
  const plain = plainOf(vector.plain.seed, vector.plain.size)
  const sealed: Buffer[][] = []
  let at = 0
  for (const blob of vector.blobs) {
    const records: Buffer[] = []
    const sealer = new Sealer(deriveBlobKey(secret.bodyKey, blob.id, blob.part), {
      write(slab, length) {
        records.push(Buffer.from(slab.subarray(0, length)))
        return undefined
      },
    })
    if (blob.size > 0) sealer.write(plain.subarray(at, at + blob.size))
    t.same(await sealer.finish(), { size: blob.size, records: blob.records })
    at += blob.size
    sealed.push(records)
  }
  return sealed
}

/** Reads as a streaming reader does: what came out before the end, and how it ended. */
function read(vector: Vector, sealed: readonly (readonly Buffer[])[]) {
  const out: Buffer[] = []
  const end = (outcome: Outcome) => ({ outcome, out: Buffer.concat(out) })
  let secret: BodySecret
  try {
    const { kind, rootKeyId, shape, salt, commitment, wrapped } = vector
    const envelope = { kind, rootKeyId, shape, salt, commitment, wrapped } as Envelope
    // As the service does, for a root key that the row names and for a key that the client brought.
    const isRoot = kind !== 2
    const keyring = { active: 'k', key: () => vector.key }
    const cipher = isRoot ? rootCipher(keyring) : customerCipher(new CustomerKey(vector.key))
    secret = cipher.unwrap(contextOf(vector), envelope)
  } catch (error) {
    if (isCode(error, 'KeyWrong')) return end('wrong key')
    if (isCode(error, 'StoreCorrupt')) return end('corrupt envelope')
    throw error
  }
  const total = vector.blobs.reduce((sum, { size }) => sum + size, 0)
  if (secret.size !== null && secret.size !== total) return end('corrupt size')
  for (const [i, blob] of vector.blobs.entries()) {
    const key = deriveBlobKey(secret.bodyKey, blob.id, blob.part)
    for (let index = 0; index < blob.records; index++) {
      const record = sealed[i]![index]
      if (record === undefined) return end('corrupt record')
      try {
        out.push(openRecord(blobKeyObject(key), index, index === blob.records - 1, record))
      } catch (error) {
        if (error instanceof CofferError) return end('corrupt record')
        throw error
      }
    }
  }
  return end('success')
}

t.test('the committed vectors are what the generator makes, no more and no fewer', async (t) => {
  const made = vectorFiles()
  t.same([...made.keys()].sort(), [...files].sort())
  for (const file of files) {
    t.ok(made.get(file) === readFileSync(`${folder}/${file}`, 'utf8'), `npm run vectors: ${file}`)
  }
  const bytes = files.reduce((sum, file) => sum + statSync(`${folder}/${file}`).size, 0)
  t.ok(bytes < 2e6, `${bytes} bytes of vectors`)
})

t.test('each outcome and each kind of failure has a vector', async (t) => {
  t.same([...new Set(vectors.map(([, { expect }]) => expect))].sort(), [...outcomes].sort())
  t.ok(vectors.some(([, { object }]) => Buffer.byteLength(object) === 1024))
})

for (const [file, vector] of vectors) {
  t.test(`${file} ends in ${vector.expect}: ${vector.about}`, async (t) => {
    const sealed = vector.sealed ?? (await seal(vector, vector.secret!))
    t.same(
      sealed.map((records) => sha256(...records)),
      vector.sealedSha256,
    )
    const { outcome, out } = read(vector, sealed)
    t.equal(outcome, vector.expect)
    t.equal(out.length, vector.released)
    t.ok(out.equals(plainOf(vector.plain.seed, vector.plain.size).subarray(0, out.length)))
  })
}

t.test('the product wraps and seals every sound vector to the same bytes', async (t) => {
  for (const [file, vector] of vectors.filter(([, { expect }]) => expect === 'success')) {
    const { key, kind, rootKeyId, salt, commitment, wrapped } = vector
    const shape = vector.shape as Shape
    const secret = { ...vector.secret!, shape }
    const envelope = wrap(key, kind as 1 | 2, rootKeyId, contextOf(vector), secret, salt)
    t.same(envelope, { kind, rootKeyId, shape, salt, commitment, wrapped }, file)
    t.same(unwrap(key, contextOf(vector), envelope), secret, file)
    t.same(
      vector.blobs.map(({ records }) => records),
      vector.blobs.map(({ size }) => recordCount(size)),
    )
    if (vector.sealed === undefined) continue
    const sealed = await seal(vector, secret)
    t.same(
      sealed.map((records) => sha256(...records)),
      vector.sealedSha256,
      file,
    )
  }
})
