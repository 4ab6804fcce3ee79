// A TCP proxy before a server that loses the next request, its answer, or the connection while the request is
// on its way, as a test decides.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * What is lost of the next request that `cut` finds:
 * - request: it never arrives;
 * - answer: it arrives, and the connection ends before its answer is passed on;
 * - late: the connection ends, and the request arrives when `deliver` is called.
 */
export type Loss = 'request' | 'answer' | 'late'

export interface CutProxy {
  readonly port: number
  /** Loses the next piece that contains `mark`, once. */
  cut(loss: Loss, mark: Buffer): void
  /** Passes on what was lost as `late`. Resolves when the server has answered it. */
  deliver(): Promise<void>
  /** While true, every new connection is closed at once. */
  refusing: boolean
}

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

/** Starts a proxy before 127.0.0.1:`port`; it ends with the test. */
export async function startCutProxy(t: Teardown, port: number): Promise<CutProxy> {
  let armed: { loss: Loss; mark: Buffer } | null = null
  let late: (() => Promise<void>) | null = null
  const sockets = new Set<Socket>()
  const proxy = { port: 0, refusing: false, cut, deliver }

  function cut(loss: Loss, mark: Buffer) {
    armed = { loss, mark }
  }

  async function deliver() {
    const send = late
    late = null
    await send?.()
  }

  const server = createServer((client) => {
    if (proxy.refusing) return void client.destroy()
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay(true))
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    let swallows = false
    let isLate = false
    client.on('data', (piece) => {
      if (armed === null || !piece.includes(armed.mark)) return void upstream.write(piece)
      const { loss } = armed
      armed = null
      if (loss === 'request') return void client.destroy()
      if (loss === 'answer') {
        swallows = true
        return void upstream.write(piece)
      }
      isLate = true
      late = async () => {
        upstream.write(piece)
        await once(upstream, 'data')
        upstream.destroy()
      }
      client.destroy()
    })
    upstream.on('data', (piece) => {
      if (swallows) client.destroy()
      else if (!client.destroyed) client.write(piece)
    })
    client.on('close', () => {
      if (!isLate) upstream.destroy()
    })
    upstream.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.port = (server.address() as AddressInfo).port
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return proxy
}
