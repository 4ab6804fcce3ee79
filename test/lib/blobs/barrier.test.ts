// Barriers: who waits for which run, and which files a run syncs.
import t from 'tap'
import { Barrier } from '../../../lib/blobs/barrier.ts'
import { Logs } from '../../../lib/blobs/level/logs.ts'
import type { Engine } from '../../../lib/leveldb/engine.ts'

/** A barrier whose runs end when the test says so. */
function slowBarrier() {
  const runs: { end: () => void; fail: (error: Error) => void }[] = []
  const barrier = new Barrier(
    () => new Promise((resolve, reject) => runs.push({ end: resolve, fail: reject })),
  )
  const ended: string[] = []
  const wait = (name: string) => barrier.wait().then(() => ended.push(name))
  return { runs, wait, ended }
}

t.test('whoever comes during a run waits for the next one, all together', async (t) => {
  const { runs, wait, ended } = slowBarrier()
  const waits = [wait('a')]
  t.equal(runs.length, 1, 'an idle barrier runs at once')
  waits.push(wait('b'), wait('c'))
  t.equal(runs.length, 1)
  runs[0]!.end()
  await waits[0]
  t.same(ended, ['a'])
  t.equal(runs.length, 2)
  waits.push(wait('d'))
  runs[1]!.end()
  await Promise.all(waits.slice(0, 3))
  t.same(ended, ['a', 'b', 'c'])
  t.equal(runs.length, 3)
  runs[2]!.end()
  await Promise.all(waits)
  t.equal(ended.length, 4)
  t.equal(runs.length, 3)
})

t.test('runs never overlap, whoever asks from within the end of one', async (t) => {
  let running = 0
  let most = 0
  const barrier = new Barrier(async () => {
    most = Math.max(most, ++running)
    await new Promise(setImmediate)
    running--
  })
  const again = async (times: number): Promise<void> => {
    if (times > 0) await barrier.wait().then(() => again(times - 1))
  }
  await Promise.all([again(5), again(5), again(5)])
  t.equal(most, 1)
})

t.test('a failed run fails all who wait, then and later, and is not tried again', async (t) => {
  const { runs, wait, ended } = slowBarrier()
  const waits = [wait('a'), wait('b')]
  runs[0]!.fail(new Error('lost page'))
  for (const waiting of waits) await t.rejects(waiting, { message: 'lost page' })
  await t.rejects(wait('c'), { message: 'lost page' })
  t.equal(runs.length, 1)
  t.same(ended, [])
})

/** An engine with one directory whose files the test sets; it keeps what was done. */
function fakeFiles(names: string[]) {
  const calls: string[] = []
  const missing = new Set<string>()
  const engine = {
    list: async () => [...names],
    openFile: async (path: string) => {
      const name = path.slice('/db/'.length)
      if (missing.has(name)) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
      calls.push(`open ${name}`)
      return {
        datasync: async () => void calls.push(`sync ${name}`),
        close: async () => void calls.push(`close ${name}`),
      }
    },
    syncDirectory: async (directory: string) => void calls.push(`directory ${directory}`),
  } as unknown as Engine
  return { logs: new Logs(engine, '/db'), calls, missing }
}

t.test('every log is synced, and the directory when a log is new', async (t) => {
  const names = ['000003.log', 'CURRENT', 'LOCK', 'LOG', '000002.ldb']
  const { logs, calls } = fakeFiles(names)
  await logs.sync()
  t.same(calls.splice(0), ['open 000003.log', 'sync 000003.log', 'directory /db'])
  await logs.sync()
  t.same(calls.splice(0), ['sync 000003.log'], 'one descriptor from first sight')
  names.push('000005.log')
  await logs.sync()
  t.same(calls.splice(0), [
    'open 000005.log',
    'sync 000003.log',
    'sync 000005.log',
    'directory /db',
  ])
  names.shift()
  await logs.sync()
  t.same(calls.splice(0), ['close 000003.log', 'sync 000005.log'], 'what is unlinked is durable')
  await logs.close()
  await logs.close()
  t.same(calls, ['close 000005.log'])
})

t.test('a log that goes away between its listing and its opening is durable', async (t) => {
  const { logs, calls, missing } = fakeFiles(['000003.log', '000005.log'])
  missing.add('000003.log')
  await logs.sync()
  t.same(calls, ['open 000005.log', 'sync 000005.log', 'directory /db'])
})

t.test('any other error of opening a log is one', async (t) => {
  const { logs } = fakeFiles(['000003.log'])
  const broken = { list: async () => ['1.log'], openFile: () => Promise.reject(new Error('EIO')) }
  await t.rejects(new Logs(broken as unknown as Engine, '/db').sync(), { message: 'EIO' })
  await logs.close()
})
