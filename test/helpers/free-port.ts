// A port for a server whose port must be known before it starts, or be the same when it starts again.
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const LOWEST = 10_000
const TRIES_MAX = 100

/** The least port that the kernel assigns by itself, to outgoing connections and to servers on port 0. */
export function leastPassingPort(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10)
  } catch {
    return 32_768
  }
}

/** A loopback port on which no process listens, and which the kernel does not assign by itself. */
export async function freePort(): Promise<number> {
  const end = leastPassingPort()
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(LOWEST, end)
    const server = createServer()
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!listening) continue
    server.close()
    await once(server, 'close')
    return port
  }
  throw new Error('no port is free')
}
