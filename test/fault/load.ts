// The load of the kill tests: clients that write, copy, delete and complete uploads through both dialects. They
// record the possible states of each name, so that every byte can be checked afterwards.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { swiftKey } from '../helpers/both.ts'
import type { ChildNode } from '../helpers/child-node.ts'
import { type Answer, keyHeaders, type SentRequest } from '../helpers/node.ts'
import type { Random } from '../helpers/random.ts'
import { completeBody, createUpload, putPart } from '../helpers/s3.ts'
import { login, type Session } from '../helpers/swift.ts'
import {
  hashOf,
  isSealed,
  loadKey,
  type Possible,
  type State,
  sealing,
  verifyNames,
} from './load-check.ts'

const NAMES = 12
/** Sizes around the largest inline body (smaller on Redis), a record, and several records. */
const sizes = [0, 1, 1024, 1025, 8192, 8193, 65536, 65537, 700_000]
const PART_BYTES = 5 << 20
/** A node without its catalog refuses at once. A refused client waits for this time. */
const REFUSED_PAUSE_MS = 20

export interface LoadOptions {
  /** Called with each change before its request. Returns a function that is called once the change is
   * acknowledged. */
  readonly attempted?: (name: string, after: State) => () => void
  /** Size of an upload's first part. Below S3's least size of a part with another behind it, it is the only
   * part. */
  readonly firstPartBytes?: number
}

type Send = (method: string, path: string, options?: SentRequest) => Promise<Answer>

function bodyOf(random: Random, size: number): Buffer {
  return Buffer.alloc(size, random.bytes(Math.min(size, 97)))
}

export class Load {
  readonly #node: ChildNode
  readonly #swift: Session
  readonly #options: LoadOptions
  readonly #expected = new Map<string, Possible>()
  /** Number of requests that succeeded, and of those that did not. */
  acknowledged = 0
  refused = 0

  /** Makes the container. Call `Load.on` instead. */
  private constructor(node: ChildNode, swift: Session, options: LoadOptions) {
    this.#node = node
    this.#swift = swift
    this.#options = options
  }

  static async on(node: ChildNode, options: LoadOptions = {}): Promise<Load> {
    const swift = await login(node)
    const answer = await swift.request('PUT', '/bkt')
    if (answer.status >= 300) throw new Error(`no container: ${answer.status} ${answer.text}`)
    return new Load(node, swift, options)
  }

  get names(): number {
    return this.#expected.size
  }

  /** Runs one client until `ended`, or until the node has ended. */
  async run(client: number, random: Random, ended: () => boolean = () => false): Promise<void> {
    while (!ended()) {
      const name = `c${client}-${random.integer(NAMES)}`
      try {
        await this.#step(random, name)
      } catch (error) {
        if (isGone(error)) return
        throw error
      }
    }
  }

  async #step(random: Random, name: string): Promise<void> {
    const throughSwift = random.integer(2) === 0
    const send = this.#sender(throughSwift)
    const path = `/bkt/${name}`
    const kind = random.integer(10)
    if (kind < 6) {
      const body = bodyOf(random, random.pick(sizes))
      const options = { body, ...sealing(name, throughSwift) }
      await this.#attempt(name, hashOf(body), () => send('PUT', path, options))
    } else if (kind < 8) {
      await this.#attempt(name, null, () => send('DELETE', path))
    } else if (kind === 8) {
      const body = bodyOf(random, 70_000)
      const source = `/bkt/source-${random.integer(1e9) * 2 + (isSealed(name) ? 0 : 1)}`
      const options = { body, ...sealing(source, throughSwift) }
      if ((await send('PUT', source, options)).status < 300) {
        const copy = copying(source, throughSwift)
        await this.#attempt(name, hashOf(body), () => send('PUT', path, copy))
      }
      await send('DELETE', source)
    } else {
      await this.#upload(random, name, path)
    }
  }

  async #upload(random: Random, name: string, path: string): Promise<void> {
    const { firstPartBytes = PART_BYTES } = this.#options
    const parts = [bodyOf(random, firstPartBytes), bodyOf(random, 1000)]
    if (firstPartBytes < PART_BYTES) parts.pop()
    const options = sealing(name, false)
    const sent: [number, string][] = []
    let id: string
    try {
      id = await createUpload(this.#node, path, options)
      for (const [i, body] of parts.entries()) {
        const part = await putPart(this.#node, path, id, i + 1, { ...options, body })
        sent.push([i + 1, part])
      }
    } catch (error) {
      if (isGone(error)) throw error
      // The upload was refused. Nothing of an upload without a Complete is visible.
      return await this.#pause()
    }
    await this.#attempt(name, hashOf(Buffer.concat(parts)), () =>
      this.#node.request('POST', `${path}?uploadId=${id}`, { body: completeBody(sent) }),
    )
  }

  async #attempt(name: string, after: string | null, send: () => Promise<Answer>): Promise<void> {
    const before = this.#expected.get(name) ?? [null]
    this.#expected.set(name, [...before, after])
    const acknowledged = this.#options.attempted?.(name, after)
    const { status, text } = await send()
    // S3 answers Complete with a 200 whose document may be an error.
    if (status < 300 && !text.includes('<Error>')) {
      this.acknowledged++
      this.#expected.set(name, [after])
      acknowledged?.()
    } else if (status !== 404) {
      await this.#pause()
    }
  }

  async #pause(): Promise<void> {
    this.refused++
    await sleep(REFUSED_PAUSE_MS)
  }

  #sender(throughSwift: boolean): Send {
    return throughSwift
      ? this.#swift.request
      : (method, path, options) => this.#node.request(method, path, options)
  }

  /** Fails unless every name is in a possible state, both listings show exactly these, and the counts are
   * exact. */
  async verify(t: Test, note: string): Promise<void> {
    for (const [name, found] of await verifyNames(this.#node, this.#expected, t, note)) {
      this.#expected.set(name, [found])
    }
  }
}

/** True where a request ended without an answer, because the node has ended or closed the connection. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code))
}

/** The options of a PUT that copies `source`, under the same kind of key. */
function copying(source: string, throughSwift: boolean): SentRequest {
  const { tls, headers } = sealing(source, throughSwift)
  if (throughSwift) {
    const opening = tls ? swiftKey(loadKey, 'X-Copy-Source-Object-Encryption-Customer-') : {}
    return { tls, body: '', headers: { ...headers, 'X-Copy-From': source, ...opening } }
  }
  const opening = tls ? keyHeaders(loadKey, 'x-amz-copy-source-') : {}
  return { tls, headers: { ...headers, 'x-amz-copy-source': source, ...opening } }
}
