// A client in a thread of its own, as fast as one in another process. On one TLS connection it alternates a
// GET, and a PUT whose head and body are TLS records of their own. It posts the status of each answer.
import { once } from 'node:events'
import { connect } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'

export interface Rounds {
  readonly host: string
  readonly port: number
  readonly ca: Buffer
  /** The heads of the two requests. The second announces 6 bytes. */
  readonly get: string
  readonly put: string
  readonly rounds: number
}

const { host, port, ca, get, put, rounds } = workerData as Rounds
const socket = connect({ host, port, ca })
await once(socket, 'secureConnect')
socket.setNoDelay(true)
let pieces: Buffer[] = []
let size = 0
let heard = () => {}
socket.on('data', (piece: Buffer) => {
  pieces.push(piece)
  size += piece.length
  heard()
})

async function grownTo(wanted: number): Promise<void> {
  while (size < wanted) {
    await new Promise<void>((resolve) => {
      heard = resolve
    })
  }
}

/** Reads one answer to its end. Nothing can follow it, because the next request was not sent. */
async function readStatus(): Promise<number> {
  let end = -1
  while (end < 0) {
    await grownTo(size + 1)
    end = Buffer.concat(pieces).indexOf('\r\n\r\n')
  }
  const head = Buffer.concat(pieces).toString('latin1', 0, end)
  await grownTo(end + 4 + Number(/\r\nContent-Length: (\d+)/i.exec(head)![1]))
  pieces = []
  size = 0
  return Number(head.slice('HTTP/1.1 '.length, 12))
}

for (let i = 0; i < rounds; i++) {
  socket.write(get)
  parentPort!.postMessage(await readStatus())
  socket.write(put)
  socket.write('before')
  parentPort!.postMessage(await readStatus())
}
socket.destroy()
