// What is done before a LevelDB catalog is opened: a salvage of it that a crash cut short is finished, so that no empty
// catalog is made in its place.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { CatalogDamaged, requireSoundFiles } from '../../../lib/catalog/check.ts'
import { salvageCatalog } from '../../../lib/catalog/check-salvage.ts'
import { openLevelCatalog } from '../../../lib/catalog/level.ts'
import { classicEngine } from '../../../lib/leveldb/engine.ts'
import { randomId } from '../../../lib/names.ts'

const open = (location: string) =>
  openLevelCatalog({
    engine: classicEngine,
    location,
    writeBufferBytes: 1 << 20,
    log: pino({ level: 'silent' }),
  })

/** A catalog with a row, closed; its id. */
async function makeCatalog(location: string): Promise<string> {
  const catalog = await open(location)
  await catalog.commit({ id: randomId(), put: [{ key: 'account/a', value: Buffer.from('row') }] })
  await catalog.close()
  return catalog.id
}

t.test(
  'a salvage that was cut short between its renames is finished by the next start',
  async (t) => {
    const location = join(t.testdir(), 'catalog')
    const id = await makeCatalog(location)
    await salvageCatalog(classicEngine, location, 5)
    // As a crash between the two leaves it.
    renameSync(location, `${location}.salvaged`)
    await requireSoundFiles(classicEngine, location, (damage) => t.fail(damage.what))
    t.notOk(existsSync(`${location}.salvaged`))
    const catalog = await open(location)
    t.teardown(() => catalog.close())
    t.equal(catalog.id, id)
    t.ok(await catalog.get('account/a'))
  },
)

t.test('what a salvage has made is no catalog while there is one', async (t) => {
  const location = join(t.testdir(), 'catalog')
  const id = await makeCatalog(location)
  await makeCatalog(`${location}.salvaged`)
  await requireSoundFiles(classicEngine, location, (damage) => t.fail(damage.what))
  const catalog = await open(location)
  t.teardown(() => catalog.close())
  t.equal(catalog.id, id)
})

t.test('a catalog whose row about itself is lost is not salvaged', async (t) => {
  const location = join(t.testdir(), 'catalog')
  await makeCatalog(location)
  for (const name of readdirSync(location).filter((each) => each.endsWith('.ldb'))) {
    const bytes = readFileSync(join(location, name))
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(join(location, name), bytes)
  }
  await t.rejects(
    requireSoundFiles(classicEngine, location, () => {}),
    CatalogDamaged,
  )
  await t.rejects(salvageCatalog(classicEngine, location, 5), /only a backup can help/)
  t.ok(existsSync(location), 'and stays where it is')
})

t.test('where there is nothing, nothing is made', async (t) => {
  const location = join(t.testdir(), 'none', 'catalog')
  await requireSoundFiles(classicEngine, location, () => t.fail())
  t.notOk(existsSync(location))
})
