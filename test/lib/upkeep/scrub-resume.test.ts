// A scrub that was ended and goes on: what it told of a volume's files it does not tell again.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fileRows } from '../../../lib/catalog/check-rows.ts'
import { Rate } from '../../../lib/plain-file.ts'
import { newProgress, scrub } from '../../../lib/upkeep/scrub.ts'
import { admin, startService } from '../../helpers/service.ts'

const unlimited = () => new Rate(Number.POSITIVE_INFINITY)

t.test('a finding is told once, however often the scrub is ended', async (t) => {
  const { service, write, stores } = await startService(t)
  await service.createContainer(admin, { account: 'test', container: 'c' }, { indexed: true })
  await write('c/o', 'x'.repeat(3_000_000))
  const { device, volume } = (await stores.blobs.usage())[0]!
  const place = join(device, `${volume}.g1`)
  const log = readdirSync(place).find((name) => name.endsWith('.log'))!
  const bytes = readFileSync(join(place, log))
  bytes[100]! ^= 1
  writeFileSync(join(place, log), bytes)
  const progress = newProgress(0)
  const run = () =>
    scrub({
      openRows: () => fileRows(join(device, '..', 'catalog'), unlimited()),
      devices: [device],
      rate: unlimited(),
      progress,
      proceed: async () => true,
    })
  await run()
  t.match(progress.findings, [{ what: /\.log at byte/ }, { what: /record 0|is missing/ }])
  const told = progress.findings.map(({ what }) => what)
  // As one that was ended behind the first records leaves it.
  progress.volumes[volume] = 5
  progress.endedMs = null
  await run()
  t.same(
    progress.findings.map(({ what }) => what),
    told,
  )
})
