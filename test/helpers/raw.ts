// Sends and receives bytes over TCP or TLS, for requests that no HTTP client would send, and answers that it
// would not leave unread.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Base URL, `http://…` or `https://…`, and the certificate for the latter. */
export interface RawAddress {
  readonly base: string
  readonly caFile?: string | undefined
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: Buffer
}

export interface RawConnection {
  readonly socket: Socket
  /** Number of bytes received so far. */
  received(): number
  /** Resolves with the complete answers, once there are `count`, or the connection has ended. */
  answers(count: number): Promise<readonly RawAnswer[]>
  /** Resolves at the end of what the node sends, also where the connection is reset. */
  readonly ended: Promise<void>
  /** Resolves when the connection is closed, and nothing can be sent any more. */
  readonly closed: Promise<void>
}

type Teardown = { teardown(fn: () => void): unknown }

/** A connection, which is closed with the test. `reads: false` leaves received bytes in the kernel. */
export async function dialRaw(
  t: Teardown,
  { base, caFile }: RawAddress,
  { reads = true } = {},
): Promise<RawConnection> {
  const { hostname, port, protocol } = new URL(base)
  const to = { host: hostname.replace(/[[\]]/g, ''), port: Number(port), allowHalfOpen: true }
  const isTls = protocol === 'https:'
  const socket = isTls
    ? connectTls({ ...to, ca: readFileSync(caFile!), checkServerIdentity: () => undefined })
    : connectTcp(to)
  t.teardown(() => void socket.destroy())
  const parser = new AnswerParser()
  let changed = () => {}
  let isOver = false
  const ended = new Promise<void>((resolve) => {
    const over = () => {
      isOver = true
      changed()
      resolve()
    }
    socket.on('end', over).on('close', over)
  })
  const closed = new Promise<void>((resolve) => void socket.on('close', () => resolve()))
  // A reset ends the connection, and bytes that came before it count.
  socket.on('error', () => undefined)
  if (reads) {
    socket.on('data', (piece: Buffer) => {
      parser.take(piece)
      changed()
    })
  } else socket.pause()
  await Promise.race([once(socket, isTls ? 'secureConnect' : 'connect'), ended])
  const answers = async (count: number) => {
    while (parser.answers.length < count && !isOver) {
      await new Promise<void>((resolve) => {
        changed = resolve
      })
    }
    return parser.answers
  }
  return { socket, received: () => parser.receivedBytes, answers, ended, closed }
}

/** Parses answers with a Content-Length, or without a body. */
class AnswerParser {
  readonly answers: RawAnswer[] = []
  receivedBytes = 0
  #head = ''
  #status = 0
  #pieces: Buffer[] = []
  #missingBytes = -1

  take(piece: Buffer): void {
    this.receivedBytes += piece.length
    let rest = piece
    while (rest.length > 0) {
      rest = this.#missingBytes < 0 ? this.#takeHead(rest) : this.#takeBody(rest)
    }
  }

  #takeHead(piece: Buffer): Buffer {
    const before = this.#head.length
    this.#head += piece.toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n')
    if (end === -1) return Buffer.alloc(0)
    const rest = piece.subarray(end + 4 - before)
    this.#head = this.#head.slice(0, end)
    this.#status = Number(this.#head.slice('HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3))
    this.#missingBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0)
    if (this.#missingBytes === 0) this.#finish()
    return rest
  }

  #takeBody(piece: Buffer): Buffer {
    const body = piece.subarray(0, this.#missingBytes)
    this.#pieces.push(body)
    this.#missingBytes -= body.length
    if (this.#missingBytes === 0) this.#finish()
    return piece.subarray(body.length)
  }

  #finish(): void {
    const answer = { status: this.#status, head: this.#head, body: Buffer.concat(this.#pieces) }
    if (this.#status !== 100) this.answers.push(answer)
    this.#head = ''
    this.#pieces = []
    this.#missingBytes = -1
  }
}
