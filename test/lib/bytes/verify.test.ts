// A body shows its end only when it is all that was claimed.
import { createHash } from 'node:crypto'
import t from 'tap'
import { digestOnce } from '../../../lib/bytes/digests.ts'
import { type Claims, noPieces, VerifiedSource } from '../../../lib/bytes/verify.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const md5 = (text: string) => createHash('md5').update(text).digest()

/** Reads a body of these pieces; the code it ends with, or its text. */
async function read(texts: readonly string[], claims: Claims): Promise<string> {
  const left = [...texts]
  const source = new VerifiedSource(
    {
      read: async () => {
        const text = left.shift()
        return text === undefined ? undefined : Buffer.from(text)
      },
    },
    claims,
  )
  let whole = ''
  try {
    for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
      whole += piece
    }
    return (await source.read()) === undefined ? whole : 'more after the end'
  } catch (error) {
    const again = await source.read().catch((same) => same)
    return again === error ? (error as { code: string }).code : 'another error'
  }
}

t.test('a body that is as claimed is read to its end', async (t) => {
  for (const texts of [[], ['hello'], ['he', 'l', 'lo'], ['hello world']]) {
    const whole = texts.join('')
    const claims: Claims = {
      length: whole.length,
      md5: md5(whole),
      sha256: sha256(whole),
      checksum: {
        algorithm: 'crc64nvme',
        value: () => digestOnce('crc64nvme', Buffer.from(whole)),
      },
    }
    t.equal(await read(texts, claims), whole)
    t.equal(await read(texts, {}), whole)
  }
})

t.test('whatever is not as claimed is refused at the end', async (t) => {
  const cases: [Claims, string][] = [
    [{ length: 4 }, 'BodyTruncated'],
    [{ length: 6 }, 'BodyTruncated'],
    [{ length: 0 }, 'BodyTruncated'],
    [{ sha256: sha256('other') }, 'PayloadHashMismatch'],
    [{ md5: md5('other') }, 'DigestMismatch'],
    [{ checksum: { algorithm: 'crc32', value: () => Buffer.alloc(4) } }, 'ChecksumMismatch'],
    [{ checksum: { algorithm: 'sha256', value: () => Buffer.alloc(0) } }, 'ChecksumMismatch'],
  ]
  for (const [claims, code] of cases) t.equal(await read(['he', 'llo'], claims), code)
  t.equal(await read([], { length: 1 }), 'BodyTruncated')
  t.equal(await read([], { sha256: sha256('x') }), 'PayloadHashMismatch')
})

t.test('errors tell what was computed', async (t) => {
  const source = new VerifiedSource(noPieces, { md5: md5('other') })
  const error = await source.read().catch((thrown) => thrown)
  t.strictSame(error.details, {
    expected: md5('other').toString('base64'),
    computed: md5('').toString('base64'),
  })
})

t.test('the service may want digests of its own, before it reads', async (t) => {
  const source = new VerifiedSource(noPieces, { length: 0 })
  source.want('md5')
  source.want('md5')
  t.equal(source.length, 0)
  t.equal(await source.read(), undefined)
  t.ok(source.digest('md5').equals(md5('')))
  t.throws(() => source.digest('sha1'), { code: 'Internal' })
})

t.test('an error of the connection passes, and stays', async (t) => {
  let reads = 0
  const source = new VerifiedSource(
    { read: () => Promise.reject(new Error(`failure ${++reads}`)) },
    {},
  )
  await t.rejects(source.read(), { message: 'failure 1' })
  await t.rejects(source.read(), { message: 'failure 1' })
})
