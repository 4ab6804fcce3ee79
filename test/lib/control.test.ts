// The control socket: one process a data directory, whatever was left behind, and answers to the command
// line. Other processes are real ones here, because a lock that only this process sees would prove nothing.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import {
  acquireControl,
  ControlRefused,
  callControl,
  DataDirectoryInUse,
} from '../../lib/control.ts'
import '../helpers/plain-children.ts'

const controlUrl = new URL('../../lib/control.ts', import.meta.url).href
const program = `
  import { acquireControl } from ${JSON.stringify(controlUrl)}
  const handlers = { pid: async () => ({ pid: process.pid }) }
  await acquireControl(process.argv[1], handlers).then(
    () => console.log('holds'),
    (error) => { console.log(error.name); process.exit() },
  )`

/** A process that tries to take the directory, and the word it says about it. */
async function contender(t: Test, dataDir: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [said] = (await once(createInterface(child.stdout!), 'line')) as [string]
  return { child, said }
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A directory whose socket has a name short enough to be used as it is. */
function shortDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'coffer-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Puts a socket in place that nobody listens on, as a killed process leaves it. */
async function leaveStale(dir: string): Promise<void> {
  const server = createServer().listen(join(dir, 'other.sock'))
  await once(server, 'listening')
  linkSync(join(dir, 'other.sock'), join(dir, 'control.sock'))
  await new Promise((settle) => server.close(settle))
}

const echo = { echo: async (args: unknown) => ({ args }) }

t.test('the holder answers the command line, and refuses with its handler’s words', async (t) => {
  const dir = shortDir(t)
  const handlers = {
    ...echo,
    fail: async () => {
      throw new Error('cannot do that now')
    },
  }
  const control = await acquireControl(dir, handlers)
  t.teardown(() => control.close())
  const args = { text: 'é\n"', n: 1, list: ['x'.repeat(50_000)] }
  t.same(await callControl(dir, 'echo', args), { args })
  t.same(await callControl(dir, 'echo', undefined), {})
  await t.rejects(callControl(dir, 'fail', {}), {
    name: 'ControlRefused',
    message: 'cannot do that now',
  })
  for (const verb of ['none', 'toString', '__proto__', '']) {
    await t.rejects(callControl(dir, verb, {}), new ControlRefused('no such verb'))
  }
  await t.rejects(callControl(dir, 'echo', 'x'.repeat(70_000)), {
    message: 'the request is too long',
  })
})

t.test('only its owner may talk to it', async (t) => {
  const dir = shortDir(t)
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  const control = await acquireControl(dir, echo)
  t.teardown(() => control.close())
  t.equal(statSync(join(dir, 'control.sock')).mode & 0o777, 0o600)
  t.equal(process.umask(), 0, 'the mask is as it was')
})

t.test('a request that is no JSON gets an answer, and the next one its own', async (t) => {
  const dir = shortDir(t)
  const control = await acquireControl(dir, echo)
  t.teardown(() => control.close())
  const socket = connect(join(dir, 'control.sock'))
  const lines = createInterface(socket)[Symbol.asyncIterator]()
  const answers: unknown[] = []
  for (const line of ['{', 'null', '[]', '{"verb":1}', '{"verb":"echo","args":7}']) {
    socket.write(`${line}\n`)
    answers.push(JSON.parse((await lines.next()).value!))
  }
  socket.destroy()
  const none = { error: 'no such verb' }
  t.same(answers, [
    { error: 'the request is not a line of JSON' },
    none,
    none,
    none,
    { answer: { args: 7 } },
  ])
})

t.test('nobody answers where nobody runs', async (t) => {
  const dir = shortDir(t)
  t.equal(await callControl(dir, 'echo', {}), null)
  t.equal(await callControl(join(dir, 'none'), 'echo', {}), null)
  t.equal(await callControl(join(dir, 'n'.repeat(150)), 'echo', {}), null)
  const control = await acquireControl(dir, echo)
  await control.close()
  await control.close()
  t.notOk(existsSync(join(dir, 'control.sock')), 'it goes with its holder')
  t.equal(await callControl(dir, 'echo', {}), null)
  await t.rejects(acquireControl(join(dir, 'none'), echo), { code: 'ENOENT' })
})

t.test('a second coffer on the directory is refused, in this process or another', async (t) => {
  const dir = shortDir(t)
  const control = await acquireControl(dir, echo)
  t.teardown(() => control.close())
  await t.rejects(acquireControl(dir, echo), DataDirectoryInUse)
  t.equal((await contender(t, dir)).said, 'DataDirectoryInUse')
  t.same(await callControl(dir, 'echo', 1), { args: 1 }, 'the first still answers')
})

t.test('a holder that stands still is a holder', async (t) => {
  const dir = shortDir(t)
  const { child, said } = await contender(t, dir)
  t.equal(said, 'holds')
  child.kill('SIGSTOP')
  await t.rejects(acquireControl(dir, echo), DataDirectoryInUse)
})

t.test('the socket of a killed process is replaced', async (t) => {
  const dir = shortDir(t)
  const { child, said } = await contender(t, dir)
  t.equal(said, 'holds')
  await kill(child)
  t.ok(existsSync(join(dir, 'control.sock')), 'it was left behind')
  t.equal(await callControl(dir, 'pid', {}), null)
  const control = await acquireControl(dir, echo)
  t.teardown(() => control.close())
  t.same(await callControl(dir, 'echo', 1), { args: 1 })
})

t.test('of many that start at once over a stale socket, one holds the directory', async (t) => {
  const dir = shortDir(t)
  await kill((await contender(t, dir)).child)
  const others = Array.from({ length: 4 }, () => contender(t, dir))
  const holders = (await Promise.all(others)).filter(({ said }) => said === 'holds')
  t.equal(holders.length, 1)
  const { child } = holders[0]!
  t.same(await callControl(dir, 'pid', {}), { pid: child.pid })
  for (let round = 0; round < 8; round++) {
    if (round === 0) await kill(child)
    else await leaveStale(dir)
    const here = Array.from({ length: 10 }, async (_, n) => {
      for (let turn = 0; turn < (n * round) % 17; turn++) await new Promise(setImmediate)
      return acquireControl(dir, echo)
    })
    const controls = (await Promise.allSettled(here)).flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    )
    t.equal(controls.length, 1)
    t.same(await callControl(dir, 'echo', round), { args: round })
    for (const control of controls) await control.close()
  }
})

