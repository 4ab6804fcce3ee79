// The reference for HTTP: a server of node:http or node:https without any other work. PUT reads the body, drops
// and releases it. GET of /<bytes> writes that many bytes in pieces of 64 KiB, with back pressure.
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { release } from '../lib/bytes/release.ts'
import { answerMessages } from './child.ts'
import { drained } from './drain.ts'

export interface BareJob {
  /** PEM texts. Absent: http. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

const POOL_BYTES = 16 << 20
const PIECE_BYTES = 64 << 10

const pool = randomFillSync(Buffer.allocUnsafeSlow(POOL_BYTES))

async function write(res: ServerResponse, bytes: number): Promise<void> {
  res.setHeader('content-length', bytes)
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const from = at % POOL_BYTES
    const piece = pool.subarray(from, from + Math.min(PIECE_BYTES, bytes - at))
    if (!res.write(piece)) await drained(res)
    if (res.destroyed) return
  }
  res.end()
}

const serve: RequestListener = (req, res) => {
  if (req.method === 'GET') {
    void write(res, Number(req.url?.slice(1)))
    return
  }
  req.on('data', release)
  req.on('end', () => res.end())
}

answerMessages(async ({ tls }: BareJob) => {
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const scheme = tls === undefined ? 'http' : 'https'
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
})
