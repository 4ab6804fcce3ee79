// The load of the kill tests: clients that write, copy, delete and complete uploads through both dialects,
// and remember in which states each name may be, so that afterwards every byte can be held against that.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { swiftKey } from '../helpers/both.ts'
import type { ChildNode } from '../helpers/child-node.ts'
import { type Answer, keyHeaders, type SentRequest } from '../helpers/node.ts'
import type { Random } from '../helpers/random.ts'
import { completeBody, createUpload, customerKey, elements, putPart } from '../helpers/s3.ts'
import { login, type Session } from '../helpers/swift.ts'

const key = customerKey('k')
const NAMES = 12
/** Around what lies beside its row (less on Redis), a record, and several records. */
const sizes = [0, 1, 1024, 1025, 8192, 8193, 65536, 65537, 700_000]
const PART_BYTES = 5 << 20
/** A node whose catalog is away answers at once: whoever is refused waits a moment. */
const REFUSED_PAUSE_MS = 20

/** What a name may hold: the states that were acknowledged last, or asked for since. Null: no object. */
type Possible = readonly (string | null)[]

type Send = (method: string, path: string, options?: SentRequest) => Promise<Answer>

const hashOf = (body: Buffer) => createHash('sha256').update(body).digest('hex')

function bodyOf(random: Random, size: number): Buffer {
  return Buffer.alloc(size, random.bytes(Math.min(size, 97)))
}

/** Names with an even number are sealed under a customer's key, the others under the root key. */
const isSealed = (name: string) => Number(name.split('-').at(-1)) % 2 === 0

export class Load {
  readonly #node: ChildNode
  readonly #swift: Session
  readonly #expected = new Map<string, Possible>()
  /** Requests that were answered with success, and that were not. */
  acknowledged = 0
  refused = 0

  /** Makes the container. Use `Load.on`. */
  private constructor(node: ChildNode, swift: Session) {
    this.#node = node
    this.#swift = swift
  }

  static async on(node: ChildNode): Promise<Load> {
    const swift = await login(node)
    const answer = await swift.request('PUT', '/bkt')
    if (answer.status >= 300) throw new Error(`no container: ${answer.status} ${answer.text}`)
    return new Load(node, swift)
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
    const parts = [bodyOf(random, PART_BYTES), bodyOf(random, 1000)]
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
    const { status, text } = await send()
    // S3 completes an upload with a 200 that may turn out to be an error.
    if (status < 300 && !text.includes('<Error>')) {
      this.acknowledged++
      this.#expected.set(name, [after])
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
    const present: string[] = []
    for (const [name, possible] of this.#expected) {
      const throughSwift = isSealed(name) === name.startsWith('c0')
      const send = this.#sender(throughSwift)
      const answer = await send('GET', `/bkt/${name}`, sealing(name, throughSwift))
      const found = answer.status === 404 ? null : hashOf(answer.body)
      if (found !== null) {
        if (answer.status !== 200) t.fail(`${name}: ${answer.status} ${answer.text}, ${note}`)
        present.push(name)
      }
      if (!possible.includes(found)) t.fail(`${name} is in a state nobody asked for, ${note}`)
      this.#expected.set(name, [found])
    }
    const names = elements(await this.#node.request('GET', '/bkt'), 'Key')
    const isOwn = (name: string) => !name.startsWith('source-')
    t.same(names.filter(isOwn), present.sort(), `what is listed can be read, ${note}`)
    await this.#verifyCounts(t, names, note)
  }

  async #verifyCounts(t: Test, names: readonly string[], note: string): Promise<void> {
    const listing = await this.#swift.request('GET', '/bkt?format=json')
    const listed = JSON.parse(listing.text) as { name: string; bytes: number }[]
    t.same(
      listed.map(({ name }) => name),
      names,
      `both dialects list the same, ${note}`,
    )
    const { headers: container } = await this.#swift.request('HEAD', '/bkt')
    const { headers: account } = await this.#swift.request('HEAD', '')
    const counted = [
      [container['x-container-object-count'], container['x-container-bytes-used']],
      [account['x-account-object-count'], account['x-account-bytes-used']],
    ].map((pair) => pair.map(Number))
    const bytes = listed.reduce((sum, item) => sum + item.bytes, 0)
    const exact = [listed.length, bytes]
    t.same(counted, [exact, exact], `container and account count what is listed, ${note}`)
  }
}

/** True where a request ended without an answer: the node is gone, or hung up. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code))
}

/** The options of a request that reads or writes `name`. */
function sealing(name: string, throughSwift: boolean): SentRequest {
  if (!isSealed(name)) return {}
  return { tls: true, headers: throughSwift ? swiftKey(key) : keyHeaders(key) }
}

/** The options of a PUT that copies `source`, under the same kind of key. */
function copying(source: string, throughSwift: boolean): SentRequest {
  const { tls, headers } = sealing(source, throughSwift)
  if (throughSwift) {
    const opening = tls ? swiftKey(key, 'X-Copy-Source-Object-Encryption-Customer-') : {}
    return { tls, body: '', headers: { ...headers, 'X-Copy-From': source, ...opening } }
  }
  const opening = tls ? keyHeaders(key, 'x-amz-copy-source-') : {}
  return { tls, headers: { ...headers, 'x-amz-copy-source': source, ...opening } }
}
