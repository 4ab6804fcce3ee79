// Makes test vectors, sound and broken. All that is random elsewhere comes from a seed, and nothing of
// lib/ is used: this is the format once more, written from docs/format.md, so that the vectors do not
// check the product against itself.
import { createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'
import { type Outcome, plainOf, sha256, type Vector } from './vector.ts'

const SEED = 'coffer/v2 vectors'
const RECORD_BYTES = 65536

/** `length` bytes that depend on the seed and the label alone. */
export function seeded(label: string, length: number): Buffer {
  return createHash('sha512').update(`${SEED} ${label}`).digest().subarray(0, length)
}

export function gcm(
  key: Buffer,
  nonce: Buffer,
  plain: Buffer,
  associated: Buffer = Buffer.alloc(0),
): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associated)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** An unsigned integer, big-endian. */
export const be = (value: number | bigint, bytes: number) =>
  Buffer.from(
    BigInt(value)
      .toString(16)
      .padStart(bytes * 2, '0'),
    'hex',
  )

/** Record `index` under a blob key. */
export function sealRecord(key: Buffer, index: number, final: boolean, plain: Buffer): Buffer {
  return gcm(key, Buffer.concat([Buffer.of(final ? 1 : 0, 0, 0, 0), be(index, 8)]), plain)
}

export function blobKey(bodyKey: Buffer, id: string, part: number): Buffer {
  const message = Buffer.concat([
    Buffer.from('coffer/v2 blob'),
    Buffer.from(id, 'hex'),
    be(part, 4),
  ])
  return createHmac('sha256', bodyKey).update(message).digest()
}

/** All records of a blob of these bytes. */
export function sealBlob(key: Buffer, plain: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(plain.length / RECORD_BYTES))
  return Array.from({ length: count }, (_, i) => {
    const piece = plain.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES)
    return sealRecord(key, i, i === count - 1, piece)
  })
}

/** What a vector is made from. Parts: number and size of each segment; a plain body is part 1 alone. */
export interface Recipe {
  about: string
  kind?: number
  rootKeyId?: string
  /** 1 where there are parts or the wrap does not say the size, else 0; unless given. */
  shape?: number
  account?: string
  container?: string
  object?: string
  parts?: readonly (readonly [part: number, size: number])[]
  size?: number
  /** What the wrap says of the size: the truth, unless given. */
  wrappedSize?: number | bigint | null
  md5?: boolean
  inline?: boolean
}

/** The context hash, as intermediate value of the worked example. */
export function contextOf(
  v: Pick<
    Vector,
    'kind' | 'rootKeyId' | 'shape' | 'versionId' | 'account' | 'container' | 'object'
  >,
) {
  const names = [v.rootKeyId, v.versionId, v.account, v.container, v.object]
  const texts = names.map((name) => Buffer.from(name, 'utf8'))
  const fields = [Buffer.of(v.kind), ...texts, Buffer.of(v.shape)]
  const framed = fields.flatMap((field) => [be(field.length, 4), field])
  return createHash('sha256')
    .update(Buffer.concat([Buffer.from('coffer/v2 context'), ...framed]))
    .digest()
}

/** HKDF's 64 bytes: KEK ‖ commitment. */
export function expandKey(key: Buffer, salt: Buffer, context: Buffer): Buffer {
  const info = Buffer.concat([Buffer.from('coffer/v2 wrap'), context])
  return Buffer.from(hkdfSync('sha256', key, salt, info, 64))
}

/** A sound vector. `name` seeds its randomness. */
export function makeVector(name: string, recipe: Recipe): Vector {
  const size = recipe.size ?? 0
  const parts = recipe.parts ?? [[1, size] as const]
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0)
  const seed = seeded(`${name} plain`, 1)[0]!
  const plain = plainOf(seed, total)
  const bodyKey = seeded(`${name} body key`, 32)
  let at = 0
  const blobs = parts.map(([part, bytes]) => {
    const id = seeded(`${name} blob ${part}`, 16).toString('hex')
    const sealed = sealBlob(blobKey(bodyKey, id, part), plain.subarray(at, at + bytes))
    at += bytes
    return { id, part, size: bytes, records: sealed.length, sealed }
  })
  const wrappedSize = recipe.wrappedSize === undefined ? total : recipe.wrappedSize
  const md5 = recipe.md5 ? createHash('md5').update(plain).digest() : null
  const head = {
    key: seeded(`${name} key`, 32),
    kind: recipe.kind ?? 2,
    rootKeyId: recipe.rootKeyId ?? '',
    shape: recipe.shape ?? (recipe.parts !== undefined || wrappedSize === null ? 1 : 0),
    versionId: seeded(`${name} version`, 16).toString('hex'),
    account: recipe.account ?? 'test',
    container: recipe.container ?? 'photos',
    object: recipe.object ?? '2026/summer.jpg',
    salt: seeded(`${name} salt`, 32),
  }
  const okm = expandKey(head.key, head.salt, contextOf(head))
  const secret = Buffer.concat([
    bodyKey,
    be(wrappedSize ?? 0xffffffffffffffffn, 8),
    md5 ?? Buffer.alloc(0),
  ])
  return {
    about: recipe.about,
    expect: 'success',
    ...head,
    commitment: okm.subarray(32),
    wrapped: gcm(okm.subarray(0, 32), Buffer.alloc(12), secret),
    secret: { bodyKey, size: wrappedSize === null ? null : Number(wrappedSize), md5 },
    plain: { seed, size: total },
    released: total,
    blobs: blobs.map(({ id, part, size, records }) => ({ id, part, size, records })),
    sealed: recipe.inline === false ? undefined : blobs.map(({ sealed }) => sealed),
    sealedSha256: blobs.map(({ sealed }) => sha256(...sealed)),
  }
}

/** A vector with one thing wrong. Where the envelope must not open, its content is left out. */
export function breakVector(
  vector: Vector,
  about: string,
  expect: Outcome,
  released: number,
  change: Partial<Vector>,
): Vector {
  const opens = expect === 'corrupt record' || expect === 'corrupt size'
  const broken = { ...vector, ...change, about, expect, released }
  return {
    ...broken,
    secret: opens ? broken.secret : undefined,
    sealedSha256: broken.sealed!.map((records) => sha256(...records)),
  }
}
