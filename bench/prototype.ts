// The reference for small requests: the least work for a GET of a sealed object on this stack. It has Koa, the
// verification of one presigned SigV4 URL, one `getSync`, HKDF, the unwrapping of a key, and one record. It has
// no names, errors, conditions and log. It uses what is fast on Node: KeyObjects, one-shot hashes, a cached
// signing key.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { classicEngine, type Database } from '../lib/leveldb/engine.ts'
import { answerMessages } from './child.ts'
import { signingKey } from './signing.ts'

export interface PrototypeJob {
  readonly dir: string
  readonly objects: number
  readonly bytes: number
  readonly customerKey: Uint8Array
  /** PEM texts. Absent: http. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

export interface PrototypeReady {
  readonly origin: string
  readonly names: readonly string[]
}

const KEY = 'x-amz-server-side-encryption-customer-key'
const ALGORITHM = 'aes-256-gcm'
const ZERO_NONCE = Buffer.alloc(12)
const SALT_BYTES = 32
const COMMITMENT_END = SALT_BYTES + 32
const WRAPPED_END = COMMITMENT_END + 32 + 16

function expand(key: Buffer, salt: Buffer, name: string) {
  const info = createHash('sha256').update(name).digest()
  const okm = Buffer.from(hkdfSync('sha256', createSecretKey(key), salt, info, 64))
  return { kek: createSecretKey(okm.subarray(0, 32)), commitment: okm.subarray(32) }
}

function seal(key: KeyObject, plain: Buffer): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, ZERO_NONCE)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function open(key: KeyObject, sealed: Buffer): Buffer {
  const end = sealed.length - 16
  const decipher = createDecipheriv(ALGORITHM, key, ZERO_NONCE, { authTagLength: 16 })
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  decipher.final()
  return plain
}

/** An object as one value: salt, commitment, wrapped key, record. */
function encodeObject(customerKey: Buffer, name: string, plain: Buffer): Buffer {
  const salt = randomBytes(SALT_BYTES)
  const bodyKey = randomBytes(32)
  const { kek, commitment } = expand(customerKey, salt, name)
  const record = seal(createSecretKey(bodyKey), plain)
  return Buffer.concat([salt, commitment, seal(kek, bodyKey), record])
}

function openObject(customerKey: Buffer, name: string, value: Buffer): Buffer | undefined {
  const { kek, commitment } = expand(customerKey, value.subarray(0, SALT_BYTES), name)
  if (!timingSafeEqual(commitment, value.subarray(SALT_BYTES, COMMITMENT_END))) return undefined
  const bodyKey = open(kek, value.subarray(COMMITMENT_END, WRAPPED_END))
  return open(createSecretKey(bodyKey), value.subarray(WRAPPED_END))
}

const signingKeys = new Map<string, KeyObject>()

function keyOfDay(date: string): KeyObject {
  let key = signingKeys.get(date)
  if (key === undefined) {
    key = createSecretKey(signingKey(date))
    signingKeys.set(date, key)
  }
  return key
}

function isSigned(ctx: Koa.Context, path: string, query: string): boolean {
  const parameters = new URLSearchParams(query)
  const parameter = (name: string) => parameters.get(`X-Amz-${name}`) ?? ''
  const names = parameter('SignedHeaders')
  const lines = names.split(';').map((name) => `${name}:${ctx.get(name)}\n`)
  const canonicalQuery = query
    .split('&')
    .filter((pair) => !pair.startsWith('X-Amz-Signature='))
    .sort()
    .join('&')
  const canonical = `${ctx.method}\n${path}\n${canonicalQuery}\n${lines.join('')}\n${names}\nUNSIGNED-PAYLOAD`
  const scope = parameter('Credential').split('/').slice(1).join('/')
  const text = `AWS4-HMAC-SHA256\n${parameter('Date')}\n${scope}\n${hash('sha256', canonical)}`
  const expected = createHmac('sha256', keyOfDay(scope.slice(0, 8)))
    .update(text)
    .digest()
  const given = Buffer.from(parameter('Signature'), 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function serve(db: Database<string>): Koa {
  const app = new Koa()
  app.use(async (ctx) => {
    const [path = '', query = ''] = (ctx.req.url ?? '').split('?')
    if (!isSigned(ctx, path, query)) ctx.throw(403)
    const key = Buffer.from(ctx.get(KEY), 'base64')
    const md5 = hash('md5', key, 'base64')
    if (key.length !== 32 || md5 !== ctx.get(`${KEY}-md5`)) ctx.throw(400)
    const value = db.getSync(path)
    if (value === undefined) return ctx.throw(404)
    const plain = openObject(key, path, value)
    if (plain === undefined) return ctx.throw(403)
    ctx.set('etag', '"00000000000000000000000000000000"')
    ctx.set('last-modified', new Date(0).toUTCString())
    ctx.set(`${KEY}-md5`, md5)
    ctx.type = 'application/octet-stream'
    ctx.body = plain
  })
  return app
}

async function fill(db: Database<string>, job: PrototypeJob): Promise<string[]> {
  const names = Array.from({ length: job.objects }, (_, i) => `/bench/${i}`)
  const customerKey = Buffer.from(job.customerKey)
  for (const name of names) {
    await db.put(name, encodeObject(customerKey, name, randomBytes(job.bytes)))
  }
  return names
}

answerMessages(async (job: PrototypeJob): Promise<PrototypeReady> => {
  const db = await classicEngine.open(job.dir, {
    keyEncoding: 'utf8',
    writeBufferBytes: 16 << 20,
    maxFileBytes: 16 << 20,
    cacheBytes: 8 << 20,
    create: true,
  })
  const names = await fill(db, job)
  const handle = serve(db).callback()
  const server = job.tls === undefined ? createServer(handle) : createTlsServer(job.tls, handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const scheme = job.tls === undefined ? 'http' : 'https'
  return { origin: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, names }
})
