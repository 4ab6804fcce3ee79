// The budget of a turn of the event loop: how much is done in one, and that those who wait go on in their order.
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { spend, TURN_STEPS, takeCountedWork, textSteps, writeInTurns } from '../../lib/turns.ts'

/** Does so much work, a step at a time, and says in which turn each step was done. */
async function work(steps: number, turnOf: () => number): Promise<number[]> {
  const turns: number[] = []
  for (let i = 0; i < steps; i++) {
    turns.push(turnOf())
    const turn = spend(1)
    if (turn !== undefined) await turn
  }
  return turns
}

/** Counts turns until it is stopped. */
function clock() {
  let turn = 0
  let running = true
  const tick = () => {
    turn++
    if (running) setImmediate(tick)
  }
  setImmediate(tick)
  return {
    now: () => turn,
    stop: () => {
      running = false
    },
  }
}

/** Whatever was spent before is forgotten with its turn. */
async function beginAnew(): Promise<void> {
  await nextTurn()
  await nextTurn()
  takeCountedWork()
}

t.beforeEach(beginAnew)

t.test('little work waits for nothing', async (t) => {
  for (let i = 1; i < TURN_STEPS; i++) t.equal(spend(1), undefined)
  t.type(spend(1), Promise, 'and the last step of a turn for the next one')
  t.same(takeCountedWork(), { steps: TURN_STEPS, longestTurn: TURN_STEPS })
  t.same(takeCountedWork(), { steps: 0, longestTurn: 0 }, 'what was taken is forgotten')
})

t.test('no turn has more than its steps, however many work at a time', async (t) => {
  for (const workers of [1, 2, 7]) {
    await beginAnew()
    const { now, stop } = clock()
    const steps = 5 * TURN_STEPS
    const done = await Promise.all(Array.from({ length: workers }, () => work(steps, now)))
    stop()
    const counts = new Map<number, number>()
    for (const turn of done.flat()) counts.set(turn, (counts.get(turn) ?? 0) + 1)
    const most = Math.max(...counts.values())
    t.ok(most <= TURN_STEPS + workers, `${workers} at a time: at most ${most} in a turn`)
    t.equal(takeCountedWork().steps, workers * steps)
  }
})

t.test('those who wait go on one after the other', async (t) => {
  const order: number[] = []
  await Promise.all(
    [1, 2, 3].map(async (worker) => {
      for (let i = 0; i < 3; i++) {
        await spend(TURN_STEPS)
        order.push(worker)
      }
    }),
  )
  t.same(order, [1, 2, 3, 1, 2, 3, 1, 2, 3])
})

t.test('a budget that nobody used up is full again in the next turn', async (t) => {
  spend(TURN_STEPS - 1)
  await nextTurn()
  await nextTurn()
  t.equal(spend(TURN_STEPS - 1), undefined)
})

t.test('texts are written in their order, long ones for more steps', async (t) => {
  const items = Array.from({ length: 3 * TURN_STEPS }, (_, i) => i)
  t.same(await writeInTurns(items, String), items.map(String))
  t.equal(takeCountedWork().steps, items.length)
  t.equal(textSteps(''), 1)
  await writeInTurns(['x'], (text) => text.repeat(5120))
  t.equal(takeCountedWork().steps, 11)
})
