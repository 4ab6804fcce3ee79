// Volumes on a disk that fills up, is freed, and fills up again: every blob that was finished and durable is
// there after a restart. A database that is written to after a failed write loses what it acknowledged
// (D-FAILED-WRITE).
import { execFileSync } from 'node:child_process'
import { rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { isCode } from '../../lib/errors.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { randomId } from '../../lib/names.ts'
import {
  beginBlob,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../helpers/blobs.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { mountSmall } from '../helpers/small-disk.ts'
import { openStore } from '../helpers/volumes.ts'
import { watchedEngine } from '../helpers/watched-engine.ts'
import '../helpers/plain-children.ts'

const DISK_BYTES = 24 << 20
const WRITE_BUFFER_BYTES = 512 << 10
/** Room that a sealed volume may need to be opened again: a manifest and its name. */
const LITTLE_BYTES = 128 << 10

const disk = mountSmall('volume-full', DISK_BYTES)
const skip = disk === null && 'mounting a small filesystem needs root'

/** Leaves at most so much room on the disk. */
const fillTo = (directory: string, roomBytes: number) => {
  const ballastBytes = Math.max(0, classicEngine.freeBytes(directory) - roomBytes)
  const ballast = join(directory, `ballast-${randomId()}`)
  writeFileSync(ballast, Buffer.alloc(ballastBytes, 1))
  return () => rmSync(ballast)
}

t.test('a sealed volume at rest is read on a disk with next to no room', { skip }, async (t) => {
  const directory = disk!
  const closed: string[] = []
  const engine = watchedEngine(classicEngine, {
    closed: (location) => closed.push(basename(location)),
  })
  const store = await openStore(engine, directory, { volumeSizeBytes: 512 << 10 })
  const saved: SavedBlob[] = []
  const volumes = () => new Set(saved.map(({ locator }) => locator.volume))
  while (volumes().size < 3) saved.push(await saveBlob(store, [RECORD_BYTES]))
  t.ok(await until(() => closed.length >= 2), 'two volumes are sealed and at rest')
  const empty = fillTo(directory, LITTLE_BYTES)
  t.same(await differencesOf(store, saved), [])
  empty()
  await store.close()
  rmSync(join(directory, 'device'), { recursive: true })
})

t.test('no durable blob is lost, however often the disk is full', { skip }, async (t) => {
  const directory = disk!
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

  /** Writes one blob. False where the store refused, as a full one does. */
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
    const emptyLittle = fillTo(directory, classicEngine.freeBytes(directory) - LITTLE_BYTES)
    const empty = fillTo(directory, 1 << 20)
    t.ok(await until(async () => !(await writeFour(shape))), 'until the disk is full')
    // A client that goes on after the refusal.
    for (let i = 0; i < 5; i++) await writeFour(shape)
    t.type(store.impaired, 'string')
    emptyLittle()
    t.type(store.impaired, 'string', 'a little room is not enough to write')
    t.same(await differencesOf(store, durable), [], `seed ${seed}: reads go on`)

    empty()
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
