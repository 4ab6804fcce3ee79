// `coffer backup` and `coffer restore` from outside: of a node that runs and of one that does not.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { callControl } from '../../lib/control.ts'
import { copyFixture, type Fixture, newestFixture } from '../helpers/fixture.ts'
import { send } from '../helpers/node.ts'
import { root, run, start } from '../helpers/process.ts'
import { mountSmall } from '../helpers/small-disk.ts'

async function stop({ child, exited }: Awaited<ReturnType<typeof start>>): Promise<void> {
  child.kill('SIGTERM')
  await exited
}

const site = (t: Test): Fixture => copyFixture(t, newestFixture)

t.test('a running node is backed up, and the backup undoes what came after it', async (t) => {
  const { data, args } = site(t)
  const file = join(data, '..', 'backup')
  const node = await start(t, args)
  const done = await run(['backup', file, ...args])
  t.equal(done.code, 0, done.stderr)
  t.match(done.stdout, /^Wrote and read back \S+: catalog [0-9a-f]{32} at commit \d+, 20\S+Z\n/)
  t.match(done.stdout, /\n[\d,]+ rows, [\d,]+ bytes, SHA-256 [0-9a-f]{64}\n/)
  t.match(done.stdout, /It holds no keys and no volumes/)
  const text = readFileSync(join(data, 'keyring'), 'utf8')
  const secret = /: ([A-Za-z0-9+/]{43}=)/.exec(text)![1]!
  const bytes = readFileSync(file)
  for (const form of [secret, Buffer.from(secret, 'base64')]) t.equal(bytes.includes(form), false)

  t.equal((await send(node.http, 'DELETE', '/plain/large', {}, '')).status, 204)
  t.equal((await send(node.http, 'PUT', '/plain/after', { body: 'after' }, '')).status, 200)
  const early = await run(['restore', file, ...args])
  t.equal(early.code, 1)
  t.match(early.stderr, /^coffer: another coffer runs on this data directory/)
  await stop(node)
  const there = await run(['restore', file, ...args])
  t.equal(there.code, 1)
  t.match(there.stderr, /catalog: a catalog is there: .* move it away first\n$/)

  renameSync(join(data, 'catalog'), join(data, 'old'))
  const restored = await run(['restore', file, ...args])
  t.equal(restored.code, 0, restored.stderr)
  t.match(restored.stdout, /^Restored catalog [0-9a-f]{32} at commit/)
  t.match(restored.stdout, /Reclaim is off until coffer fsck --accept-catalog\.\n$/)
  const again = await start(t, args)
  t.equal((await send(again.http, 'GET', '/plain/large', {}, '')).body.length, 150_000)
  t.equal((await send(again.http, 'GET', '/plain/after', {}, '')).status, 404)
  t.match(again.stdout(), /the catalog was restored from a backup: reclaim is off/)
  const reclaim = await run(['reclaim', ...args])
  t.match(reclaim.stdout + reclaim.stderr, /restored from a backup: reclaim is off/)
})

t.test('a node that does not run is backed up too, and without its keyring', async (t) => {
  const { data, args } = site(t)
  const file = join(data, '..', 'backup')
  renameSync(join(data, 'keyring'), join(data, 'keyring.away'))
  const done = await run(['backup', file, ...args])
  t.equal(done.code, 0, done.stderr)
  const verified = await run(['backup', '--verify', file])
  t.equal(verified.code, 0, verified.stderr)
  t.equal(verified.stdout.split('\n')[1], done.stdout.split('\n')[1])
  t.notOk(existsSync(join(data, 'control.sock')))
})

t.test('a damaged backup is named, and restores nothing', async (t) => {
  const { data, args } = site(t)
  const file = join(data, '..', 'backup')
  await run(['backup', file, ...args])
  const bytes = readFileSync(file)
  bytes[Math.floor(bytes.length / 2)]! ^= 1
  writeFileSync(file, bytes)
  const verified = await run(['backup', '--verify', file])
  t.equal(verified.code, 1)
  t.match(verified.stderr, /backup: the backup is damaged: /)
  renameSync(join(data, 'catalog'), join(data, 'old'))
  const restored = await run(['restore', file, ...args])
  t.equal(restored.code, 1)
  t.equal(restored.stderr, verified.stderr)
  t.notOk(readdirSync(data).some((name) => name.startsWith('catalog')))
})

