// Denied logins make the next ones wait: how long, whom, and for how long that is remembered.
import t from 'tap'
import { type BackoffOptions, LoginBackoff, TALLIES_MAX } from '../../../lib/auth/login-backoff.ts'

const options: BackoffOptions = {
  failures: 3,
  failuresPerAddress: 5,
  backoffMs: 100,
  backoffMaxMs: 1000,
}

function denied(backoff: LoginBackoff, times: number, user = 'a:u', address = 'x', nowMs = 0) {
  for (let i = 0; i < times; i++) backoff.failed(user, address, nowMs)
  return backoff
}

t.test('denials up to the limit cost nothing, the one that reaches it does', async (t) => {
  for (const [times, waitMs] of [
    [0, 0],
    [1, 0],
    [2, 0],
    [3, 100],
    [4, 200],
  ] as const) {
    t.equal(denied(new LoginBackoff(options), times).waitMs('a:u', 'x', 0), waitMs, `${times}`)
  }
})

t.test('each further denial doubles the wait, up to the longest', async (t) => {
  const backoff = new LoginBackoff({ ...options, failuresPerAddress: 1000 })
  const waits = [1, 2, 3, 4, 5, 6, 7, 8].map(() => denied(backoff, 1).waitMs('a:u', 'x', 0))
  t.same(waits, [0, 0, 100, 200, 400, 800, 1000, 1000])
  t.equal(denied(backoff, 3000).waitMs('a:u', 'x', 0), 1000, 'and after thousands')
})

t.test('a wait passes', async (t) => {
  const backoff = denied(new LoginBackoff(options), 3)
  t.equal(backoff.waitMs('a:u', 'x', 99), 1)
  t.equal(backoff.waitMs('a:u', 'x', 100), 0)
  t.equal(backoff.waitMs('a:u', 'x', 101), 0)
})

t.test('a user is held up at the guesser’s address alone, other users there are not', async (t) => {
  const backoff = denied(new LoginBackoff(options), 3)
  t.equal(backoff.waitMs('a:u', 'y', 0), 0)
  t.equal(backoff.waitMs('a:v', 'x', 0), 0)
})

t.test('an address that tries many users is held up for all of them', async (t) => {
  const backoff = new LoginBackoff(options)
  for (const user of ['1', '2', '3', '4']) backoff.failed(user, 'x', 0)
  t.equal(backoff.waitMs('6', 'x', 0), 0)
  backoff.failed('5', 'x', 0)
  t.equal(backoff.waitMs('6', 'x', 0), 100)
  t.equal(backoff.waitMs('6', 'y', 0), 0)
})

t.test('a login that was right ends the row of its user, not that of its address', async (t) => {
  const backoff = denied(new LoginBackoff({ ...options, failuresPerAddress: 6 }), 2)
  t.notOk(backoff.idle)
  backoff.succeeded('a:u', 'x')
  t.equal(denied(backoff, 2).waitMs('a:u', 'x', 0), 0)
  t.equal(denied(backoff, 1).waitMs('a:u', 'x', 0), 100)
  backoff.succeeded('a:u', 'x')
  t.equal(backoff.waitMs('a:u', 'x', 0), 0)
  t.equal(denied(backoff, 1).waitMs('a:u', 'x', 0), 100, 'guesses at others are still counted')
})

t.test('a right login of one user leaves what another is denied for', async (t) => {
  const backoff = denied(new LoginBackoff(options), 3)
  backoff.succeeded('a:v', 'x')
  t.notOk(backoff.idle)
  t.equal(backoff.waitMs('a:u', 'x', 0), 100)
})

t.test('denials are forgotten when none came for twice the longest wait', async (t) => {
  const kept = denied(new LoginBackoff(options), 2)
  t.equal(denied(kept, 1, 'a:u', 'x', 2000).waitMs('a:u', 'x', 2000), 100)
  const forgotten = denied(new LoginBackoff(options), 2)
  t.equal(denied(forgotten, 1, 'a:u', 'x', 2001).waitMs('a:u', 'x', 2001), 0)
})

t.test('what is remembered is bounded: the oldest denials go first', async (t) => {
  const backoff = denied(new LoginBackoff(options), 3, 'old', 'x')
  for (let i = 0; i < TALLIES_MAX - 1; i++) backoff.failed(`u${i}`, `a${i}`, 0)
  t.equal(backoff.waitMs('old', 'x', 0), 100)
  backoff.failed('one more', 'y', 0)
  t.equal(backoff.waitMs('old', 'x', 0), 0)
  t.equal(denied(backoff, 3, 'new', 'z').waitMs('new', 'z', 0), 100)
})

t.test('a name of any length costs the same memory, and is still told apart', async (t) => {
  const long = 'n'.repeat(1 << 20)
  const backoff = denied(new LoginBackoff(options), 3, long)
  t.equal(backoff.waitMs(long, 'x', 0), 100)
  t.equal(backoff.waitMs('n', 'x', 0), 0)
})
