// Other users of the machine: what they can take, read or block without a right on the node's files.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { acquireControl, callControl } from '../../lib/control.ts'
import { startChildNode } from '../helpers/child-node.ts'
import { startNode } from '../helpers/node.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'local')

/** `nobody` of Debian: another user, where the test may run processes as that user. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

const echo = { echo: async (args: unknown) => ({ args }) }

t.test('nobody else can take the lock of a start', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'coffer-lock-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const { dev, ino } = statSync(dir, { bigint: true })
  const names = [`coffer-start-${dev}-${ino}`, `coffer-${dev}-${ino}`, dir, join(dir, 'start.lock')]
  for (const name of names) {
    const squatter = createServer().listen(`\0${name}`)
    await once(squatter, 'listening')
    const control = await acquireControl(dir, echo)
    table.tried(
      `the abstract name ${name.replace(dir, 'DIR')} is taken`,
      (await callControl(dir, 'echo', 1))?.args === 1,
    )
    await control.close()
    squatter.close()
  }
  // The directory may be open to all, as one that an operator has made. Its files are not.
  chmodSync(dir, 0o755)
  const control = await acquireControl(dir, echo)
  for (const file of ['start.lock', 'control.sock']) {
    const { mode } = statSync(join(dir, file))
    table.tried(`${file} is its owner's alone`, (mode & 0o077) === 0, mode.toString(8))
    table.tried(`${file}: no other user can open it`, await isClosed(join(dir, file)))
  }
  if (isRoot) {
    // The service must be able to lock files that a command of root left.
    await control.close()
    rmSync(join(dir, 'start.lock'))
    chownSync(dir, NOBODY, NOBODY)
    await (await acquireControl(dir, echo)).close()
    t.equal(statSync(join(dir, 'start.lock')).uid, NOBODY, 'it is the directory’s owner’s')
  }
  table.tried('an empty file is the lock', statSync(join(dir, 'start.lock')).size === 0)
  await control.close()
  t.strictSame(readdirSync(dir), ['start.lock'], 'nothing else is left')
})

/** True where a process of another user can neither open the path nor connect to it. */
async function isClosed(path: string): Promise<boolean> {
  const script = `
    const { openSync } = require('node:fs')
    try { openSync(process.argv[1], 'r'); process.exit(1) } catch {}
    const socket = require('node:net').connect(process.argv[1])
    socket.on('connect', () => process.exit(2)).on('error', () => process.exit(0))`
  // Without root there is no other user, and the check of the modes above must suffice.
  if (!isRoot) return true
  const child = spawn('node', ['-e', script, path], {
    uid: NOBODY,
    gid: NOBODY,
    stdio: 'ignore',
    cwd: '/',
  })
  const [code] = await once(child, 'exit')
  return code === 0
}

function* pathsIn(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    yield path
    if (entry.isDirectory()) yield* pathsIn(path)
  }
}

t.test('devices are private as soon as they are made', async (t) => {
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  const base = mkdtempSync(join(tmpdir(), 'coffer-devices-'))
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  const devices = [join(base, 'a'), join(base, 'deep', 'below', 'b')]
  await startNode(t, { devices })
  for (const directory of [...devices, join(base, 'deep'), join(base, 'deep', 'below')]) {
    const mode = statSync(directory).mode & 0o777
    table.tried(`the device's directory ${directory.slice(base.length)}`, mode === 0o700, mode)
  }
})

t.test('nothing that a node makes is for others, whatever the mask it starts with', async (t) => {
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  const node = await startChildNode(t)
  await node.request('PUT', '/bucket')
  await node.request('PUT', '/bucket/o', { body: Buffer.alloc(1 << 20) })
  // A start makes new files of LevelDB.
  await node.kill('SIGTERM')
  await node.start()
  let seen = 0
  for (const path of pathsIn(node.data)) {
    seen++
    const mode = statSync(path).mode & 0o777
    table.tried(
      path.slice(node.data.length).replace(/[0-9a-f]{16}/g, 'ID'),
      (mode & 0o077) === 0,
      mode.toString(8),
    )
  }
  t.ok(seen > 10, `${seen} files`)
})
