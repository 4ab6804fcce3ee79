// What a scrub makes of volumes that reclaim replaces or gives up, or that are being made, between its steps: no
// rot that is not there. test/fault/scrub-load.test.ts is the same by chance, on a node under load.
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { fileRows, type RowSource } from '../../../lib/catalog/check-rows.ts'
import { classicEngine } from '../../../lib/leveldb/engine.ts'
import { Rate } from '../../../lib/plain-file.ts'
import { newProgress, scrub } from '../../../lib/upkeep/scrub.ts'
import { findVolumes, openVolume } from '../../../lib/upkeep/scrub-volumes.ts'
import { until } from '../../helpers/blobs.ts'
import { admin, startService } from '../../helpers/service.ts'

const unlimited = () => new Rate(Number.POSITIVE_INFINITY)

/** A node's stores with an object in a sealed volume. */
async function startSealed(t: Test) {
  const service = await startService(t)
  await service.service.createContainer(
    admin,
    { account: 'test', container: 'c' },
    { indexed: true },
  )
  await service.write('c/o', 'x'.repeat(300_000))
  const { blobs } = service.stores
  const { volume, device } = (await blobs.usage())[0]!
  await blobs.roll(volume)
  const isSealed = async () =>
    (await blobs.usage()).some((usage) => usage.volume === volume && usage.state === 'sealed')
  await until(isSealed)
  return {
    service,
    volume,
    device,
    openRows: () => fileRows(join(dirname(device), 'catalog'), unlimited()),
  }
}

async function findingsOf(device: string, openRows: () => Promise<RowSource>) {
  const progress = newProgress(0)
  const finished = await scrub({
    openRows,
    devices: [device],
    rate: unlimited(),
    progress,
    proceed: async () => true,
  })
  return { finished, findings: progress.findings, volumes: progress.volumes }
}

t.test('a volume that is given up after the rows were read is not missed', async (t) => {
  const { service, volume, device, openRows } = await startSealed(t)
  const early = await openRows()
  await service.service.delete(
    admin,
    { account: 'test', container: 'c', object: 'o' },
    { promote: true },
  )
  const [outcome] = await service.reclaimer.run({ volume })
  t.equal(outcome?.done?.generation, null)
  let opened = 0
  const found = await findingsOf(device, async () => (opened++ === 0 ? early : await openRows()))
  t.ok(found.finished)
  t.same(found.findings, [])
  t.ok(volume in found.volumes)
})

t.test('a volume that rows name and that is nowhere is missed', async (t) => {
  const { volume, openRows } = await startSealed(t)
  const { findings } = await findingsOf(t.testdir(), openRows)
  t.match(findings, [{ volume, what: /is on none of the devices/ }])
})

t.test('a generation that is removed while it is opened gives way to the next', async (t) => {
  const { volume, device, openRows } = await startSealed(t)
  const [old, next] = [join(device, `${volume}.g1`), join(device, `${volume}.g2`)]
  class Interrupted extends Rate {
    override async take(bytes: number): Promise<void> {
      await super.take(bytes)
      if (readdirSync(device).includes(`${volume}.g2`)) return
      cpSync(old, next, { recursive: true })
      const names = readdirSync(old).filter((name) => /\.(ldb|log)$/.test(name))
      for (const name of names) rmSync(join(old, name))
    }
  }
  const rows = await openRows()
  const locate = (await findVolumes([device], rows, () => {})).get(volume)!
  await rows.close()
  const files = await openVolume(locate, new Interrupted(Number.POSITIVE_INFINITY))
  t.equal(files?.location, next)
  t.same(files?.damages, [])
  await files?.close()
})

t.test('a volume that is being made is not rotten', async (t) => {
  const { device, openRows } = await startSealed(t)
  mkdirSync(join(device, '00000000000000aa.g1'))
  const db = await classicEngine.open(join(device, '00000000000000bb.g1'), {
    keyEncoding: 'buffer',
    writeBufferBytes: 1 << 20,
    maxFileBytes: 1 << 20,
    cacheBytes: 1 << 20,
    create: true,
  })
  const { finished, findings } = await findingsOf(device, openRows)
  t.ok(finished)
  t.same(findings, [])
  await db.close()
})
