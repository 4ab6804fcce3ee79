// Random requests through both dialects, checked against what may be true after each answer. A success, or an
// answer that there is no object, fixes a name's state. A refusal by the stores (5xx) leaves the state open,
// and any other refusal changes nothing. Each answer limits what later ones may be, also where nothing was
// written, and the limits hold after the store is repaired.
import { isDeepStrictEqual } from 'node:util'
import { swiftKey } from '../helpers/both.ts'
import { type Answer, keyHeaders, type TestNode } from '../helpers/node.ts'
import type { Random } from '../helpers/random.ts'
import { completeBody, element, elements, outcome } from '../helpers/s3.ts'
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

const NAMES = 3
/** A body beside its row, of one record, and of several. */
const sizes = [0, 100, 9000, 70_000, 300_000]

/** An answer that leaves the outcome open. Any other answer must stay true. */
const isOpen = ({ status }: Answer) => status >= 500

export class OutcomeModel {
  readonly expected = new Map<string, Possible>()
  readonly problems: string[] = []
  acknowledged = 0
  refused = 0
  readonly #node: TestNode
  #swift: Session | null = null
  #bodies = 0

  constructor(node: TestNode) {
    this.#node = node
  }

  /** Runs one client with names of its own: `count` requests, one after the other. */
  async run(client: number, random: Random, count: number): Promise<void> {
    // While the catalog is away no login succeeds. All requests then go through S3.
    this.#swift ??= await login(this.#node).catch(() => null)
    for (let n = 0; n < count; n++) {
      const step = random.pick(steps)
      await this[step](this.#nameOf(client, random), random, client)
    }
  }

  /** Checks every name, both listings and all counts against the possible states. */
  async verify(note: string): Promise<void> {
    const fail = (message: string) => void this.problems.push(message)
    const same = (found: unknown, wanted: unknown, message: string) => {
      if (!isDeepStrictEqual(found, wanted)) fail(`${message}: ${JSON.stringify(found)}`)
    }
    const check = { fail, same } as unknown as Parameters<typeof verifyNames>[2]
    const states = await verifyNames(this.#node, this.expected, check, note)
    for (const [name, state] of states) this.expected.set(name, [state])
  }

  async put(name: string, random: Random): Promise<void> {
    const body = this.#body(random)
    const through = this.#throughSwift(random)
    const answer = await this.#ask(through, 'PUT', name, { ...sealing(name, through), body })
    this.#changed(name, hashOf(body), answer)
  }

  /** A PUT that requires that there is no object. */
  async create(name: string, random: Random): Promise<void> {
    const body = this.#body(random)
    const through = this.#throughSwift(random)
    const options = sealing(name, through)
    const headers = { ...options.headers, 'If-None-Match': '*' }
    const answer = await this.#ask(through, 'PUT', name, { ...options, headers, body })
    if (answer.status === 412) return this.#learned(name, (state) => state !== null, 'create')
    if (answer.status < 300) this.#learned(name, (state) => state === null, 'create')
    this.#changed(name, hashOf(body), answer)
  }

  async remove(name: string, random: Random): Promise<void> {
    const answer = await this.#ask(this.#throughSwift(random), 'DELETE', name)
    if (answer.status === 404) return this.#learned(name, (state) => state === null, 'remove')
    this.#changed(name, null, answer)
  }

  async copy(name: string, random: Random, client: number): Promise<void> {
    const source = this.#nameOf(client, random)
    if (source === name) return
    // Swift's COPY with one key opens the source, and seals the target, with that key.
    const unseals = isSealed(source) && !isSealed(name)
    const through = this.#throughSwift(random) && !unseals
    const { headers, ...options } = sealing(name, through)
    const prefix = through ? 'X-Copy-Source-Object-Encryption-Customer-' : 'x-amz-copy-source-'
    const key = through ? swiftKey(loadKey, prefix) : keyHeaders(loadKey, prefix)
    const from = through ? 'X-Copy-From' : 'x-amz-copy-source'
    const answer = await this.#ask(through, 'PUT', name, {
      ...options,
      tls: true,
      headers: {
        ...headers,
        ...(isSealed(source) && key),
        [from]: `/bkt/${source}`,
        ...(through && { 'Content-Length': '0' }),
      },
    })
    const states = this.#statesOf(source)
    if (answer.status === 404) return this.#learned(source, (state) => state === null, 'copy')
    const copied = states.filter((state) => state !== null)
    if (answer.status < 300 && element(answer, 'Error') === undefined) {
      this.#learned(source, (state) => state !== null, 'copy')
      this.acknowledged++
      this.expected.set(name, copied)
    } else if (isOpen(answer) || answer.status < 300) {
      this.refused++
      this.expected.set(name, [...this.#statesOf(name), ...copied])
    } else this.#unexpected('copy', name, answer)
  }

  /** An upload of one part, through S3. */
  async upload(name: string, random: Random): Promise<void> {
    const options = sealing(name, false)
    const begun = await this.#node.request('POST', `/bkt/${name}?uploads`, options)
    const id = element(begun, 'UploadId')
    if (id === undefined) return this.#changed(name, undefined, begun)
    const body = this.#body(random)
    const path = `/bkt/${name}?partNumber=1&uploadId=${id}`
    const part = await this.#node.request('PUT', path, { ...options, body })
    if (part.status !== 200) return this.#changed(name, undefined, part)
    const list = { ...options, body: completeBody([[1, part.headers.etag!]]) }
    const answer = await this.#node.request('POST', `/bkt/${name}?uploadId=${id}`, list)
    this.#changed(name, hashOf(body), answer)
  }

  async read(name: string, random: Random): Promise<void> {
    const through = this.#throughSwift(random)
    const answer = await this.#ask(through, 'GET', name, sealing(name, through))
    if (isOpen(answer)) return
    const found = answer.status === 404 ? null : hashOf(answer.body)
    if (found !== null && answer.status !== 200) return this.#unexpected('read', name, answer)
    this.#learned(name, (state) => state === found, 'read')
  }

  async list(_name: string, random: Random, client: number): Promise<void> {
    const through = this.#throughSwift(random)
    const answer = through
      ? await this.#swift!.request('GET', '/bkt')
      : await this.#node.request('GET', '/bkt')
    if (isOpen(answer) || answer.status === 404) return
    const listed = through ? answer.text.split('\n') : elements(answer, 'Key')
    for (let n = 0; n < NAMES; n++) {
      const name = `c${client}-${n}`
      this.#learned(name, (state) => (state !== null) === listed.includes(name), 'list')
    }
  }

  #throughSwift(random: Random): boolean {
    return random.integer(2) === 0 && this.#swift !== null
  }

  #nameOf(client: number, random: Random): string {
    return `c${client}-${random.integer(NAMES)}`
  }

