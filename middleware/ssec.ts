// Takes the customer keys out of a request: key headers become a handle that does not print, and are
// gone from everything that later code, a log line or a crash dump could show. Judging them waits until
// the operation's rule is known (encryption.ts).

import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import { CustomerKey } from '../lib/crypto/customer-key.ts'
import { KEY_BYTES } from '../lib/crypto/keys.ts'
import { CofferError } from '../lib/errors.ts'
import type { KeyHeaders, State } from './state.ts'

const OWN = 'x-amz-server-side-encryption-customer-'
const SOURCE = 'x-amz-copy-source-server-side-encryption-customer-'
const fields = ['algorithm', 'key', 'key-md5'] as const

/** The texts are AWS's, for clients and people search for them (features/ssec.md §9.2). */
const texts = {
  key: 'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
  algorithm:
    'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
  md5: 'Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.',
  short: 'The secret key was invalid - too short.',
  mismatch: 'The calculated MD5 hash of the key did not match the hash that was provided.',
  length: 'The secret key was invalid for the specified algorithm.',
}

const invalid = (message: string) => new CofferError('KeyInvalid', { message })

/** A trio of headers as sent. Presence is 'the header exists, even empty'. */
class SentKey implements KeyHeaders {
  readonly algorithm: string | undefined
  #key: string | undefined
  readonly #md5: string | undefined
  #handed: CustomerKey | undefined

  constructor(values: readonly (string | undefined)[]) {
    this.algorithm = values[0]
    this.#key = values[1]
    this.#md5 = values[2]
  }

  get isComplete(): boolean {
    return this.algorithm !== undefined && this.#key !== undefined && this.#md5 !== undefined
  }

  read(options: { md5Required: boolean; lengthChecked: boolean }): CustomerKey | undefined {
    if (this.algorithm === undefined) throw invalid(texts.algorithm)
    if (this.#key === undefined) throw invalid(texts.key)
    if (this.#md5 === undefined && options.md5Required) throw invalid(texts.md5)
    // AWS decodes leniently, and so does Buffer: foreign characters are skipped.
    const bytes = Buffer.alloc(Math.ceil((this.#key.length * 3) / 4))
    try {
      const length = bytes.write(this.#key, 'base64')
      if (length === 0) throw invalid(texts.short)
      const key = bytes.subarray(0, length)
      if (this.#md5 !== undefined && !sameMd5(key, this.#md5)) throw invalid(texts.mismatch)
      if (this.algorithm !== 'AES256') {
        throw new CofferError('KeyAlgorithmInvalid', { value: this.algorithm })
      }
      if (length !== KEY_BYTES) {
        if (options.lengthChecked) throw invalid(texts.length)
        return undefined
      }
      this.#handed ??= new CustomerKey(key)
      return this.#handed
    } finally {
      bytes.fill(0)
    }
  }

  destroy(): void {
    this.#key = undefined
    this.#handed?.destroy()
  }
}

function sameMd5(key: Buffer, claimed: string): boolean {
  const given = Buffer.from(claimed, 'base64')
  return given.length === 16 && given.equals(hash('md5', key, 'buffer'))
}

/** Removes a header from every place where Node keeps it. */
function removeHeader(req: IncomingMessage, name: string): void {
  delete req.headers[name]
  const { rawHeaders } = req
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === name) rawHeaders[i + 1] = ''
  }
}

/** A presigned URL may carry the headers in its query, where they are signed like the rest. */
function keyParameters(query: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  // The name as a parameter of its own: SignedHeaders lists it in every presigned request with a key.
  if (!/(?:^|&)x-amz-(?:copy-source-)?server-side-encryption-customer-/i.test(query)) return found
  for (const [name, value] of new URLSearchParams(query)) found.set(name.toLowerCase(), value)
  return found
}

/** Takes one trio from headers, or from the query of a presigned URL, where the header wins. */
function takeKey(req: IncomingMessage, query: ReadonlyMap<string, string>, prefix: string) {
  let sent = false
  const values = fields.map((field) => {
    const name = prefix + field
    const value = req.headers[name] ?? query.get(name)
    if (value === undefined) return undefined
    sent = true
    removeHeader(req, name)
    return Array.isArray(value) ? value.join(', ') : value
  })
  return sent ? new SentKey(values) : null
}

/** After auth, which needs the signed headers as they came; before anything that reads the body. */
export function ssec(): Middleware<State> {
  return async function ssec(ctx, next) {
    const query = keyParameters(ctx.state.target.query)
    const own = takeKey(ctx.req, query, OWN)
    const source = takeKey(ctx.req, query, SOURCE)
    ctx.state.keys = { own, source }
    if (own === null && source === null) return await next()
    try {
      await next()
    } finally {
      own?.destroy()
      source?.destroy()
    }
  }
}
