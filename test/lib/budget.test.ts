// Shares and budgets: what is taken, given back, and waited for.
import t from 'tap'
import { Budget } from '../../lib/budget.ts'
import { networkOf } from '../../lib/network.ts'
import { makeShares } from '../../lib/shares.ts'

t.test('a name has what it took, up to its limit, and the others have theirs', async (t) => {
  const shares = makeShares()
  t.ok(shares.take('a', 2, 3))
  t.notOk(shares.take('a', 2, 3))
  t.ok(shares.take('a', 1, 3))
  t.ok(shares.take('b', 3, 3))
  t.same([shares.of('a'), shares.of('b'), shares.of('c'), shares.total], [3, 3, 0, 6])
  shares.give('a', 3)
  t.same([shares.of('a'), shares.total], [0, 3])
  t.ok(shares.take('a', 3, 3), 'and may have it again')
})

t.test('a budget gives what there is', async (t) => {
  const budget = new Budget(10)
  t.ok(budget.tryTake(6))
  t.notOk(budget.tryTake(5))
  t.equal(budget.take(4, 0), true, 'at once, without a promise')
  t.equal(budget.takenBytes, 10)
  budget.give(10)
  t.equal(budget.takenBytes, 0)
})

t.test('who waits for a budget is served in turn, and before those who need not', async (t) => {
  const budget = new Budget(10)
  budget.tryTake(10)
  const served: string[] = []
  const first = Promise.resolve(budget.take(6, 60_000)).then(() => served.push('first'))
  const second = Promise.resolve(budget.take(1, 60_000)).then(() => served.push('second'))
  budget.give(5)
  await new Promise((resolve) => setImmediate(resolve))
  t.same(served, [], 'the second does not overtake the first')
  t.notOk(budget.tryTake(1), 'nor does anybody else')
  budget.give(1)
  await first
  t.same(served, ['first'])
  budget.give(6)
  await second
  t.same(served, ['first', 'second'])
  t.equal(budget.takenBytes, 5)
})

t.test('who waits too long gets nothing, and those behind go on', async (t) => {
  const budget = new Budget(10)
  budget.tryTake(8)
  const first = budget.take(6, 1)
  const second = budget.take(2, 60_000)
  t.equal(await first, false)
  t.equal(await second, true)
  t.equal(budget.takenBytes, 10)
})

t.test('what is more than the whole budget is taken alone', async (t) => {
  const budget = new Budget(10)
  budget.tryTake(1)
  const large = budget.take(20, 60_000)
  t.not(large, true)
  budget.give(1)
  t.equal(await large, true)
  t.notOk(budget.tryTake(1))
  budget.give(20)
  t.ok(budget.tryTake(1))
})

t.test('one client is an IPv4 address, and the /64 of an IPv6 one', async (t) => {
  t.equal(networkOf('192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1', 'also as a dual-stack socket shows it')
  t.equal(networkOf('2001:db8:0:1::1'), networkOf('2001:db8:0:1:ffff:ffff:ffff:ffff'))
  t.equal(networkOf('2001:DB8::1'), networkOf('2001:db8:0:0:1::'))
  t.not(networkOf('2001:db8:0:1::1'), networkOf('2001:db8:0:2::1'))
  t.not(networkOf('::1'), networkOf('fe80::1'))
  t.equal(networkOf('fe80::1%eth0'), networkOf('fe80::2'))
  t.equal(networkOf(''), '')
})