t.test('where there is no catalog, or no room for the file, that is what is said', async (t) => {
  const { data, args } = site(t)
  const nowhere = await run(['backup', join(data, '..', 'none', 'backup'), ...args])
  t.equal(nowhere.code, 1)
  t.match(nowhere.stderr, /^coffer: ENOENT: no such file or directory/)
  const empty = await run(['backup', join(data, 'b'), '--data', join(data, 'empty')])
  t.equal(empty.code, 1)
  t.match(empty.stderr, /empty: there is no catalog here\n$/)
  t.notOk(existsSync(join(data, 'empty')))
})

t.test('the handlers refuse what is no request', async (t) => {
  const { data, args } = site(t)
  await start(t, args)
  const ask = (verb: string, request: unknown) => callControl(data, verb, request)
  await t.rejects(ask('backup-page', null), { message: 'id must be text' })
  await t.rejects(ask('backup-page', { id: 'x', after: '' }), /given up: begin anew/)
  await t.rejects(ask('rewrap-start', { rowsPerSecond: 0 }), /the rate is 1 to 1000000/)
  await t.rejects(ask('rewrap-status', {}), { message: 'no rewrap was begun' })
  const begun = await ask('backup-begin', {})
  await t.rejects(ask('rewrap-start', { rowsPerSecond: 1 }), /a backup is being taken/)
  await ask('backup-end', { id: begun!.id })
})

t.test('kill -9 of a restore leaves no catalog, and a node begins none of its own', async (t) => {
  const { data, args } = site(t)
  const file = join(data, '..', 'backup')
  await run(['backup', file, ...args])
  renameSync(join(data, 'catalog'), join(data, 'old'))
  const child = spawn(process.execPath, [join(root, 'bin/coffer.ts'), 'restore', file, ...args])
  const gone = once(child, 'exit')
  const staging = join(data, 'catalog.restoring')
  while (child.exitCode === null && !existsSync(staging)) await sleep(1)
  child.kill('SIGKILL')
  await gone
  if (!existsSync(join(data, 'catalog'))) {
    const refused = await run(['serve', ...args])
    t.equal(refused.code, 1)
    t.match(refused.stderr, /there is no catalog in \S+, and the devices have volumes of one/)
    t.notOk(existsSync(join(data, 'catalog')))
    const again = await run(['restore', file, ...args])
    t.equal(again.code, 0, again.stderr)
  }
  const node = await start(t, args)
  t.equal((await send(node.http, 'GET', '/plain/large', {}, '')).body.length, 150_000)
  t.same(
    readdirSync(data).filter((name) => name.startsWith('catalog')),
    ['catalog'],
  )
})

t.test('a disk that is too small for the backup keeps the earlier one', async (t) => {
  const { data, args } = site(t)
  const disk = mountSmall('backup', 256 << 10)
  if (disk === null) return void t.comment('needs the right to mount')
  t.teardown(() => {
    execFileSync('umount', [disk])
    rmdirSync(disk)
  })
  const file = join(disk, 'backup')
  const first = await run(['backup', join(data, '..', 'backup'), ...args])
  t.equal(first.code, 0, first.stderr)
  const before = readFileSync(join(data, '..', 'backup'))
  writeFileSync(file, before)
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(join(disk, 'ballast'), Buffer.alloc((bavail - 1) * bsize))
  const full = await run(['backup', file, ...args])
  t.equal(full.code, 1)
  t.match(full.stderr, /ENOSPC|no space left/)
  t.ok(readFileSync(file).equals(before))
  t.same(readdirSync(disk).sort(), ['backup', 'ballast'], 'nothing is left beside it')
})