  /** A body that differs from all others, so that it identifies the write. */
  #body(random: Random): Buffer {
    const size = random.pick(sizes)
    return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, `body ${++this.#bodies} `)
  }

  #ask(throughSwift: boolean, method: string, name: string, options = {}): Promise<Answer> {
    const asker = throughSwift ? this.#swift! : this.#node
    return asker.request(method, `/bkt/${name}`, options)
  }

  #statesOf(name: string): Possible {
    return this.expected.get(name) ?? [null]
  }

  /** Records the answer to a change. `after` is undefined for a step that itself changes nothing. */
  #changed(name: string, after: State | undefined, answer: Answer): void {
    const isDone = answer.status < 300 && element(answer, 'Code') === undefined
    const before = this.#statesOf(name)
    if (isDone) this.acknowledged++
    else this.refused++
    if (after === undefined) return
    if (isDone) this.expected.set(name, [after])
    // A 200 that was sent early, to keep the connection alive, may contain an error.
    else if (isOpen(answer) || answer.status < 300) this.expected.set(name, [...before, after])
    else if (answer.status !== 404) this.#unexpected('change', name, answer)
  }

  /** Records that the name's state is one of those. */
  #learned(name: string, may: (state: State) => boolean, step: string): void {
    const states = this.#statesOf(name)
    const left = states.filter(may)
    if (left.length === 0) {
      this.problems.push(`${step} of ${name} contradicts what was answered before`)
    } else this.expected.set(name, left)
  }

  #unexpected(step: string, name: string, answer: Answer): void {
    this.problems.push(`${step} of ${name}: ${outcome(answer)}`)
  }
}

const steps = [
  'put',
  'put',
  'create',
  'remove',
  'remove',
  'copy',
  'upload',
  'read',
  'list',
] as const
