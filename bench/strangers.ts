// Strangers of the bench, in a process of their own: each keeps so many connections busy with one text, over and over,
// until its time is over. Answers are read and dropped, or not read at all.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerMessages } from './child.ts'

export interface StrangerJob {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** What each connection sends, one character a byte. */
  readonly text: string
  /** What it sends after that, `dripEveryMs` apart; absent: the text again when an answer has come. */
  readonly drip?: { readonly text: string; readonly everyMs: number }
  /** False: what is answered waits in the node. */
  readonly reads: boolean
}

/** A connection that was ended is replaced after this long, as an attacker's program would. */
const AGAIN_MS = 20

function attack(job: StrangerJob, isOver: () => boolean, open: Set<Socket>): void {
  const { port, text, drip, reads } = job
  const socket = connect(port, '127.0.0.1')
  open.add(socket)
  const bytes = Buffer.from(text, 'latin1')
  let timer: NodeJS.Timeout | undefined
  socket.on('connect', () => {
    socket.write(bytes)
    if (drip !== undefined) timer = setInterval(() => socket.write(drip.text), drip.everyMs)
  })
  if (!reads) socket.pause()
  else if (drip !== undefined) socket.resume()
  else {
    socket.on('data', () => {
      if (socket.writableLength === 0) socket.write(bytes)
    })
  }
  socket.on('error', () => undefined)
  socket.on('close', () => {
    clearInterval(timer)
    open.delete(socket)
    if (!isOver()) setTimeout(() => isOver() || attack(job, isOver, open), AGAIN_MS)
  })
}

answerMessages(async (job: StrangerJob) => {
  const endMs = performance.now() + job.seconds * 1000
  const isOver = () => performance.now() >= endMs
  const open = new Set<Socket>()
  for (let i = 0; i < job.connections; i++) attack(job, isOver, open)
  await sleep(job.seconds * 1000)
  for (const socket of open) socket.destroy()
  return 'over'
})