t.test('a directory whose path is longer than a socket’s may be works all the same', async (t) => {
  for (const bytes of [106, 107, 108, 250]) {
    const base = shortDir(t)
    const dir = join(base, 'd'.repeat(bytes - join(base, '', 'control.sock').length - 1))
    mkdirSync(dir)
    t.equal(join(dir, 'control.sock').length, bytes)
    const control = await acquireControl(dir, echo)
    await t.rejects(acquireControl(dir, echo), DataDirectoryInUse)
    t.same(await callControl(dir, 'echo', bytes), { args: bytes }, `${bytes} bytes`)
    t.ok(existsSync(join(dir, 'control.sock')))
    await control.close()
    t.notOk(existsSync(join(dir, 'control.sock')))
  }
})

t.test('a file of that name that is no socket is left alone', async (t) => {
  const dir = shortDir(t)
  writeFileSync(join(dir, 'control.sock'), 'mine')
  await t.rejects(acquireControl(dir, echo), { message: /not a socket/ })
  t.ok(existsSync(join(dir, 'control.sock')))
})

t.test('a coffer that goes away before it answers is an error, not an empty answer', async (t) => {
  const dir = shortDir(t)
  const asked = Promise.withResolvers<void>()
  const control = await acquireControl(dir, {
    wait: () => {
      asked.resolve()
      return new Promise(() => {})
    },
  })
  const call = callControl(dir, 'wait', {})
  await asked.promise
  await Promise.all([
    t.rejects(call, { message: /closed the control connection/ }),
    control.close(),
  ])
})

t.test(
  'a directory that may not be written gives the system’s error',
  { skip: process.getuid?.() === 0 && 'root may write everywhere' },
  async (t) => {
    const dir = shortDir(t)
    chmodSync(dir, 0o500)
    t.teardown(() => chmodSync(dir, 0o700))
    await t.rejects(acquireControl(dir, echo), { code: 'EACCES' })
  },
)
