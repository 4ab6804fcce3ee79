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

/** Two run and 64 wait. */
const HELD = 66

t.test(
  'right is right and wrong is wrong, for hashes and clear text, again and again',
  async (t) => {
    const checks = new PasswordChecks()
    const stored = hashOf('secret')
    for (const record of [stored, 'secret']) {
      for (let i = 0; i < 2; i++) {
        t.equal(await checks.verify('secret', record), true)
        t.equal(await checks.verify('Secret', record), false)
      }
    }
    t.equal(await checks.verify('secret', hashOf('other')), false, 'of another record')
  },
)

t.test('what comes while too many wait is refused, and the rest is answered', async (t) => {
  const checks = new PasswordChecks()
  const stored = hashOf('secret')
  t.ok(await checks.verify('secret', stored))
  const held = Array.from({ length: HELD }, (_, i) => checks.verify(`wrong ${i}`, stored))
  await t.rejects(checks.verify('one too many', stored), { code: 'StoreUnavailable' })
  t.equal(await checks.verify('secret', stored), true, 'who was here before is known again')
  t.strictSame(new Set(await Promise.all(held)), new Set([false]))
  t.equal(await checks.verify('now there is room', stored), false)
})
