// pgBackRest: a PostgreSQL that archives its log to the bucket is backed up whole and by what changed, thrown away,
// and restored to its last transaction.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Application, Task } from './app.ts'
import { Unavailable } from './app.ts'
import { debian } from './install.ts'
import { type KeyHolder, type Place, requireSame } from './place.ts'

/** Debian's directory of the newest PostgreSQL's programs. */
function postgresPrograms(): string {
  const all = '/usr/lib/postgresql'
  const versions = existsSync(all) ? readdirSync(all) : []
  const newest = versions.map(Number).sort((a, b) => b - a)[0]
  if (newest === undefined) throw new Unavailable('no PostgreSQL')
  return join(all, String(newest), 'bin')
}

/** PostgreSQL refuses to run as root: root becomes the user whom Debian made for it. */
const asPostgres = process.getuid!() === 0 ? ['/usr/sbin/runuser', '-u', 'postgres', '--'] : []

function configOf(place: Place, data: string, key: KeyHolder): string {
  const { port } = new URL(place.node.https)
  const settings = {
    'repo1-type': 's3',
    'repo1-path': '/pgbackrest',
    'repo1-s3-bucket': place.bucket,
    // It looks for names in a certificate, and not for addresses.
    'repo1-s3-endpoint': 'localhost',
    'repo1-storage-port': port,
    'repo1-storage-ca-file': place.caFile,
    'repo1-s3-uri-style': 'path',
    'repo1-s3-region': 'us-east-1',
    'repo1-s3-key': place.access,
    'repo1-s3-key-secret': place.secret,
    ...(key === 'customer' && { 'repo1-s3-sse-customer-key': place.key.base64 }),
    'repo1-retention-full': '2',
    'log-path': place.path('own', 'log'),
    'lock-path': place.path('own', 'lock'),
    'spool-path': place.path('own', 'spool'),
    'log-level-console': 'warn',
    'start-fast': 'y',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const socket = place.path('own')
  return `[global]\n${lines.join('\n')}\n[main]\npg1-path=${data}\npg1-socket-path=${socket}\n`
}

async function backUpAndRestore(place: Place, key: KeyHolder): Promise<void> {
  const programs = postgresPrograms()
  const own = place.path('own')
  mkdirSync(own)
  for (const name of ['log', 'lock', 'spool']) mkdirSync(join(own, name))
  if (asPostgres.length > 0) execFileSync('chown', ['-R', 'postgres', own])
  const data = join(own, 'data')
  const config = place.path('pgbackrest.conf')
  writeFileSync(config, configOf(place, data, key), { mode: 0o644 })
  const as = (command: string, ...args: string[]) => {
    const [first, ...rest] = [...asPostgres, command, ...args]
    return place.run(first!, rest, { cwd: own })
  }
  const backrest = (...args: string[]) =>
    as('pgbackrest', `--config=${config}`, '--stanza=main', ...args)
  const sql = (text: string) =>
    as(join(programs, 'psql'), '-h', own, '-d', 'postgres', '-v', 'ON_ERROR_STOP=1', '-c', text)
  const control = (...args: string[]) => as(join(programs, 'pg_ctl'), '-D', data, '-w', ...args)
  const start = () => control('-l', join(own, 'postgres.log'), 'start')
  const rows = () => sql('COPY (SELECT * FROM kept ORDER BY n, text) TO STDOUT')

  await as(join(programs, 'initdb'), '-D', data, '--auth=trust', '--no-sync')
  const archive = `pgbackrest --config=${config} --stanza=main archive-push %p`
  const settings = `listen_addresses = ''
unix_socket_directories = '${own}'
archive_mode = on
archive_command = '${archive}'
fsync = off\n`
  await as('sh', '-c', `printf %s "$1" >> "${data}/postgresql.conf"`, 'sh', settings)
  await start()
  try {
    await backrest('stanza-create')
    await sql(
      `CREATE TABLE kept AS SELECT n, md5(n::text) AS text FROM generate_series(1, 200000) n`,
    )
    await backrest('check')
    await backrest('--type=full', 'backup')
    await sql('UPDATE kept SET text = text || n WHERE n % 3 = 0')
    await backrest('--type=incr', 'backup')
    // Only in the archived log.
    await sql(`INSERT INTO kept VALUES (0, 'after the last backup')`)
    await sql('SELECT pg_switch_wal()')
    const before = await rows()
    await control('-m', 'fast', 'stop')
    rmSync(data, { recursive: true })
    mkdirSync(data, { mode: 0o700 })
    if (asPostgres.length > 0) execFileSync('chown', ['postgres', data])
    await backrest('restore')
    await start()
    await place.until('the database has caught up', async () =>
      /\bf\b/.test(await sql('SELECT pg_is_in_recovery()')),
    )
    requireSame(await rows(), before, 'the table')
    await backrest('verify')
  } finally {
    await control('-m', 'immediate', 'stop').catch(() => undefined)
  }
}

/** True where this version knows the option: those before 2.52 or so do not. */
function knowsCustomerKeys(): boolean {
  const help = execFileSync('pgbackrest', ['help', 'backup']).toString()
  return help.includes('--repo-s3-sse-customer-key')
}

export const pgbackrest: Application = {
  name: 'pgBackRest',
  async install() {
    const version = debian('pgbackrest', 'postgresql')
    const task = (key: KeyHolder): Task => ({
      api: 'S3 V4, TLS',
      key,
      run: (place) => backUpAndRestore(place, key),
    })
    const sealed = task('customer')
    const skip = 'this version has no customer keys'
    return { version, tasks: [task('node'), knowsCustomerKeys() ? sealed : { ...sealed, skip }] }
  },
}
