// The load of the kill tests: clients that write, copy, delete and complete uploads through both dialects,
// and remember in which states each name may be, so that afterwards every byte can be held against that.
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
/** Around what lies beside its row (less on Redis), a record, and several records. */
const sizes = [0, 1, 1024, 1025, 8192, 8193, 65536, 65537, 700_000]
const PART_BYTES = 5 << 20
/** A node whose catalog is away answers at once: whoever is refused waits a moment. */
const REFUSED_PAUSE_MS = 20

export interface LoadOptions {
  /** Told of each change before it is asked for; returns what is told when it was acknowledged. */
  readonly attempted?: (name: string, after: State) => () => void
  /** Size of an upload's first part; below what S3 takes of one that another follows it is the only one. */
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
  /** Requests that were answered with success, and that were not. */
  acknowledged = 0
  refused = 0

  /** Makes the container. Use `Load.on`. */
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

  /** One client: goes on until `ended`, or until the node is gone. */
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
      // Refused: nothing of an upload that was not completed shows.
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
    // S3 completes an upload with a 200 that may turn out to be an error.
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

  /** Fails unless every name is in a state it may be in, both listings show just that, and counts are exact. */
  async verify(t: Test, note: string): Promise<void> {
    for (const [name, found] of await verifyNames(this.#node, this.#expected, t, note)) {
      this.#expected.set(name, [found])
    }
  }
}

/** True where a request ended without an answer: the node is gone, or hung up. */
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
