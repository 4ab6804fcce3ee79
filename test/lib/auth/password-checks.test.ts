// Password checks: right answers, a few at a time, and a flood that does not lock out who was here before.
import { scryptSync } from 'node:crypto'
import t from 'tap'
import { PasswordChecks } from '../../../lib/auth/password-checks.ts'

/** A hash as `coffer user` makes it, but cheap. */
function hashOf(password: string): string {
  const salt = Buffer.alloc(16, password)
  const hash = scryptSync(password, salt, 32, { N: 2, r: 8, p: 1 })
  return `$scrypt$2$8$1$${salt.toString('base64')}$${hash.toString('base64')}`
}

/** Two run and 64 wait, 16 of an address. */
const HELD = 66
const addressOf = (i: number) => `address ${i % 5}`

t.test(
  'right is right and wrong is wrong, for hashes and clear text, again and again',
  async (t) => {
    const checks = new PasswordChecks()
    const stored = hashOf('secret')
    for (const record of [stored, 'secret']) {
      for (let i = 0; i < 2; i++) {
        t.equal(await checks.verify('secret', record, 'x'), true)
        t.equal(await checks.verify('Secret', record, 'x'), false)
      }
    }
    t.equal(await checks.verify('secret', hashOf('other'), 'x'), false, 'of another record')
  },
)

t.test('what comes while too many wait is refused, and the rest is answered', async (t) => {
  const checks = new PasswordChecks()
  const stored = hashOf('secret')
  t.ok(await checks.verify('secret', stored, 'x'))
  const held = Array.from({ length: HELD }, (_, i) =>
    checks.verify(`wrong ${i}`, stored, addressOf(i)),
  )
  await t.rejects(checks.verify('one too many', stored, 'x'), { code: 'StoreUnavailable' })
  t.equal(await checks.verify('secret', stored, 'x'), true, 'who was here before is known again')
  t.strictSame(new Set(await Promise.all(held)), new Set([false]))
  t.equal(await checks.verify('now there is room', stored, 'x'), false)
})

t.test('an address that floods the queue has its turn, and others theirs', async (t) => {
  const checks = new PasswordChecks()
  const stored = hashOf('secret')
  const order: string[] = []
  const ask = (address: string) =>
    checks.verify('wrong', stored, address).then(() => void order.push(address))
  const flood = Array.from({ length: 18 }, () => ask('flood'))
  await t.rejects(checks.verify('wrong', stored, 'flood'), { code: 'StoreUnavailable' })
  const others = ['one', 'two', 'one'].map(ask)
  await Promise.all([...flood, ...others])
  const before = (address: string) => order.slice(0, order.lastIndexOf(address)).length
  t.ok(before('one') < 12, `turn by turn: ${order.join(' ')}`)
  t.ok(before('two') < 12)
})

t.test('where passwords are hashed, time tells nobody which users there are', async (t) => {
  const checks = new PasswordChecks()
  for (const record of ['clear', hashOf('secret')]) checks.note(record)
  const unhashed = new PasswordChecks()
  for (const record of ['clear', 'other']) unhashed.note(record)
  /** How many get no place when as many ask as fit, and one more: none where asking costs no hash. */
  const refused = async (of: PasswordChecks, record: string | undefined) => {
    const asked = Array.from({ length: HELD + 1 }, (_, i) => of.verify('x', record, addressOf(i)))
    const outcomes = await Promise.allSettled(asked)
    return outcomes.filter(({ status }) => status === 'rejected').length
  }
  for (const record of [undefined, 'clear', hashOf('secret'), hashOf('third')]) {
    t.equal(await refused(checks, record), 1, `${record} costs a hash`)
  }
  t.equal(await refused(unhashed, undefined), 0)
  t.equal(await refused(unhashed, 'clear'), 0)
  t.equal(await checks.verify('secret', undefined, 'x'), false, 'nobody is nobody')
  t.equal(await checks.verify('secret', 'clear', 'x'), false, 'the price is no password')
  t.equal(await checks.verify('clear', 'clear', 'x'), true)
  t.equal(checks.remembers('clear', 'clear'), true)
  t.equal(checks.remembers('secret', 'clear'), false)
})
