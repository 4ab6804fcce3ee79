// The load: a child process that sends requests over a few kept connections, a fixed number of them or for a
// fixed time. Bodies are incompressible. Where `wrk` is installed it sends the small requests, with less CPU
// (wrk.ts).
import { createHash, randomFillSync } from 'node:crypto'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { release } from '../lib/bytes/release.ts'
import { answerMessages } from './child.ts'
import { drained } from './drain.ts'

export interface LoadJob {
  readonly origin: string
  /** PEM of the certificate of https servers. */
  readonly ca: string
  readonly method: 'GET' | 'PUT'
  /** Signed paths, used again from the first when all were used. */
  readonly paths: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of each request's body; 0: no body. */
  readonly bodyBytes: number
  /** Sends the MD5 of bodies as Content-MD5. */
  readonly sendsMd5?: boolean
  readonly connections: number
  /** The end: after so many requests, or at the first one that ends after so many seconds. */
  readonly until: { readonly requests: number } | { readonly seconds: number }
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** Bytes of bodies in both directions. */
  readonly bodyBytes: number
  readonly failed: number
  /** Status of the first failure, and the beginning of its body. */
  readonly failure?: string
  /** ETags of the answers, in the order of `paths` (of the last round). */
  readonly etags: readonly string[]
}

const POOL_BYTES = 16 << 20
const PIECE_BYTES = 256 << 10
const FAILURE_CHARS = 300

let pool: Buffer | undefined

/** Every body consists of the same random bytes. */
function* piecesOf(bodyBytes: number): Generator<Buffer> {
  pool ??= randomFillSync(Buffer.allocUnsafeSlow(POOL_BYTES))
  for (let sent = 0; sent < bodyBytes; ) {
    const at = sent % POOL_BYTES
    const bytes = Math.min(PIECE_BYTES, bodyBytes - sent)
    sent += bytes
    yield pool.subarray(at, at + bytes)
  }
}

async function sendBody(req: ClientRequest, bodyBytes: number): Promise<void> {
  for (const piece of piecesOf(bodyBytes)) {
    if (req.write(piece)) continue
    await drained(req)
    if (req.destroyed) return
  }
  req.end()
}

function md5OfBody(bodyBytes: number): string {
  const md5 = createHash('md5')
  for (const piece of piecesOf(bodyBytes)) md5.update(piece)
  return md5.digest('base64')
}

interface Outcome {
  readonly status: number
  readonly bytes: number
  readonly etag: string
  readonly text: string
}

class Load {
  readonly #job: LoadJob
  readonly #agent: HttpAgent | HttpsAgent
  readonly #headers: Readonly<Record<string, string>>

  constructor(job: LoadJob) {
    this.#job = job
    const { connections: maxSockets, ca, bodyBytes, sendsMd5 } = job
    this.#headers = {
      ...job.headers,
      ...(bodyBytes > 0 && { 'content-length': String(bodyBytes) }),
      ...(sendsMd5 && { 'content-md5': md5OfBody(bodyBytes) }),
    }
    const options = { keepAlive: true, maxSockets }
    const secure = job.origin.startsWith('https:')
    this.#agent = secure ? new HttpsAgent({ ...options, ca }) : new HttpAgent(options)
  }

  async run(): Promise<LoadResult> {
    const { connections, until, paths, bodyBytes } = this.#job
    const etags: string[] = []
    let begun = 0
    let requests = 0
    let bytes = 0
    let failed = 0
    let failure: string | undefined
    const startMs = performance.now()
    const goesOn = () =>
      'requests' in until
        ? begun < until.requests
        : performance.now() - startMs < until.seconds * 1000
    const walk = async () => {
      while (goesOn()) {
        const index = begun++ % paths.length
        const outcome = await this.#exchange(paths[index]!).catch((error: Error) => error)
        if (outcome instanceof Error || outcome.status >= 300) {
          failed++
          failure ??= outcome instanceof Error ? outcome.message : describe(outcome)
          continue
        }
        requests++
        bytes += outcome.bytes + bodyBytes
        etags[index] = outcome.etag
      }
    }
    await Promise.all(Array.from({ length: connections }, walk))
    const seconds = (performance.now() - startMs) / 1000
    this.#agent.destroy()
    return {
      requests,
      seconds,
      bodyBytes: bytes,
      failed,
      etags,
      ...(failure !== undefined && { failure }),
    }
  }

  #exchange(path: string): Promise<Outcome> {
    const { origin, method, bodyBytes } = this.#job
    const send = origin.startsWith('https:') ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const options = { method, headers: this.#headers, agent: this.#agent }
      const req = send(`${origin}${path}`, options, (res) => {
        const status = res.statusCode!
        let bytes = 0
        let text = ''
        res.on('data', (piece: Buffer) => {
          bytes += piece.length
          if (status >= 300 && text.length < FAILURE_CHARS) text += piece.toString()
          release(piece)
        })
        res.on('error', reject)
        res.on('end', () => resolve({ status, bytes, etag: res.headers.etag ?? '', text }))
      })
      req.on('error', reject)
      if (bodyBytes > 0) sendBody(req, bodyBytes).catch(reject)
      else req.end()
    })
  }
}

const describe = ({ status, text }: Outcome) => `${status} ${text.slice(0, FAILURE_CHARS)}`

answerMessages((job: LoadJob) => new Load(job).run())
