// The gate before a volume: how many puts are under way, in which order, and whose bytes they are.
import t from 'tap'
import { PUTS_MAX, Puts } from '../../../../lib/blobs/level/puts.ts'
import { CofferError } from '../../../../lib/errors.ts'

const unavailable = new CofferError('StoreUnavailable', { what: 'test' })

/** Puts that end when the test says so. */
function slowPuts() {
  const begun: { bytes: string; end: () => void; fail: (error: Error) => void }[] = []
  const failures: unknown[] = []
  const puts = new Puts((error) => {
    failures.push(error)
    puts.stop(unavailable)
  })
  const run = (text: string) => {
    const slab = Buffer.from(`${text}....`)
    const done = puts.run(slab, text.length, (bytes) => {
      const copy = bytes.toString('latin1', 0, text.length)
      return new Promise((resolve, reject) =>
        begun.push({ bytes: copy, end: resolve, fail: reject }),
      )
    })
    slab.fill('x')
    return done
  }
  return { puts, begun, failures, run }
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => `record ${i}`)

t.test(
  'no more than four puts are under way, and the others keep their order and bytes',
  async (t) => {
    const { begun, run, puts } = slowPuts()
    const done = texts(11).map(run)
    t.equal(begun.length, PUTS_MAX)
    for (let ended = 0; ended < 11; ended++) {
      begun[ended]!.end()
      await done[ended]
      t.equal(begun.length, Math.min(11, ended + 1 + PUTS_MAX))
    }
    t.same(
      begun.map(({ bytes }) => bytes),
      texts(11),
    )
    await puts.begun()
  },
)

t.test('a put that comes while others wait waits behind them', async (t) => {
  const { begun, run } = slowPuts()
  const done = texts(PUTS_MAX + 1).map(run)
  begun[0]!.end()
  await done[0]
  const late = run('late')
  t.equal(begun.at(-1)!.bytes, `record ${PUTS_MAX}`)
  begun[1]!.end()
  await done[1]
  t.equal(begun.at(-1)!.bytes, 'late')
  for (const { end } of begun) end()
  await Promise.all([...done, late])
})

t.test('one failure is told, and stops those that wait and those that come', async (t) => {
  const { begun, failures, run, puts } = slowPuts()
  const done = texts(PUTS_MAX + 2).map(run)
  const error = new Error('disk')
  begun[1]!.fail(error)
  await t.rejects(done[1]!, { code: 'StoreUnavailable', cause: error })
  t.same(failures, [error])
  for (const waiting of done.slice(PUTS_MAX)) await t.rejects(waiting, unavailable)
  t.throws(() => run('late'), unavailable)
  t.equal(begun.length, PUTS_MAX, 'none began after it')
  for (const { end } of begun) end()
  await Promise.all([done[0], done[2], done[3]])
  await puts.begun()
})

t.test('begun waits for what is under way and not for what comes later', async (t) => {
  const { begun, run, puts } = slowPuts()
  const first = run('first')
  let ended = false
  const waiting = puts.begun().then(() => {
    ended = true
  })
  const second = run('second')
  await new Promise(setImmediate)
  t.equal(ended, false)
  begun[0]!.end()
  await waiting
  begun[1]!.end()
  await Promise.all([first, second])
})
