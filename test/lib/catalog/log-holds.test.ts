// What is known of a batch that could not be written, from the logs alone.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { openLevelCatalog } from '../../../lib/catalog/level.ts'
import { logsMayHold } from '../../../lib/catalog/log-holds.ts'
import { classicEngine } from '../../../lib/leveldb/engine.ts'
import { randomId } from '../../../lib/names.ts'

/** Larger than a block of a log, so that a batch has several pieces. */
const value = Buffer.alloc(50_000, 7)

t.test('a batch comes back only if a log holds it whole', async (t) => {
  const location = join(t.testdir(), 'catalog')
  const log = pino({ level: 'silent' })
  const options = { engine: classicEngine, location, writeBufferBytes: 4 << 20, log }
  const catalog = await openLevelCatalog(options)
  for (let n = 0; n < 3; n++) {
    await catalog.commit({ id: randomId(), put: [{ key: `row/${n}`, value }] })
  }
  const { commitNumber } = catalog
  const name = readdirSync(location).find((each) => each.endsWith('.log'))!
  const path = join(location, name)
  const whole = readFileSync(path)
  t.teardown(() => catalog.close())
  const holds = (number = commitNumber) => logsMayHold(location, [name, 'CURRENT'], number)

  t.equal(await holds(), true)
  t.equal(await holds(commitNumber + 1), false, 'the next was never written')
  for (const cut of [1, 7, 100, value.length]) {
    writeFileSync(path, whole.subarray(0, whole.length - cut))
    t.equal(await holds(), false, `${cut} bytes are missing`)
    t.equal(await holds(commitNumber - 1), true, 'the one before is there')
  }
  const damaged = Buffer.from(whole)
  damaged[20_000]! ^= 1
  writeFileSync(path, damaged)
  t.equal(await holds(commitNumber + 1), true, 'behind damage there may be anything')
  t.equal(await logsMayHold(location, ['000099.log'], commitNumber + 1), true, 'a log is gone')
  t.equal(await logsMayHold(location, ['CURRENT'], commitNumber + 1), true, 'there is no log')
  writeFileSync(path, whole)
})
