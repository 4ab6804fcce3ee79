// Rot: bytes changed at random places in the files of volumes and catalog, one place at a time, on a stopped
// node. A scrub finds and names each. No request is ever answered with wrong bytes, with another version, or as
// if an object did not exist. ROT_FLIPS sets how many places (30), and `npm run long:rot` is the long form.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { findPlaces } from '../../lib/blobs/file/find.ts'
import { RECORDS_NAME } from '../../lib/blobs/file/layout.ts'
import { deadlyFault } from '../../lib/blobs/level/quarantine.ts'
import { CatalogDamaged } from '../../lib/catalog/check.ts'
import { fileRows } from '../../lib/catalog/check-rows.ts'
import { diskFiles } from '../../lib/files.ts'
import { readManifest } from '../../lib/leveldb/manifest.ts'
import { Rate } from '../../lib/plain-file.ts'
import { newProgress, type Progress, scrub } from '../../lib/upkeep/scrub.ts'
import { type Answer, drawnKeyring, type SentRequest, startNode } from '../helpers/node.ts'
import { scratch } from '../helpers/process.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { customerKey, withKey } from '../helpers/s3.ts'

const flips = Number(process.env.ROT_FLIPS ?? 30)
t.setTimeout(120_000 + flips * 5000)

const seed = seedOfRun()
const random = randomFrom(seed)
const keyring = drawnKeyring()
const key = customerKey('r')
/** Small, so that there are tables and several volumes. */
const storage = { writeBufferBytes: 1 << 20, volumeSizeBytes: 3 << 20 }
const sizes = [0, 1, 700, 8192, 8193, 65_536, 65_537, 200_000, 400_000]

interface Stored {
  readonly path: string
  readonly body: Buffer
  readonly sealed: boolean
}

const settings = (data: string) => ({ data, devices: [join(data, 'volumes')], storage })
const optionsOf = ({ sealed }: Stored, options: SentRequest = {}) =>
  sealed ? withKey(key, options) : options

/** Fills a node with objects of all kinds, many of them written more than once, and stops it. */
async function makeStore(t: Test, data: string): Promise<Stored[]> {
  const stored = new Map<string, Stored>()
  await t.test('a store to break', async (t) => {
    const node = await startNode(t, settings(data), keyring)
    await node.request('PUT', '/plain')
    await node.request('PUT', '/kept')
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    await node.request('PUT', '/kept?versioning', { body })
    for (let i = 0; i < 120; i++) {
      // The same names again and again: an earlier content of a name must never come back.
      const path = `/${i % 3 === 0 ? 'kept' : 'plain'}/o${random.integer(40)}`
      const body = Buffer.alloc(random.pick(sizes), random.bytes(89))
      const object = { path, body, sealed: random.integer(3) === 0 }
      const { status } = await node.request('PUT', path, optionsOf(object, { body }))
      if (status !== 200) throw new Error(`PUT ${path}: ${status}`)
      stored.set(path, object)
      if (i === 60) await node.restart()
    }
  })
  return [...stored.values()]
}

/** Files with bytes that the database uses. One that was closed while it wrote a table has files that no
 * manifest names. */
async function filesOf(data: string, database: string): Promise<string[]> {
  const location = join(data, database)
  if (existsSync(join(location, RECORDS_NAME))) return [join(database, RECORDS_NAME)]
  const manifest = await readManifest(location, new Rate(Number.POSITIVE_INFINITY))
  const tables = new Set(manifest.tables.map(({ number }) => number))
  const counts = (name: string) =>
    name.endsWith('.ldb')
      ? tables.has(Number.parseInt(name, 10))
      : /^(MANIFEST-\d+|CURRENT)$/.test(name) ||
        (name.endsWith('.log') && Number.parseInt(name, 10) >= manifest.logNumber)
  return readdirSync(location)
    .filter(counts)
    .map((name) => join(database, name))
    .filter((file) => readFileSync(join(data, file)).length > 0)
}

/** A byte in the value of some record. What lies between records holds nothing. */
async function valueIn(location: string, { length: size }: Buffer): Promise<number> {
  const { places } = await findPlaces(diskFiles, location, size)
  const { offset, length } = random.pick([...places.behind(-1)])
  return offset + random.integer(length)
}

/** A byte that was changed. */
interface Flip {
  readonly database: string
  readonly file: string
  readonly note: string
}

