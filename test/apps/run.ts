// `npm run long:apps [-- name …]`: other people's applications do their main job on a node: a backup and a restore,
// or a write and a read, compared byte for byte. Ends with a table; exit code 1 where one failed. What cannot be
// installed is skipped, and the table says why.
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { type Application, type Task, Unavailable } from './app.ts'
import { deltalake } from './deltalake.ts'
import { dockerRegistry } from './docker-registry.ts'
import { duckdb } from './duckdb.ts'
import { duplicity } from './duplicity.ts'
import { dvc } from './dvc.ts'
import { litestream } from './litestream.ts'
import { pgbackrest } from './pgbackrest.ts'
import { Place } from './place.ts'
import { restic } from './restic.ts'
import { tus } from './tus.ts'

const applications = [
  restic,
  dockerRegistry,
  pgbackrest,
  duplicity,
  litestream,
  dvc,
  deltalake,
  duckdb,
  tus,
]

interface Row {
  readonly application: string
  readonly version: string
  readonly api: string
  readonly key: string
  readonly result: string
}

const say = (line: string) => process.stderr.write(`long:apps: ${line}\n`)
const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

let buckets = 0

/** What the row of a task says of it. */
async function resultOf(node: ChildNode, { key, skip, run }: Task): Promise<string> {
  if (skip !== undefined) return `skipped: ${skip}`
  const place = await Place.on(node, `app-${++buckets}`)
  const startMs = performance.now()
  try {
    await run(place)
    const objects = await place.count(key)
    const seconds = Math.round((performance.now() - startMs) / 1000)
    return `the same bytes, ${objects} objects, ${seconds} s`
  } catch (error) {
    say(reasonOf(error))
    return `FAILED: ${reasonOf(error).replace(/\s+/g, ' ').slice(0, 200)}`
  } finally {
    await place.leave()
  }
}

async function rowsOf(node: ChildNode, { name, install }: Application): Promise<Row[]> {
  say(`installing ${name}`)
  let installed: Awaited<ReturnType<typeof install>>
  try {
    installed = await install()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const result = `skipped: ${error.message.slice(0, 200)}`
    return [{ application: name, version: '', api: '', key: '', result }]
  }
  const rows: Row[] = []
  for (const task of installed.tasks) {
    say(`${name} ${installed.version}, ${task.api}, key of the ${task.key}`)
    const result = await resultOf(node, task)
    const { api, key } = task
    rows.push({ application: name, version: installed.version, api, key, result })
  }
  return rows
}

/** Columns as wide as what is in them. */
function tableOf(rows: readonly Row[]): string {
  const head: Row = {
    application: 'application',
    version: 'version',
    api: 'API',
    key: 'key',
    result: 'result',
  }
  const columns = Object.keys(head) as (keyof Row)[]
  const all = [head, ...rows]
  const widths = columns.map((column) => Math.max(...all.map((row) => row[column].length)))
  const lines = all.map((row) => columns.map((name, i) => row[name].padEnd(widths[i]!)).join('  '))
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

const wanted = process.argv.slice(2).map((word) => word.toLowerCase())
const chosen = applications.filter(
  ({ name }) => wanted.length === 0 || wanted.some((word) => name.toLowerCase().includes(word)),
)
const closers: (() => void | Promise<void>)[] = []
try {
  const node = await startChildNode(
    { teardown: (close) => closers.push(close) },
    { storage: { reserveBytes: 0 } },
  )
  const rows: Row[] = []
  for (const application of chosen) rows.push(...(await rowsOf(node, application)))
  process.stdout.write(tableOf(rows))
  const failed = rows.filter(({ result }) => result.startsWith('FAILED'))
  const done = rows.filter(({ result }) => result.startsWith('the same bytes'))
  if (failed.length > 0 || done.length === 0) process.exitCode = 1
} finally {
  for (const close of closers.reverse()) await close()
}
