// Volumes on a disk that fills up, is freed, and fills up again: every blob that was finished and durable is
// there after a restart (EVIDENCE B1: 20 of 20 acknowledged records were lost by a database that was
// written on after it had failed).
import { execFileSync } from 'node:child_process'
import { rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isCode } from '../../lib/errors.ts'
import { classicEngine } from '../../lib/level.ts'
import { beginBlob, differencesOf, RECORD_BYTES, type SavedBlob, until } from '../helpers/blobs.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { mountSmall } from '../helpers/small-disk.ts'
import { openStore } from '../helpers/volumes.ts'
import '../helpers/plain-children.ts'

const DISK_BYTES = 24 << 20
const WRITE_BUFFER_BYTES = 512 << 10

const disk = mountSmall('volume-full', DISK_BYTES)
const skip = disk === null && 'mounting a small filesystem needs root'

t.test('no durable blob is lost, however often the disk is full', { skip }, async (t) => {
  const directory = disk!
  const ballast = join(directory, 'ballast')
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const open = () =>
    openStore(classicEngine, directory, {
      writeBufferBytes: WRITE_BUFFER_BYTES,
      volumeSizeBytes: 4 << 20,
      reserveBytes: 0,
    })
  const durable: SavedBlob[] = []
  let store = await open()
  t.teardown(async () => {
    await store.close()
    execFileSync('umount', [directory])
    rmdirSync(directory)
  })

  /** Writes one blob; false where the store refused, as it does when it is full. */
  const writeOne = async (lengths: readonly number[]): Promise<boolean> => {
    let blob: ReturnType<typeof beginBlob> | undefined
    try {
      blob = beginBlob(store, lengths)
      await blob.write()
      const saved = await blob.finish()
      await store.barrier([saved.locator.volume])
      store.settle(saved.id)
      durable.push(saved)
      return true
    } catch (error) {
      blob?.writer.abort()
      if (isCode(error, 'StoreUnavailable') || isCode(error, 'StoreFull')) return false
      throw error
    }
  }
  /** Writes four blobs at once, so that puts of several are under way when one fails. */
  const writeFour = async (lengthsOf: (random: Random) => number[]): Promise<boolean> => {
    const four = await Promise.all([1, 2, 3, 4].map(() => writeOne(lengthsOf(random))))
    return four.every((done) => done)
  }

  const shapes: ((random: Random) => number[])[] = [
    () => [RECORD_BYTES, RECORD_BYTES],
    (random) => new Array(1 + random.integer(5)).fill(9000),
    (random) => [700, 1 + random.integer(RECORD_BYTES), 700],
  ]
  for (const [round, shape] of shapes.entries()) {
    t.ok(await writeFour(shape), `seed ${seed}: there is room in round ${round}`)
    const roomBytes = Math.max(0, classicEngine.freeBytes(directory) - (1 << 20))
    writeFileSync(ballast, Buffer.alloc(roomBytes, 1))
    t.ok(await until(async () => !(await writeFour(shape))), 'until the disk is full')
    // A client that goes on all the same.
    for (let i = 0; i < 5; i++) await writeFour(shape)
    t.type(store.impaired, 'string')
    t.same(await differencesOf(store, durable), [], `seed ${seed}: reads go on`)

    rmSync(ballast)
    const before = durable.length
    t.ok(await until(() => writeFour(shape)), 'writes come back with the room')
    for (let i = 0; i < 5; i++) t.ok(await writeFour(shape))
    t.ok(durable.length >= before + 24)
    t.equal(store.impaired, null)
    await store.close()
    store = await open()
    const lost = await differencesOf(store, durable)
    t.same(lost, [], `seed ${seed}: ${lost.length} lost of ${durable.length} durable`)
  }
})
