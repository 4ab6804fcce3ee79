// What a reader holds that nobody has taken: bounded by all readers' memory, and given back when the taker stops.
import t from 'tap'
import { Budget } from '../../../lib/budget.ts'
import type { Engine } from '../../../lib/leveldb/engine.ts'
import { recordOf, saveBlob, until } from '../../helpers/blobs.ts'
import { memoryEngine } from '../../helpers/memory-engine.ts'
import { openStore } from '../../helpers/volumes.ts'

const RECORD_BYTES = 65_536
const RECORDS = 40

/** A blob of RECORDS records, and a way to read it with so much memory for reading ahead. */
async function saved(memoryBytes: number, engine: Engine = memoryEngine()) {
  const readAhead = new Budget(memoryBytes)
  const store = await openStore(engine, '/data', { readAhead })
  const { id, locator } = await saveBlob(store, new Array(RECORDS).fill(1000))
  const read = () =>
    store.read(locator.volume, id, (piece) => locator.pieces[piece]!, 0, RECORDS - 1)
  const isWhole = (sealed: readonly Buffer[]) =>
    sealed.every((record, i) => record.equals(recordOf(id, i, 1000)))
  return { store, readAhead, read, isWhole }
}

async function readAll(reader: ReturnType<Awaited<ReturnType<typeof saved>>['read']>) {
  const sealed: Buffer[] = []
  for (let record = await reader.read(); record !== undefined; record = await reader.read()) {
    sealed.push(record.sealed)
  }
  return sealed
}

t.test('every record comes, however little memory there is to read ahead', async (t) => {
  for (const records of [0, 1, 7, 8, 9, 24, 1000]) {
    const { store, readAhead, read, isWhole } = await saved(records * RECORD_BYTES)
    const sealed = await readAll(read())
    t.equal(sealed.length, RECORDS, `memory for ${records} records`)
    t.ok(isWhole(sealed))
    t.equal(readAhead.takenBytes, 0, 'and all of it is given back')
    await store.close()
  }
})

t.test('many readers read ahead no more than they may together', async (t) => {
  const { store, readAhead, read } = await saved(20 * RECORD_BYTES)
  const readers = Array.from({ length: 30 }, read)
  await Promise.all(readers.map((reader) => reader.read()))
  t.ok(readAhead.takenBytes <= 20 * RECORD_BYTES)
  t.ok(readAhead.takenBytes > 0)
  const all = await Promise.all(readers.map(readAll))
  t.ok(all.every(({ length }) => length === RECORDS - 1))
  t.equal(readAhead.takenBytes, 0)
  await store.close()
})

t.test('what nobody takes is given back, and read again when somebody does', async (t) => {
  const { store, readAhead, read, isWhole } = await saved(1000 * RECORD_BYTES)
  const reader = read()
  const first = [await reader.read(), await reader.read(), await reader.read()]
  t.ok(readAhead.takenBytes > 0, 'while it is taken there is more at hand')
  t.ok(await until(() => readAhead.takenBytes === 0), 'later there is not')
  const sealed = [...first.map((record) => record!.sealed), ...(await readAll(reader))]
  t.equal(sealed.length, RECORDS)
  t.ok(isWhole(sealed))
  await store.close()
})

t.test('a reader that is closed gives all back, whatever is under way', async (t) => {
  const { store, readAhead, read } = await saved(1000 * RECORD_BYTES)
  const begun = read()
  await begun.read()
  begun.close()
  const waiting = read()
  const read1 = waiting.read()
  waiting.close()
  t.equal(await read1, undefined)
  t.ok(await until(() => readAhead.takenBytes === 0))
  t.equal(await begun.read(), undefined)
  await store.close()
})

t.test('a read that fails gives back what it had', async (t) => {
  const engine = memoryEngine()
  const { store, readAhead, read } = await saved(1000 * RECORD_BYTES, engine)
  await store.close()
  const reader = read()
  await t.rejects(reader.read(), { code: 'StoreUnavailable' })
  reader.close()
  t.ok(await until(() => readAhead.takenBytes === 0))
})
