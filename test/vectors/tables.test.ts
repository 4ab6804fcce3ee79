// The published tables: locators, headers of volumes, completion keys, sealed checksums and backups. The server and
// `coffer decrypt`, which share no code, end as each vector says.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openBackup as openBackupOffline } from '../../bin/decrypt/backup.ts'
import { Failure } from '../../bin/decrypt/failure.ts'
import * as offline from '../../bin/decrypt/sealed.ts'
import { locatedNumbers, parseHeader } from '../../bin/decrypt/volumes.ts'
import { decodeHeader, encodeHeader, readHeader } from '../../lib/blobs/header.ts'
import { decodePiece } from '../../lib/blobs/locator.ts'
import { openBackup } from '../../lib/catalog/backup.ts'
import { deriveCompletionKeys } from '../../lib/crypto/keys.ts'
import { type LateContext, lateCipher } from '../../lib/crypto/late.ts'
import { sealPart } from '../../lib/crypto/part-list.ts'
import { openChecksum } from '../../lib/crypto/sealed-checksum.ts'
import { isCode } from '../../lib/errors.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import { FormatUnread } from '../../lib/format-version.ts'

const bytes = (hex: string) => Buffer.from(hex, 'hex')

function tableOf<T>(name: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8')) as T
}

interface Vector {
  readonly about: string
  readonly expect: string
}

/** How a reading ended, and what it gave. */
async function ending<T>(read: () => T | Promise<T>): Promise<{ outcome: string; value?: T }> {
  try {
    return { outcome: 'success', value: await read() }
  } catch (error) {
    if (error instanceof FormatUnread) return { outcome: 'other version' }
    if (error instanceof FileInvalid || isCode(error, 'StoreCorrupt')) return { outcome: 'corrupt' }
    if (!(error instanceof Failure)) throw error
    return { outcome: error.exit === 'damaged' ? 'corrupt' : 'other version' }
  }
}

/** Both readers end a vector as it says; `value` is what a sound one gives. */
async function both<V extends Vector, T>(
  t: Test,
  vector: V,
  value: T,
  readers: Record<'server' | 'decrypt', () => T | Promise<T>>,
): Promise<void> {
  for (const [name, read] of Object.entries(readers)) {
    const end = await ending(read)
    t.equal(end.outcome, vector.expect, `${name}: ${vector.about}`)
    if (end.outcome === 'success') t.same(end.value, value, `${name}: ${vector.about}`)
  }
}

/** Every table has sound vectors and broken ones. */
function isTable(t: Test, vectors: readonly Vector[], ...outcomes: readonly string[]): void {
  t.same([...new Set(vectors.map(({ expect }) => expect))].sort(), [...outcomes].sort())
}

t.test('locators', async (t) => {
  type Locator = Vector & { piece: string; runs?: [number, number][] }
  const { vectors } = tableOf<{ vectors: Locator[] }>('locators')
  isTable(t, vectors, 'success', 'corrupt')
  for (const vector of vectors) {
    const { piece, runs = [] } = vector
    const numbers = runs.flatMap(([first, count]) =>
      Array.from({ length: count }, (_, i) => first + i),
    )
    await both(t, vector, numbers, {
      server: () =>
        decodePiece(bytes(piece)).flatMap(({ first, length }) =>
          Array.from({ length }, (_, i) => first + i),
        ),
      decrypt: () => [...locatedNumbers(bytes(piece))],
    })
  }
})

t.test('headers of volumes', async (t) => {
  interface Header extends Vector {
    readonly number: number
    readonly value: string
    readonly sealed: boolean
    readonly volume: string
    readonly catalog: string
    readonly commitNumber: number
  }
  const { vectors } = tableOf<{ vectors: Header[] }>('headers')
  isTable(t, vectors, 'success', 'damaged', 'other version')
  for (const vector of vectors) {
    const { number, value, sealed, volume, catalog, commitNumber } = vector
    // A damaged header is no reason to refuse a volume: each record proves itself.
    const isSound = vector.expect === 'success'
    const expect = vector.expect === 'damaged' ? 'success' : vector.expect
    const header = { sealed, volume, catalog, commitNumber }
    await both(t, { ...vector, expect }, isSound ? header : undefined, {
      server: () => readHeader(bytes(value), number, 'a volume'),
      decrypt: () => {
        const { isSealed, ...rest } = parseHeader(bytes(value), number) ?? {}
        return isSealed === undefined ? undefined : ({ sealed: isSealed, ...rest } as typeof header)
      },
    })
    if (!isSound) continue
    t.same(decodeHeader(bytes(value), number), header)
    t.equal(encodeHeader(header, number).toString('hex'), value, 'the server writes the same')
  }
})

