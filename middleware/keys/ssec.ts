// Takes the customer keys out of a request: key headers become a handle that does not print, and are
// gone from everything that later code, a log line or a crash dump could show. Judging them waits until
// the operation's rule is known (encryption.ts).
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import { CofferError } from '../../lib/errors.ts'
import { blankHeader } from '../gatekeeper.ts'
import type { KeyHeaders, RequestKeys, State } from '../state.ts'
import { type KeyFields, S3Key, type Spelling, SwiftKey, SwiftKeys } from './key-headers.ts'

type SentKeys = { [K in keyof RequestKeys]: (KeyHeaders & { destroy(): void }) | null }

const spelling = (prefix: string): Spelling => ({
  algorithm: `${prefix}algorithm`,
  key: `${prefix}key`,
  md5: `${prefix}key-md5`,
})

const amz = {
  own: spelling('x-amz-server-side-encryption-customer-'),
  source: spelling('x-amz-copy-source-server-side-encryption-customer-'),
}
/** Coffer's own names, S3's, and those of the public guides, which are a key and never metadata (D-SPELLINGS). */
const swift = {
  own: [spelling('x-object-encryption-customer-'), amz.own, spelling('x-object-meta-encryption-')],
  source: [spelling('x-copy-source-object-encryption-customer-'), amz.source],
}

/** Takes a spelling's headers away. Null: none was sent. Names of those that came more than once go to `repeated`. */
function takeFields(req: IncomingMessage, names: Spelling, repeated: string[]): KeyFields | null {
  let sent = false
  const take = (name: string) => {
    const value = req.headers[name]
    if (value === undefined) return undefined
    sent = true
    delete req.headers[name]
    if (blankHeader(req, name) > 1) repeated.push(name)
    return Array.isArray(value) ? value.join(', ') : value
  }
  const fields = { algorithm: take(names.algorithm), key: take(names.key), md5: take(names.md5) }
  return sent ? fields : null
}

function takeS3Keys(req: IncomingMessage, repeated: string[]): SentKeys {
  const take = (names: Spelling) => {
    const fields = takeFields(req, names, repeated)
    return fields && new S3Key(fields)
  }
  return { own: take(amz.own), source: take(amz.source) }
}

/** The headers of a key in any spelling, an underscore standing for a dash. */
const keyParameter =
  /^x[-_](?:amz[-_](?:copy[-_]source[-_])?server[-_]side[-_]encryption[-_]customer[-_]|(?:copy[-_]source[-_])?object[-_](?:meta[-_])?encryption[-_])/i
/** What auth lifts of them. */
const liftedParameter = /^x-amz-(?:copy-source-)?server-side-encryption-customer-/i

/**
 * A presigned URL may carry S3's trio in its query, from where auth has lifted it into the headers. Throws
 * KeyInvalid for a key in any other query, and for other spellings: ignored there, it would leave an object that it
 * was to seal without it.
 */
function requireSignedPlace({ dialect, signedBy, s3 }: State): void {
  if (dialect !== 's3') return
  for (const name of s3.query.keys()) {
    if (!keyParameter.test(name)) continue
    if (signedBy === 'query' && liftedParameter.test(name)) continue
    throw new CofferError('KeyInvalid', {
      message: 'A customer key is sent in headers, or in the query of a presigned URL.',
    })
  }
}

/** HEAD shows the algorithm of a sealed object, and rclone sends what HEAD showed back when it sets a new
 * time by POST: without a key that asks for nothing. */
const isEcho = ({ method }: IncomingMessage, { algorithm, key, md5 }: KeyFields) =>
  method === 'POST' && algorithm === 'AES256' && key === undefined && md5 === undefined

function takeSwiftKeys(req: IncomingMessage, repeated: string[]): SentKeys {
  const take = (spellings: readonly Spelling[]) => {
    const keys: SwiftKey[] = []
    for (const names of spellings) {
      const fields = takeFields(req, names, repeated)
      if (fields !== null && !isEcho(req, fields)) keys.push(new SwiftKey(fields, names))
    }
    return keys.length === 0 ? null : new SwiftKeys(keys)
  }
  return { own: take(swift.own), source: take(swift.source) }
}

/** Throws KeyInvalid: which of two a proxy or a client meant, nobody can know. */
function requireOnce([name]: readonly string[]): void {
  if (name === undefined) return
  throw new CofferError('KeyInvalid', { message: `The header ${name} must not come twice.` })
}

/** After auth, which needs the signed headers as they came; before anything that reads the body. */
export function ssec(): Middleware<State> {
  return async function ssec(ctx, next) {
    const { state, req } = ctx
    const repeated: string[] = []
    const keys = state.dialect === 's3' ? takeS3Keys(req, repeated) : takeSwiftKeys(req, repeated)
    state.keys = keys
    try {
      requireOnce(repeated)
      requireSignedPlace(state)
      await next()
    } finally {
      keys.own?.destroy()
      keys.source?.destroy()
    }
  }
}
