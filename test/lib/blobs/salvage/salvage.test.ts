// Salvage on volumes that were broken byte by byte: a record is lost only where its own bytes were, everything else
// is in the next generation, reads back, and can be reclaimed.
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { recordKey } from '../../../../lib/blobs/record.ts'
import { faultsOf } from '../../../../lib/blobs/salvage/salvage.ts'
import type { Volumes } from '../../../../lib/blobs/volumes.ts'
import { classicEngine } from '../../../../lib/leveldb/engine.ts'
import { Rate } from '../../../../lib/plain-file.ts'
import {
  codeOf,
  differenceOf,
  RECORD_BYTES,
  recordOf,
  type SavedBlob,
} from '../../../helpers/blobs.ts'
import { type Random, randomFrom, seedOfRun } from '../../../helpers/random.ts'
import {
  type BrokenVolume,
  deviceOf,
  filesOf,
  findIn,
  makeVolume,
  placeOf,
  salvageBroken,
} from '../../../helpers/salvage.ts'
import { openStore } from '../../../helpers/volumes.ts'

const unlimited = () => new Rate(Number.POSITIVE_INFINITY)

/** Full records, and blobs of a few bytes, of which several share a block. */
const blobs = Array.from({ length: 60 }, (_, i) =>
  i % 4 === 0 ? [RECORD_BYTES, RECORD_BYTES, 700 + i] : [30 + 20 * (i % 7)],
)
const recordCount = blobs.flat().length

type Broken = BrokenVolume & { readonly saved: readonly SavedBlob[] }

/** Volumes to break, each copied as often as it is needed. */
async function masters(t: Test) {
  const directory = t.testdir()
  const tables = await makeVolume(join(directory, 'tables'), blobs, true)
  const logged = await makeVolume(join(directory, 'logged'), blobs, false)
  let copies = 0
  return (settled: boolean): Broken => {
    const master = settled ? tables : logged
    const copy = { ...master, directory: join(directory, `copy-${++copies}`) }
    cpSync(master.directory, copy.directory, { recursive: true })
    return copy
  }
}

/** Reads every record by itself; those that are refused, as `blob/index`. Others must be what was saved. */
async function lostIn(t: Test, store: Volumes, saved: readonly SavedBlob[], note: string) {
  const lost: string[] = []
  for (const blob of saved) {
    for (let index = 0; index < blob.lengths.length; index++) {
      const code = await codeOf(async () => {
        const difference = await differenceOf(store, blob, index, index)
        if (difference !== undefined) t.fail(`${difference}, ${note}`)
      })
      if (code === 'StoreCorrupt') lost.push(`${blob.id}/${index}`)
      else if (code !== undefined) t.fail(`${code}, ${note}`)
    }
  }
  return lost
}

async function salvageAndRead(t: Test, broken: Broken, note: string): Promise<string[]> {
  const taken = await salvageBroken(classicEngine, broken)
  const store = await openStore(classicEngine, broken.directory)
  try {
    const lost = await lostIn(t, store, broken.saved, note)
    t.equal(
      lost.length,
      broken.saved.flatMap(({ lengths }) => lengths).length - taken,
      `what was not taken is lost, ${note}`,
    )
    t.same(await faultsOf(placeOf(broken, 2), unlimited()), [], `it can be opened, ${note}`)
    return lost
  } finally {
    await store.close()
  }
}

function flip(path: string, at: number, bits: number): void {
  const bytes = readFileSync(path)
  bytes[at] = bytes[at]! ^ bits
  writeFileSync(path, bytes)
}

/** Where the records lie in a table: the bytes that they cannot be found without. */
function rangesIn(path: string, saved: readonly SavedBlob[]): { from: number; to: number }[] {
  const bytes = readFileSync(path)
  return saved.flatMap(({ id, lengths }) =>
    lengths.flatMap((length, index) => {
      const at = bytes.indexOf(recordOf(id, index, length))
      // Before it stand lengths and the key; behind it its checksum.
      return at === -1 ? [] : [{ from: at - 21, to: at + length + 4 }]
    }),
  )
}

/** Changes a byte of a file, most often one where no record's own bytes are; tells how many it can cost. */
function breakFile(path: string, { saved }: Broken, random: Random) {
  const { length } = readFileSync(path)
  const ranges = path.endsWith('.ldb') ? rangesIn(path, saved) : []
  const tail = length - 1 - random.integer(Math.min(length, 400))
  const at =
    ranges.length > 0 && random.integer(3) > 0
      ? random.pick(ranges).from + random.integer(21)
      : random.pick([random.integer(length), tail])
  flip(path, at, 1 + random.integer(255))
  // A log cuts records up; no other file holds any.
  const hits = path.endsWith('.log')
    ? 1
    : ranges.filter(({ from, to }) => from <= at && at < to).length
  return { at, hits, length }
}

t.setTimeout(600_000)

