// The contract of the blob store (lib/blobs/store.ts) for stores with volumes and devices: rolling, sealing,
// restarts.
import type { Test } from 'tap'
import type { BlobStore, VolumeUsage } from '../../lib/blobs/store.ts'
import {
  beginBlob,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../helpers/blobs.ts'
import type { MakeBlobSite } from './blobs.ts'

const VOLUME_BYTES = 1 << 20

const stateOf = async (store: BlobStore, id: string): Promise<VolumeUsage['state'] | undefined> =>
  (await store.usage()).find(({ volume }) => volume === id)?.state

/** Writes blobs until new ones go to another volume than `volume`. */
async function rollAway(store: BlobStore, volume: string): Promise<SavedBlob[]> {
  const saved: SavedBlob[] = []
  const rolled = await until(async () => {
    const blob = await saveBlob(store, [RECORD_BYTES, RECORD_BYTES])
    saved.push(blob)
    return blob.locator.volume !== volume
  })
  if (!rolled) throw new Error('the volume never rolled')
  return saved
}

export function volumesContract(t: Test, makeSite: MakeBlobSite): void {
  t.test('a full volume is sealed, and new blobs go to the next', async (t) => {
    const store = await (await makeSite(t)).open({ volumeSizeBytes: VOLUME_BYTES })
    const first = await saveBlob(store, [1])
    const { volume } = first.locator
    t.equal(await stateOf(store, volume), 'open')
    const saved = [first, ...(await rollAway(store, volume))]
    t.ok(await until(async () => (await stateOf(store, volume)) === 'sealed'))
    const usage = await store.usage()
    const full = usage.find((entry) => entry.volume === volume)!
    t.ok(full.writtenBytes >= VOLUME_BYTES)
    t.ok(full.records > VOLUME_BYTES / RECORD_BYTES)
    t.same(await differencesOf(store, saved), [])
    await store.barrier([volume])
    await store.close()
  })

  t.test('a begun blob ends in the volume it began in, which waits for it', async (t) => {
    const store = await (await makeSite(t)).open({ volumeSizeBytes: VOLUME_BYTES })
    const slow = beginBlob(store, new Array(30).fill(RECORD_BYTES))
    const { volume } = slow.writer
    await slow.write(1)
    const saved = await rollAway(store, volume)
    t.equal(await stateOf(store, volume), 'draining')
    await slow.write()
    const ended = await slow.finish()
    t.equal(ended.locator.volume, volume)
    await store.barrier([volume])
    t.equal(await stateOf(store, volume), 'draining', 'its commit has no outcome yet')
    store.settle(ended.id)
    t.ok(await until(async () => (await stateOf(store, volume)) === 'sealed'))
    t.same(await differencesOf(store, [ended, ...saved]), [])
    await store.close()
  })

  t.test('an aborted blob holds no volume', async (t) => {
    const store = await (await makeSite(t)).open({ volumeSizeBytes: VOLUME_BYTES })
    const slow = beginBlob(store, new Array(30).fill(RECORD_BYTES))
    const { volume } = slow.writer
    await slow.write(2)
    const saved = await rollAway(store, volume)
    slow.writer.abort()
    t.ok(await until(async () => (await stateOf(store, volume)) === 'sealed'))
    t.same(await differencesOf(store, saved), [])
    await store.close()
  })

  t.test('everything is there after a restart, and writing goes on', async (t) => {
    const site = await makeSite(t)
    const saved: SavedBlob[] = []
    let records = 0
    for (let round = 0; round < 4; round++) {
      const store = await site.open()
      t.same(await differencesOf(store, saved), [])
      for (let i = 0; i < 5; i++) saved.push(await saveBlob(store, [RECORD_BYTES, i + 1]))
      const usage = await store.usage()
      t.equal(usage.length, 1, 'goes on with the volume that has room')
      t.equal(usage[0]!.records, records + (round === 0 ? 11 : 10), 'and with its numbers')
      records = usage[0]!.records
      await store.close()
    }
  })

  t.test('a volume with a begun blob in it is sealed or continued at a restart', async (t) => {
    const site = await makeSite(t)
    const first = await site.open({ volumeSizeBytes: VOLUME_BYTES })
    const slow = beginBlob(first, new Array(30).fill(RECORD_BYTES))
    await slow.write(1)
    const saved = await rollAway(first, slow.writer.volume)
    await first.close()
    const again = await site.open({ volumeSizeBytes: VOLUME_BYTES })
    const states = (await again.usage()).map(({ state }) => state).sort()
    t.same(states, ['open', 'sealed'])
    t.equal(await stateOf(again, slow.writer.volume), 'sealed')
    t.same(await differencesOf(again, saved), [])
    saved.push(await saveBlob(again, [1]))
    await again.close()
    const last = await site.open({ volumeSizeBytes: VOLUME_BYTES })
    t.same(await differencesOf(last, saved), [])
    await last.close()
  })

  t.test('a volume that has no room at a restart is sealed and followed by another', async (t) => {
    const site = await makeSite(t)
    const store = await site.open()
    const saved = [await saveBlob(store, new Array(20).fill(RECORD_BYTES))]
    await store.close()
    const again = await site.open({ volumeSizeBytes: VOLUME_BYTES })
    t.equal(await stateOf(again, saved[0]!.locator.volume), 'sealed')
    saved.push(await saveBlob(again, [1]))
    t.not(saved[1]!.locator.volume, saved[0]!.locator.volume)
    t.same(await differencesOf(again, saved), [])
    await again.close()
  })

  t.test('every device takes blobs, and keeps them over a restart', async (t) => {
    const site = await makeSite(t)
    const store = await site.open({ devices: 3 })
    const saved: SavedBlob[] = []
    for (let i = 0; i < 9; i++) saved.push(await saveBlob(store, [RECORD_BYTES, 5]))
    const usage = await store.usage()
    t.equal(new Set(usage.map(({ device }) => device)).size, 3)
    for (const { records } of usage) t.equal(records, 7)
    await store.barrier(usage.map(({ volume }) => volume))
    await store.close()
    const again = await site.open({ devices: 3 })
    t.same(await differencesOf(again, saved), [])
    await again.close()
  })
}