t.test('what the completion of an upload needs', async (t) => {
  interface LateVector extends Vector, LateContext {
    readonly rootKeyId: string
    readonly salt: string
    readonly commitment: string
    readonly wrapped: string
    readonly completionKey: string
    readonly checksumKey: string
  }
  const { rootKeys, vectors } = tableOf<{
    rootKeys: Record<string, string>
    vectors: LateVector[]
  }>('late')
  isTable(t, vectors, 'success', 'corrupt')
  const cipher = lateCipher({ active: 'k1', key: (id) => bytes(rootKeys[id]!) })
  for (const vector of vectors) {
    const { rootKeyId, completionKey, checksumKey } = vector
    const [salt, commitment, wrapped] = [vector.salt, vector.commitment, vector.wrapped].map(
      bytes,
    ) as [Buffer, Buffer, Buffer]
    // The decrypt program reads no uploads; this key's other reader is the generator of these vectors.
    const { outcome, value } = await ending(() => {
      return cipher.unwrap(vector, { rootKeyId, salt, commitment, wrapped })
    })
    t.equal(outcome, vector.expect, vector.about)
    if (value === undefined) continue
    t.equal(value.completionKey.toString('hex'), completionKey)
    t.equal(value.checksumKey.toString('hex'), checksumKey)
  }
})

t.test('sealed checksums, and the seals of parts', async (t) => {
  interface Checksum extends Vector {
    readonly part: number
    readonly id: string
    readonly algorithm: string
    readonly type: string
    readonly value: string
    readonly text?: string
  }
  const table = tableOf<{
    bodyKey: string
    body: string
    completionKey: string
    checksumKey: string
    partSeals: { part: number; size: number; blob: string; etag: string; seal: string }[]
    vectors: Checksum[]
  }>('seals')
  const { body, vectors } = table
  isTable(t, vectors, 'success', 'corrupt')
  const keys = deriveCompletionKeys(bytes(table.bodyKey), body)
  t.equal(keys.completionKey.toString('hex'), table.completionKey)
  t.equal(keys.checksumKey.toString('hex'), table.checksumKey)
  t.equal(offline.completionKeyOf(bytes(table.bodyKey), body).toString('hex'), table.completionKey)
  const checksumKey = offline.checksumKeyOf(bytes(table.bodyKey), body)
  t.equal(checksumKey.toString('hex'), table.checksumKey)
  for (const vector of vectors) {
    const value = bytes(vector.value)
    await both(t, vector, vector.text, {
      server: () => openChecksum(keys.checksumKey, vector, value),
      decrypt: () => offline.openChecksum(checksumKey, vector, value),
    })
  }
  t.ok(table.partSeals.length > 0)
  for (const { seal, ...part } of table.partSeals) {
    t.equal(sealPart(keys.completionKey, part).toString('hex'), seal)
  }
})

t.test('backups of the catalog', async (t) => {
  type Backup = Vector & { file: string; catalogId?: string; rows?: Record<string, string> }
  const { vectors } = tableOf<{ vectors: Backup[] }>('backups')
  isTable(t, vectors, 'success', 'corrupt', 'other version')
  const file = join(t.testdir(), 'backup')
  for (const vector of vectors) {
    writeFileSync(file, bytes(vector.file))
    const { catalogId, rows } = vector
    await both(
      t,
      vector,
      { catalogId, rows },
      {
        async server() {
          const backup = await openBackup(file)
          const found: Record<string, string> = {}
          try {
            for await (const page of backup.pages()) {
              for (const { key, framed } of page) found[key] = framed.toString('hex')
            }
          } finally {
            await backup.close()
          }
          return { catalogId: backup.header.catalogId, rows: found }
        },
        async decrypt() {
          const backup = await openBackupOffline(file)
          const found: Record<string, string> = {}
          for await (const [key, value] of backup.rows.below(Buffer.from('bucket/'))) {
            found[key.toString()] = value.toString('hex')
          }
          await backup.rows.close()
          return { catalogId: backup.catalogId, rows: found }
        },
      },
    )
  }
})