t.test('salvage', async (t) => {
  const copyOf = await masters(t)

  await t.test('takes everything of a volume that is sound, and keeps what it was', async (t) => {
    for (const settled of [true, false]) {
      const broken = copyOf(settled)
      const before = readdirSync(placeOf(broken)).sort()
      t.same(await salvageAndRead(t, broken, `settled ${settled}`), [])
      t.notOk(existsSync(placeOf(broken)), 'the old generation is gone')
      t.same(readdirSync(`${placeOf(broken)}.damaged`).sort(), before, 'and is kept aside')
    }
  })

  await t.test('loses a record only where its own bytes were changed', async (t) => {
    const seed = seedOfRun()
    const random = randomFrom(seed)
    let lostAll = 0
    let changed = 0
    for (let round = 0; round < 12; round++) {
      const broken = copyOf(random.integer(4) > 0)
      const notes: string[] = []
      let most = 0
      for (const path of filesOf(broken).filter(() => random.integer(3) > 0)) {
        const { at, hits, length } = breakFile(path, broken, random)
        notes.push(`${basename(path)} of ${length} bytes, byte ${at}`)
        most += hits
      }
      const note = `seed ${seed}: ${notes.join('; ')}`
      const lost = await salvageAndRead(t, broken, note)
      t.ok(lost.length <= most, `${lost.length} lost, ${note}`)
      lostAll += lost.length
      changed += notes.length
      rmSync(broken.directory, { recursive: true })
    }
    t.comment(`seed ${seed}: ${lostAll} records lost by ${changed} changed bytes`)
  })

  await t.test('loses nothing by a number in a key that was changed', async (t) => {
    const broken = copyOf(true)
    const tables = filesOf(broken).filter((path) => path.endsWith('.ldb'))
    for (const path of tables) {
      const bytes = readFileSync(path)
      // A full record whose key stands whole before it.
      const first = rangesIn(path, broken.saved).find(
        ({ from }) => bytes[from] === 0 && bytes[from + 1] === 16,
      )
      flip(path, first!.from + 5 + 7, 0xff)
    }
    t.same(await salvageAndRead(t, broken, 'a key in each table'), [])
  })

  await t.test('loses one record by the first byte of an entry that others need', async (t) => {
    // The entries behind one share the beginning of its key, up to sixteen of them.
    const small = await makeVolume(
      join(t.testdir(), 'small'),
      Array.from({ length: 300 }, () => [30]),
      true,
    )
    const [path] = filesOf(small).filter((name) => name.endsWith('.ldb'))
    const sound = readFileSync(path!)
    flip(path!, sound.indexOf(recordKey(256)) - 3, 0xff)
    t.equal((await salvageAndRead(t, small, 'number 256')).length, 1)
    const broken = copyOf(true)
    for (const table of filesOf(broken).filter((name) => name.endsWith('.ldb')))
      flip(table, 0, 0xff)
    // The first table begins with the volume's header.
    t.equal((await salvageAndRead(t, broken, 'first bytes')).length, 1)
  })

  const cuts: Record<string, (tables: string[], broken: Broken) => void> = {
    'a table that is gone': ([first]) => rmSync(first!),
    'a table that is cut off': ([first]) => truncateSync(first!, 200_000),
    'a table that is empty': ([first]) => truncateSync(first!, 0),
  }
  for (const [what, cut] of Object.entries(cuts)) {
    await t.test(`of ${what} takes what is left`, async (t) => {
      const broken = copyOf(true)
      const tables = filesOf(broken).filter((path) => path.endsWith('.ldb'))
      const ranges = rangesIn(tables[0]!, broken.saved)
      cut(tables, broken)
      const left = existsSync(tables[0]!) ? readFileSync(tables[0]!).length : 0
      const lost = await salvageAndRead(t, broken, what)
      t.equal(lost.length, ranges.filter(({ to }) => to > left).length)
    })
  }

  for (const name of ['CURRENT', 'MANIFEST']) {
    await t.test(`needs no ${name}`, async (t) => {
      const broken = copyOf(true)
      for (const path of filesOf(broken)) if (basename(path).startsWith(name)) rmSync(path)
      t.not((await faultsOf(placeOf(broken), unlimited())).length, 0)
      t.same(await salvageAndRead(t, broken, name), [])
    })
  }

  await t.test('is refused below the reserve, and changes nothing', async (t) => {
    const broken = copyOf(true)
    const engine = { ...classicEngine, freeBytes: () => 2 ** 30 }
    const names = readdirSync(deviceOf(broken))
    t.equal(await codeOf(() => salvageBroken(engine, broken, 2 ** 30)), 'StoreFull')
    t.same(readdirSync(deviceOf(broken)), names)
  })

  await t.test('that cannot keep the damaged files aside changes nothing', async (t) => {
    const broken = copyOf(true)
    const names = readdirSync(deviceOf(broken))
    const link = () => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' }))
    await t.rejects(salvageBroken({ ...classicEngine, link }, broken), {
      name: 'SalvageRefused',
      message: /no second names/,
    })
    t.same(readdirSync(deviceOf(broken)), names)
  })

  await t.test('that cannot switch leaves the volume as it was', async (t) => {
    const broken = copyOf(true)
    const names = readdirSync(deviceOf(broken))
    const rename = () => Promise.reject(new Error('no rename'))
    await t.rejects(salvageBroken({ ...classicEngine, rename }, broken), /no rename/)
    t.same(readdirSync(deviceOf(broken)), names)
    const { found } = await findIn(broken)
    t.equal(found.records, recordCount)
    await found.close()
  })

  await t.test('leaves a volume that can be reclaimed, and keeps what is lost known', async (t) => {
    const broken = copyOf(true)
    const [table] = filesOf(broken).filter((path) => path.endsWith('.ldb'))
    truncateSync(table!, 100_000)
    const lost = await salvageAndRead(t, broken, 'a table cut off')
    t.not(lost.length, 0)
    const store = await openStore(classicEngine, broken.directory)
    t.teardown(() => store.close())
    const { bad, generation, records } = await store.reclaim(
      broken.volume,
      async (live) => {
        for (const { id, locator } of broken.saved) live.add(id, locator.pieces)
        return 0
      },
      { signal: new AbortController().signal, pace: async () => {}, progress: () => {} },
    )
    t.match({ generation, records }, { generation: 3, records: recordCount })
    t.same(bad.map(({ blob, index }) => `${blob}/${index}`).sort(), [...lost].sort())
    t.same((await lostIn(t, store, broken.saved, 'reclaimed')).sort(), [...lost].sort())
  })
})
