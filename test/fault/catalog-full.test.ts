// The catalog on a disk that fills up, is freed, fills up again: what was acknowledged is there after a
// restart, what was not is there whole or not at all. A database that is written to after a failed write
// loses what it acknowledged (D-FAILED-WRITE).
import { execFileSync } from 'node:child_process'
import { rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { type Catalog, CommitUnknown } from '../../lib/catalog/catalog.ts'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { isCode } from '../../lib/errors.ts'
import { classicEngine, type Engine } from '../../lib/leveldb/engine.ts'
import { randomId } from '../../lib/names.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { mountSmall } from '../helpers/small-disk.ts'
import '../helpers/plain-children.ts'

const DISK_BYTES = 16 << 20
const WRITE_BUFFER_BYTES = 1 << 20
const ROWS_PER_COMMIT = 3

/** Leaves about `bytes` free. */
function fillDisk(dir: string, engine: Engine, bytes: number): void {
  const room = Math.max(0, engine.freeBytes(dir) - bytes)
  writeFileSync(join(dir, 'ballast'), Buffer.alloc(room, 1))
}

interface Record {
  readonly id: string
  readonly value: Buffer
}

/** The error of the commit; undefined where it is durable. */
async function commitOne(catalog: Catalog, record: Record): Promise<unknown> {
  const commit = catalog.commit({
    id: record.id,
    put: Array.from({ length: ROWS_PER_COMMIT }, (_, n) => ({
      key: `row/${record.id}/${n}`,
      value: record.value,
    })),
    add: [{ key: 'count', deltas: [1] }],
  })
  return commit.then(
    () => undefined,
    (error) => error,
  )
}

/** How many rows of a commit are there, with its value and its id. */
async function rowsOf(catalog: Catalog, { id, value }: Record): Promise<number> {
  const keys = Array.from({ length: ROWS_PER_COMMIT }, (_, n) => `row/${id}/${n}`)
  const rows = await catalog.getMany(keys)
  return rows.filter((row) => row?.revision === id && row.value.equals(value)).length
}

async function countAll(catalog: Catalog): Promise<number> {
  let count = 0
  let from: string | undefined = 'row/'
  while (from !== undefined) {
    const page = await catalog.scan({ from, to: 'row0', limit: 1000 })
    count += page.entries.length
    from = page.cursor
  }
  return count
}

const disk = mountSmall('full', DISK_BYTES)
const skip = disk === null && 'mounting a small filesystem needs root'

t.test(
  'a catalog loses nothing it acknowledged, however often its disk is full',
  { skip },
  async (t) => {
    const dir = disk!
    const seed = seedOfRun()
    const random = randomFrom(seed)
    const engine = classicEngine
    const open = () =>
      openLevelCatalog({
        engine,
        location: join(dir, 'catalog'),
        writeBufferBytes: WRITE_BUFFER_BYTES,
        log: pino({ level: 'silent' }),
      })
    const acknowledged: Record[] = []
    const undone: Record[] = []
    const unknown: { record: Record; error: CommitUnknown }[] = []
    let catalog = await open()
    t.teardown(async () => {
      await catalog.close()
      execFileSync('umount', [dir])
      rmdirSync(dir)
    })

    const draw = (bytes: number): Record => ({
      id: randomId(),
      value: random.bytes(1 + random.integer(bytes)),
    })
    /** Commits `count` times, four at once. Returns how many were refused. */
    const write = async (count: number, bytes: number) => {
      let refused = 0
      for (let n = 0; n < count; n += 4) {
        const group = Array.from({ length: 4 }, () => draw(bytes))
        const errors = await Promise.all(group.map((record) => commitOne(catalog, record)))
        for (const [i, error] of errors.entries()) {
          const record = group[i]!
          if (error === undefined) acknowledged.push(record)
          else refused++
          if (error instanceof CommitUnknown) unknown.push({ record, error })
          else if (isCode(error, 'StoreUnavailable')) undone.push(record)
          else if (error !== undefined) throw error
        }
      }
      return refused
    }

    for (const bytes of [9000, 200, 2000]) {
      t.equal(await write(40, bytes), 0, `seed ${seed}: room for all`)
      fillDisk(dir, engine, 64 << 10)
      let tries = 0
      while ((await write(4, bytes)) === 0) if (++tries === 1000) t.fail('the disk never was full')
      t.type(catalog.impaired, 'string')
      t.equal(await write(8, bytes), 8, 'full is full')
      const counts = await Promise.all(acknowledged.map((record) => rowsOf(catalog, record)))
      t.ok(
        counts.every((count) => count === ROWS_PER_COMMIT),
        'reads go on',
      )

      rmSync(join(dir, 'ballast'))
      t.equal(await write(40, bytes), 0, 'writes come back with the room')
      t.equal(catalog.impaired, null)
      for (const { record, error } of unknown) {
        const rows = (await error.done) ? ROWS_PER_COMMIT : 0
        t.equal(await rowsOf(catalog, record), rows, 'what was unknown is known')
      }
      await catalog.close()
      catalog = await open()
      let lost = 0
      for (const record of acknowledged) {
        if ((await rowsOf(catalog, record)) !== ROWS_PER_COMMIT) lost++
      }
      t.equal(lost, 0, `seed ${seed}: of ${acknowledged.length} acknowledged`)
      const shown = await Promise.all(undone.map((record) => rowsOf(catalog, record)))
      t.ok(
        shown.every((rows) => rows === 0),
        `${undone.length} that were refused as not done are not there`,
      )
      const commits = (await catalog.getCounters('count'))!.values[0]!
      t.equal(await countAll(catalog), commits * ROWS_PER_COMMIT, 'no commit is there in part')
      t.ok(commits >= acknowledged.length)
    }
  },
)