/** Changes one byte of a database. */
async function flip(data: string, database: string): Promise<Flip> {
  const file = random.pick(await filesOf(data, database))
  const bytes = readFileSync(join(data, file))
  // Half of the changes are near the end, because indexes and footers are small beside records.
  const tail = random.integer(2) === 0 ? Math.min(bytes.length, 600) : bytes.length
  const behind =
    basename(file) === RECORDS_NAME && (await valueIn(dirname(join(data, file)), bytes))
  const at = behind || bytes.length - 1 - random.integer(tail)
  bytes[at] = bytes[at]! ^ (1 + random.integer(255))
  writeFileSync(join(data, file), bytes)
  const note = `seed ${seed}: ${file} of ${bytes.length} bytes, byte ${at}`
  return { database, file, note }
}

/** Changes a byte of the catalog, or one in each of some volumes. */
async function breakSome(data: string, most: number): Promise<Flip[]> {
  if (random.integer(3) === 0) return [await flip(data, 'catalog')]
  const volumes = readdirSync(join(data, 'volumes')).map((name) => join('volumes', name))
  const chosen = volumes.filter(() => random.integer(2) === 0).slice(0, most)
  const flips: Flip[] = []
  for (const volume of chosen) flips.push(await flip(data, volume))
  return flips
}

/** True where a finding names the changed file. */
function isNamed({ file, database }: Flip, { findings }: Progress): boolean {
  return findings.some(({ where, volume, what }) => {
    const same = where === 'catalog' ? database === 'catalog' : database.includes(volume!)
    return same && what.includes(basename(file))
  })
}

async function scrubAll(data: string): Promise<Progress> {
  const progress = newProgress(0)
  const rate = new Rate(Number.POSITIVE_INFINITY)
  const openRows = () => fileRows(join(data, 'catalog'), rate)
  const proceed = () => Promise.resolve(true)
  await scrub({ openRows, devices: [join(data, 'volumes')], rate, progress, proceed })
  return progress
}

/** `right`, `refused`, or what is wrong with the answer. */
function judge({ status, body }: Answer, stored: Stored) {
  if (status === 200)
    return body.equals(stored.body) ? ('right' as const) : ('other bytes' as const)
  return status >= 500 ? ('refused' as const) : `status ${status}`
}

t.test('a changed byte anywhere is found, named, and never served', async (t) => {
  const master = join(scratch(t), 'master')
  const stored = await makeStore(t, master)
  t.same((await scrubAll(master)).findings, [], 'a sound store has nothing that is rotten')
  const outcomes = { flips: 0, catalog: 0, deadly: 0, right: 0, refused: 0, named: 0 }
  while (outcomes.flips < flips) {
    const work = join(master, '..', 'work')
    cpSync(master, work, { recursive: true })
    const broken = await breakSome(work, flips - outcomes.flips)
    outcomes.flips += broken.length
    const progress = await scrubAll(work)
    for (const each of broken) if (!isNamed(each, progress)) t.fail(`not found, ${each.note}`)
    if (progress.findings.some(({ objects = [] }) => objects.length > 0)) outcomes.named++
    const note = broken.map((each) => each.note).join('; ')
    if (broken[0]?.database === 'catalog') {
      outcomes.catalog++
      await t.test(`no catalog is opened, ${note}`, async (t) => {
        await t.rejects(startNode(t, settings(work), keyring), CatalogDamaged)
      })
    } else {
      // A volume that would kill LevelDB, and this test with it, is left to the start after such a death: a
      // note shows that start which volumes were being read.
      for (const { database } of broken) {
        const fault = await deadlyFault(join(work, database), new Rate(Number.POSITIVE_INFINITY))
        if (fault === null) continue
        outcomes.deadly++
        writeFileSync(join(work, database.replace(/\.g\d+$/, '.reading')), '')
      }
      await t.test(`nothing wrong is served, ${note}`, async (t) => {
        const node = await startNode(t, settings(work), keyring)
        for (const object of stored) {
          const answer = await node
            .request('GET', object.path, optionsOf(object))
            .then((answer) => judge(answer, object))
            .catch(() => 'refused' as const)
          if (answer === 'right' || answer === 'refused') outcomes[answer]++
          else t.fail(`${object.path}: ${answer}`)
        }
      })
    }
    rmSync(work, { recursive: true })
  }
  t.comment(`seed ${seed}: ${JSON.stringify(outcomes)}`)
})
