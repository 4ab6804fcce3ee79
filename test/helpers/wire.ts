// Sends HTTP messages byte by byte over a connection of their own, for messages that no client library would
// send or show.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Both, startWithContainer } from './both.ts'
import { presignV2 } from './presign.ts'

/** An answer as received, without any correction by a client library. */
export interface WireAnswer {
  readonly version: string
  readonly status: number
  /** Names in lower case and values, in the order of the answer. A repeated header comes as often as it was
   * sent. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly text: string
  /** The only value of a header; undefined where it was not sent. Throws where it was sent twice. */
  header(name: string): string | undefined
}

/** Sends bytes, as text with one character for each byte, each piece in a write of its own. */
async function begin(
  base: string,
  pieces: readonly string[],
): Promise<{ socket: Socket; read: Buffer[] }> {
  const { hostname, port } = new URL(base)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  await once(socket, 'connect')
  const read: Buffer[] = []
  socket.on('data', (piece: Buffer) => read.push(piece))
  for (const piece of pieces) {
    socket.write(Buffer.from(piece, 'latin1'))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { socket, read }
}

/** Sends bytes, and reads until the node ends the connection, which the last request must cause. */
export async function exchangeBytes(base: string, ...pieces: readonly string[]): Promise<Buffer> {
  const { socket, read } = await begin(base, pieces)
  await once(socket, 'end')
  socket.destroy()
  return Buffer.concat(read)
}

/** The answers to bytes after which the node ends the connection. None of the requests may be HEAD. */
export const speak = async (base: string, ...pieces: readonly string[]) =>
  readAnswers(await exchangeBytes(base, ...pieces))

/** Sends bytes, ends its own side, and reads until the node ends the connection too. */
export async function endBytes(base: string, text: string): Promise<Buffer> {
  const { socket, read } = await begin(base, [text])
  socket.end()
  await once(socket, 'close')
  return Buffer.concat(read)
}

/** The answers in the bytes of a node. `heads`: positions, from 0, of final answers to HEAD. Throws where the
 * bytes are no answers. */
export function readAnswers(bytes: Buffer, heads: readonly number[] = []): WireAnswer[] {
  const answers: WireAnswer[] = []
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end === -1) throw new Error(`no end of headers: ${bytes.subarray(at)}`)
    const head = readHead(bytes.toString('latin1', at, end))
    at = end + 4
    const finals = answers.filter(({ status }) => status >= 200).length
    const isBare = head.status < 200 || head.status === 204 || head.status === 304
    const length = isBare || heads.includes(finals) ? 0 : lengthOf(head, bytes.subarray(at))
    const text = bytes.toString('latin1', at, at + length)
    if (at + length > bytes.length) throw new Error(`body cut short: ${text}`)
    answers.push({ ...head, text })
    at += length
  }
  return answers
}

function readHead(head: string): Omit<WireAnswer, 'text'> {
  const [first = '', ...lines] = head.split('\r\n')
  const match = /^HTTP\/(\d\.\d) (\d{3}) /.exec(first)
  if (match === null) throw new Error(`no status line: ${first}`)
  const fields = lines.map((line) => {
    const [, name, value] = /^([!#-'*+.^`|~\w-]+): ?(.*)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`no header line: ${line}`)
    return [name.toLowerCase(), value!] as const
  })
  return {
    version: match[1]!,
    status: Number(match[2]),
    fields,
    header(name) {
      const found = fields.filter(([one]) => one === name.toLowerCase())
      if (found.length > 1) throw new Error(`sent twice: ${name}`)
      return found[0]?.[1]
    },
  }
}

/** Length of the body, in bytes. Chunks are not decoded. */
function lengthOf({ header }: Omit<WireAnswer, 'text'>, rest: Buffer): number {
  const length = header('content-length')
  if (length !== undefined && header('transfer-encoding') !== undefined)
    throw new Error('two lengths')
  if (length !== undefined) return Number(length)
  if (header('transfer-encoding') !== 'chunked') return rest.length
  return rest.indexOf('0\r\n\r\n') + 5
}

/** A request as text. `fields` are lines without their ends. Host and `Connection: close` are added. */
export function requestText(
  method: string,
  target: string,
  fields: readonly string[] = [],
  body = '',
): string {
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: h', 'Connection: close', ...fields]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Sends one request, after which the node closes the connection. Returns its one final answer. */
export async function ask(
  base: string,
  ...parts: Parameters<typeof requestText>
): Promise<WireAnswer> {
  const bytes = await exchangeBytes(base, requestText(...parts))
  const answers = readAnswers(bytes, parts[0] === 'HEAD' ? [0] : [])
  if (answers.length !== 1) throw new Error(`${answers.length} answers: ${bytes}`)
  return answers[0]!
}

/** Requests to the container `bkt` in one dialect. */
export interface Side {
  readonly dialect: 's3' | 'swift'
  /** Request target of an object that anybody may read. */
  path(name: string): string
  /** Target and header lines of a request with the right to write. */
  may(method: string, name: string): readonly [target: string, fields: readonly string[]]
  /** Sends one request with the right to write. */
  write(
    method: string,
    name: string,
    fields?: readonly string[],
    body?: string,
  ): Promise<WireAnswer>
  /** Sends one request that anybody may send. */
  read(method: string, name: string, fields?: readonly string[]): Promise<WireAnswer>
}

export interface Wire extends Both {
  readonly base: string
  readonly sides: readonly [s3: Side, swift: Side]
}

/** Headers of the object `o`, which every read of it must show. */
export const objectHeaders = {
  'Content-Type': 'text/x-digits',
  'Content-Encoding': 'x-none',
  'Content-Language': 'en',
  'Content-Disposition': 'inline',
  'Cache-Control': 'max-age=9',
  Expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
}

/** A node with a container that anybody may read, and in it `o`, of ten digits. */
export async function startWire(t: Parameters<typeof startWithContainer>[0]): Promise<Wire> {
  const both = await startWithContainer(t)
  const base = both.node.http
  const headers = { 'X-Container-Read': '.r:*,.rlistings' }
  await both.swift('POST', '/bkt', { headers })
  await both.s3('PUT', '/bkt/o', { headers: objectHeaders, body: '0123456789' })
  const side = (dialect: Side['dialect'], rest: Pick<Side, 'path' | 'may'>): Side => ({
    dialect,
    ...rest,
    write(method, name, fields = [], body = '') {
      const [target, own] = rest.may(method, name)
      const length = method === 'PUT' || body !== '' ? [`Content-Length: ${body.length}`] : []
      return ask(base, method, target, [...own, ...length, ...fields], body)
    },
    read: (method, name, fields = []) => ask(base, method, rest.path(name), fields),
  })
  const root = `${both.root}/bkt`
  const s3 = side('s3', {
    path: (name) => `/bkt/${name}`,
    may: (method, name) => [presignV2(method, `/bkt/${name}`), []],
  })
  const swift = side('swift', {
    path: (name) => `${root}/${name}`,
    may: (_method, name) => [`${root}/${name}`, [`X-Auth-Token: ${both.token}`]],
  })
  return { ...both, base, sides: [s3, swift] }
}

/** Headers of an answer, in order, without those that differ for each message, and without `others`. */
export function keptHeaders({ fields }: WireAnswer, ...others: readonly string[]) {
  const own = /^(date|x-amz-(request-)?id.*|x-trans-id|x-openstack-request-id)$/
  return fields.filter(([name]) => !own.test(name) && !others.includes(name)).sort()
}
