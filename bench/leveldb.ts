// The reference for writes: LevelDB alone, with the options of volumes and catalog (lib/blobs, lib/catalog). It
// stores what a node stores in them.
import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { PUTS_MAX } from '../lib/blobs/level/puts.ts'
import { release } from '../lib/bytes/release.ts'
import { TRAILER_BYTES } from '../lib/bytes/slab.ts'
import { RECORD_BYTES, TAG_BYTES } from '../lib/crypto/records.ts'
import { classicEngine, type Database } from '../lib/leveldb/engine.ts'
import { answerMessages } from './child.ts'

export type LevelJob =
  | { readonly kind: 'open'; readonly dir: string }
  /** Records of full size under growing keys, as in a volume. */
  | { readonly kind: 'records'; readonly count: number }
  /** The same records again, from the first on, as a volume reads them: a few are read ahead. */
  | { readonly kind: 'reads'; readonly count: number }
  /** Synced batches of small rows, as the catalog's group commit writes them. */
  | { readonly kind: 'batches'; readonly rows: number; readonly seconds: number }

export interface LevelResult {
  readonly count: number
  readonly seconds: number
}

const VOLUME_BUFFER_BYTES = 64 << 20
const CATALOG_BUFFER_BYTES = 16 << 20
const VALUE_BYTES = RECORD_BYTES + TAG_BYTES + TRAILER_BYTES
const ROW_BYTES = 4096 + TAG_BYTES
const POOL_BYTES = 32 << 20
/** Four streams that read four records ahead. */
const READS_IN_FLIGHT = 16
const READ = { fillCache: false }

const pool = randomFillSync(Buffer.allocUnsafeSlow(POOL_BYTES + VALUE_BYTES))
let volume: Database<Buffer>
let catalog: Database<Buffer>
let next = 0

function keyOf(number: number): Buffer {
  const key = Buffer.allocUnsafe(8)
  key.writeBigUInt64BE(BigInt(number))
  return key
}

const piece = (bytes: number) => {
  const at = (next * RECORD_BYTES) % POOL_BYTES
  return pool.subarray(at, at + bytes)
}

function open(dir: string, bufferBytes: number): Promise<Database<Buffer>> {
  return classicEngine.open(dir, {
    keyEncoding: 'buffer',
    writeBufferBytes: bufferBytes,
    maxFileBytes: bufferBytes,
    cacheBytes: 1 << 20,
    create: true,
  })
}

async function putRecords(count: number): Promise<number> {
  let begun = 0
  const walk = async () => {
    while (begun++ < count) await volume.put(keyOf(next++), piece(VALUE_BYTES))
  }
  await Promise.all(Array.from({ length: PUTS_MAX }, walk))
  return count
}

async function readRecords(count: number): Promise<number> {
  let begun = 0
  const walk = async () => {
    while (begun < count) {
      // Each `get` has a key of its own, because `get` does not copy it.
      const value = await volume.get(keyOf(begun++ % next), READ)
      if (value === undefined) throw new Error('a record is missing')
      release(value)
    }
  }
  await Promise.all(Array.from({ length: READS_IN_FLIGHT }, walk))
  return count
}

async function putBatches(rows: number, seconds: number): Promise<number> {
  const endMs = performance.now() + seconds * 1000
  let count = 0
  for (; performance.now() < endMs; count += rows) {
    const batch = Array.from({ length: rows }, () => ({
      type: 'put' as const,
      key: keyOf(next++),
      value: piece(ROW_BYTES),
    }))
    await catalog.batch(batch, { sync: true })
  }
  return count
}

answerMessages(async (job: LevelJob): Promise<LevelResult> => {
  const startMs = performance.now()
  let count = 0
  if (job.kind === 'open') {
    volume = await open(join(job.dir, 'volume'), VOLUME_BUFFER_BYTES)
    catalog = await open(join(job.dir, 'catalog'), CATALOG_BUFFER_BYTES)
  } else if (job.kind === 'records') {
    count = await putRecords(job.count)
  } else if (job.kind === 'reads') {
    count = await readRecords(job.count)
  } else {
    count = await putBatches(job.rows, job.seconds)
  }
  return { count, seconds: (performance.now() - startMs) / 1000 }
})
