// Which clients are too slow for their answers: judged on sockets whose figures the test sets.
import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { SlowAnswers } from '../../../middleware/http/slow-answers.ts'

/** An answer that Node has handed to a socket, of which `leftBytes` have left and `heldBytes` have not. */
function answerOf(heldBytes: number, leftBytes: () => number = () => 0) {
  const res = new EventEmitter()
  const socket = new EventEmitter()
  Object.defineProperties(socket, {
    writableLength: { value: heldBytes },
    bytesWritten: { get: () => leftBytes() + heldBytes },
    destroy: {
      value: () => {
        res.emit('close')
        socket.emit('cut')
      },
    },
  })
  return { socket, req: { socket } as unknown as IncomingMessage, res: res as ServerResponse }
}

// The watch keeps no process alive.
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

const limits = { answerTimeoutMs: 200, answerBytesPerSecond: 1000 }

t.test('who takes nothing is cut off, and who takes enough is not', async (t) => {
  let cuts = 0
  const watch = new SlowAnswers(limits, () => cuts++)
  t.teardown(() => watch.close())
  const stuck = answerOf(1)
  let bytes = 0
  // A thousand bytes whenever somebody looks: more than the rate, however late the look is.
  const steady = answerOf(1, () => {
    bytes += 1000
    return bytes
  })
  const idle = answerOf(0)
  const over = answerOf(1)
  for (const { req, res } of [steady, idle, over, stuck]) watch.watch(req, res)
  for (const { socket } of [steady, idle, over]) socket.on('cut', () => t.fail('cut off'))
  over.res.emit('close')
  await once(stuck.socket, 'cut')
  t.equal(cuts, 1)
})

t.test('what a client took before does not buy it a longer pause', async (t) => {
  const watch = new SlowAnswers(limits, () => {})
  t.teardown(() => watch.close())
  let bytes = 0
  const fast = answerOf(1, () => bytes)
  watch.watch(fast.req, fast.res)
  bytes = 1e12
  await once(fast.socket, 'cut')
  t.pass('it is cut off though it was fast on average')
})

t.test('without a rate any client may take as long as it likes', async (t) => {
  const watch = new SlowAnswers({ ...limits, answerBytesPerSecond: 0 }, () => {})
  const limited = new SlowAnswers(limits, () => {})
  t.teardown(() => {
    watch.close()
    limited.close()
  })
  const free = answerOf(1)
  const stuck = answerOf(1)
  watch.watch(free.req, free.res)
  free.socket.on('cut', () => t.fail('cut off'))
  limited.watch(stuck.req, stuck.res)
  await once(stuck.socket, 'cut')
})
