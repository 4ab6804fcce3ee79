// Litestream: a SQLite database is replicated while it is written to, and restored elsewhere.
import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { contentOf } from '../interop/setting.ts'
import type { Application, Task } from './app.ts'
import { go } from './install.ts'
import { type KeyHolder, type Place, requireSame } from './place.ts'

const MODULE = 'github.com/benbjohnson/litestream'
const VERSION = 'v0.5.18'
const ROWS = 400

function configOf(place: Place, database: string, tls: boolean, key: KeyHolder): string {
  const replica = {
    type: 's3',
    bucket: place.bucket,
    path: 'litestream',
    endpoint: `http${tls ? 's' : ''}://${place.host({ tls })}`,
    region: 'us-east-1',
    'force-path-style': true,
    'access-key-id': place.access,
    'secret-access-key': place.secret,
    'sync-interval': '200ms',
    ...(key === 'customer' && {
      'sse-customer-algorithm': 'AES256',
      'sse-customer-key': place.key.base64,
      'sse-customer-key-md5': place.key.md5,
    }),
  }
  return JSON.stringify({ dbs: [{ path: database, replica }] })
}

/** Every row, in order, as bytes. */
function rowsOf(file: string): Buffer {
  const db = new DatabaseSync(file, { readOnly: true })
  const rows = db.prepare('SELECT n, body FROM kept ORDER BY n').all() as {
    n: number
    body: Uint8Array
  }[]
  db.close()
  return Buffer.concat(rows.flatMap(({ n, body }) => [Buffer.from(`${n}:`), body]))
}

async function replicateAndRestore(place: Place, litestream: string, tls: boolean, key: KeyHolder) {
  const database = place.path('kept.db')
  const db = new DatabaseSync(database)
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE kept (n INTEGER PRIMARY KEY, body BLOB)')
  const insert = db.prepare('INSERT INTO kept VALUES (?, ?)')
  const config = place.path('litestream.yml')
  writeFileSync(config, configOf(place, database, tls, key))
  const replicating = place.start(litestream, ['replicate', '-config', config])
  for (let n = 0; n < ROWS; n++) {
    insert.run(n, contentOf(`${place.bucket} ${n}`, 100 + n * 37))
    if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const rows = rowsOf(database)
  const restored = place.path('restored.db')
  // A replica is behind by what it has not sent yet.
  await place.until(`all rows are replicated; ${replicating.said().slice(-800)}`, async () => {
    if (replicating.hasEnded()) throw new Error(`litestream ended: ${replicating.said()}`)
    const args = ['restore', '-config', config, '-o', restored, database]
    const done = await place.run(litestream, args).then(
      () => true,
      () => false,
    )
    if (!done) return false
    const isWhole = rowsOf(restored).equals(rows)
    if (!isWhole) place.remove('restored.db')
    return isWhole
  })
  db.close()
  await replicating.stop()
  place.remove('restored.db')
  await place.run(litestream, ['restore', '-config', config, '-o', restored, database])
  requireSame(rowsOf(restored), rows, 'the database')
}

export const litestream: Application = {
  name: 'Litestream',
  async install() {
    const program = go(MODULE, VERSION, 'cmd/litestream')
    const task = (tls: boolean, key: KeyHolder): Task => ({
      api: tls ? 'S3 V4, TLS' : 'S3 V4',
      key,
      run: (place) => replicateAndRestore(place, program, tls, key),
    })
    return { version: VERSION, tasks: [task(false, 'node'), task(true, 'customer')] }
  },
}
