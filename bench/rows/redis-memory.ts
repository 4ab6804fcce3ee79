// Memory of an object's rows in Redis, written by the service, for bodies in volumes and for small ones beside
// their rows. The bytes of volumes are dropped. Figures are Redis' own (used_memory), for one object.
import { randomBytes } from 'node:crypto'
import { encodePiece } from '../../lib/blobs/locator.ts'
import type { BlobStore } from '../../lib/blobs/store.ts'
import { openRedisCatalog } from '../../lib/catalog/redis.ts'
import { redisDefaults } from '../../lib/config/redis.ts'
import { rootCipher } from '../../lib/crypto/cipher.ts'
import { lateCipher } from '../../lib/crypto/late.ts'
import { rowMacs } from '../../lib/crypto/row-mac.ts'
import { BegunUploads } from '../../lib/service/begun-uploads.ts'
import { Leases } from '../../lib/service/leases.ts'
import { makeService } from '../../lib/service/service.ts'
import { ownSegments } from '../../lib/service/versions.ts'
import { catalogOptions, startRedis, type TestRedis } from '../../test/helpers/redis.ts'
import { admin, sourceOf } from '../../test/helpers/service.ts'
import type { Bench } from '../bench.ts'
import type { Finding } from '../table.ts'

const WRITERS = 64
/** Two bodies beside their row, the second of the greatest size, and one in a volume. */
const BODY_BYTES = [100, redisDefaults.smallBodyBytes, 10_000]

export async function measureRedisMemory(bench: Bench): Promise<Finding[]> {
  const objects = bench.settings.quick ? 5_000 : 100_000
  const findings: Finding[] = []
  for (const bytes of BODY_BYTES) {
    const redis = await startRedis({ teardown: (close) => bench.scope.defer(close) })
    const perObject = await fill(redis, objects, bytes)
    await redis.kill()
    findings.push({
      what: `rows of an object of ${bytes.toLocaleString('en')} bytes, ${objects.toLocaleString('en')} of them`,
      unit: 'bytes',
      samples: [perObject],
    })
  }
  return findings
}

/** Writes `objects` objects. Returns how much more memory Redis takes for each. */
async function fill(redis: TestRedis, objects: number, bytes: number): Promise<number> {
  const catalog = await openRedisCatalog(catalogOptions(redis.url))
  const { smallBodyBytes } = redisDefaults
  const queued = () => {}
  const begun = new BegunUploads(catalog, 1)
  const leases = new Leases(queued)
  const resolve = ownSegments(catalog)
  const rootKey = randomBytes(32)
  const keyring = { active: 'k1', key: () => rootKey }
  const cipher = rootCipher(keyring)
  const keys = { rootCipher: cipher, late: lateCipher(keyring), macs: rowMacs(keyring, catalog.id) }
  const blobs = discarding
  const stores = { catalog, blobs, smallBodyBytes, leases, begun, resolve, ...keys, queued }
  const service = makeService(stores)
  const container = { account: 'test', container: 'bench' }
  await service.createContainer(admin, container, { indexed: true })
  const body = randomBytes(bytes)
  const before = await usedMemory(redis)
  let next = 0
  const write = async () => {
    while (next < objects) {
      const object = `photos/2026/11/picture-${String(next++).padStart(8, '0')}.jpeg`
      const source = sourceOf(body)
      const headers = { type: 'image/jpeg' }
      await service.put(admin, { ...container, object }, { source, cipher, headers, metadata: {} })
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
  const taken = (await usedMemory(redis)) - before
  await catalog.close()
  return taken / objects
}

async function usedMemory({ raw }: TestRedis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await raw.info('memory'))![1])
}

let written = 0

/** Drops all bytes, and returns the locator of a volume. */
const discarding: BlobStore = {
  create(id) {
    let records = 0
    let storedBytes = 0
    const volume = '0000000000000001'
    return {
      id,
      volume,
      write(_slab, length) {
        records++
        storedBytes += length
        return undefined
      },
      async finish() {
        const pieces = [encodePiece([{ first: written, length: records }])]
        written += records
        return { volume, pieces, records, storedBytes }
      },
      abort() {},
    }
  },
  read: () => {
    throw new Error('nothing was kept')
  },
  barrier: async () => {},
  settle() {},
  release() {},
  usage: async () => [],
  impaired: null,
  close: async () => {},
}
