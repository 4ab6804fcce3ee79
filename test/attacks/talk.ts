// Sends bytes to a node, and reads its answer, however the connection ends. It is for messages that no client
// would send, after which a node may answer, close or cut.
import { connect } from 'node:net'

export interface Said {
  /** All received text, one character for each byte. */
  readonly text: string
  /** The status of each final answer, in order. */
  readonly statuses: readonly number[]
}

/**
 * Sends text with one character for each byte, and reads until the connection is closed. `isAll`: the client
 * ends its side, so that the node waits for nothing. Otherwise the node must end the connection by itself.
 */
export function talk(base: string, text: string, { isAll = false } = {}): Promise<Said> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve) => {
    let answered = ''
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      answered += piece
    })
    // Bytes lost by a reset do not count as an answer.
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      const found = answered.matchAll(/HTTP\/1\.1 (\d{3}) /g)
      const statuses = Array.from(found, (match) => Number(match[1])).filter((one) => one >= 200)
      resolve({ text: answered, statuses })
    })
    const bytes = Buffer.from(text, 'latin1')
    if (isAll) socket.end(bytes)
    else socket.write(bytes)
  })
}

/** A request with these lines, and with the end of the connection. */
export const requestOf = (line: string, fields: readonly string[], body = '') =>
  `${[line, 'Connection: close', ...fields].join('\r\n')}\r\n\r\n${body}`
