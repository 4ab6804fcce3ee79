// A node in this process, on a free loopback port, with data that are removed with the test.
import { createHash, createHmac, type Hash, type Hmac, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { SignatureV4 } from '@smithy/signature-v4'
import type { AuditEntry } from '../../lib/audit.ts'
import { PasswordChecks } from '../../lib/auth/password-checks.ts'
import { makeUsers, type UsersFile } from '../../lib/auth/users.ts'
import { replaceableUsers } from '../../lib/auth/users-file.ts'
import { poisonReleased } from '../../lib/bytes/release.ts'
import type { Catalog } from '../../lib/catalog/catalog.ts'
import { developmentCertificate } from '../../lib/certificate.ts'
import { type Coffer, openCoffer } from '../../lib/coffer.ts'
import { type Config, defaultConfig } from '../../lib/config/config.ts'
import type { Keyring } from '../../lib/crypto/cipher.ts'
import { makeLog } from '../../lib/log.ts'
import { openCatalog } from '../../lib/open-catalog.ts'
import { type Servers, startServers } from '../../middleware/servers.ts'
import { chosenCatalog } from './catalog-choice.ts'
import { chosenFormat } from './format-choice.ts'

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

export const accessKey = 'test:tester'
export const secretKey = 'testing'

/** Users of every test node: two accounts, and a user without rights. */
export const users = {
  accounts: [
    {
      id: 'test',
      users: [
        {
          name: 'tester',
          password: 'testing',
          roles: ['admin'],
          s3: [{ access: accessKey, secret: secretKey }],
        },
        {
          name: 'tester3',
          password: 'testing3',
          roles: [],
          s3: [{ access: 'test:tester3', secret: 'testing3' }],
        },
      ],
    },
    {
      id: 'other',
      users: [
        {
          name: 'other',
          password: 'testing2',
          roles: ['admin'],
          s3: [{ access: 'other:other', secret: 'testing2' }],
        },
      ],
    },
  ],
}

export interface TestNode {
  readonly dir: string
  readonly config: Config
  /** `http://127.0.0.1:port` and `https://127.0.0.1:port`. */
  readonly http: string
  readonly https: string
  /** The first listener that serves ops only. */
  readonly ops: string
  /** URLs of the listeners of another service. */
  addressesOf(service: 'identity' | 'keymanager'): readonly string[]
  /** The certificate of all listeners with TLS, in PEM. */
  readonly ca: string
  /** All log lines so far, one JSON object on each. */
  readonly logged: () => string
  readonly audited: AuditEntry[]
  readonly coffer: Coffer
  /** Does what `coffer user reload` does, with these users in the place of the file's. */
  replaceUsers(users: UsersFile): void
  /** Closes the node, and opens it again on the same data. `stopped` gets its catalog in between. */
  restart(stopped?: (catalog: Catalog) => Promise<void>): Promise<void>
  request(method: string, path: string, options?: SentRequest): Promise<Answer>
}

export interface SentRequest {
  readonly headers?: Record<string, string>
  readonly body?: Buffer | string
  /** False: anonymous. Default: signed as test:tester. */
  readonly sign?: boolean
  readonly access?: string
  readonly secret?: string
  /** Region in the signature; `us-east-1` by default. */
  readonly region?: string
  readonly tls?: boolean
  readonly host?: string
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  readonly text: string
}

type Overrides = { -readonly [K in keyof Config]?: Partial<Config[K]> | Config[K] }

// Every buffer that the node releases is overwritten first, so that a use after the release returns wrong
// bytes.
poisonReleased(true)

/** Starts a node; it stops, and its data goes, when the test ends. `keyring` is that of data of another node, `speakersOf`
 * makes those who answer instead of the two dialects. */
export async function startNode(
  t: Teardown,
  overrides: Overrides = {},
  keyring: Keyring = drawnKeyring(),
  speakersOf?: Parameters<typeof startServers>[3],
): Promise<TestNode> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-'))
  const certificate = await developmentCertificate(dir)
  const base = defaultConfig()
  const config = {
    ...base,
    data: dir,
    devices: [join(dir, 'volumes')],
    listen: [
      { host: '127.0.0.1', port: 0, serves: ['object'] },
      { host: '127.0.0.1', port: 0, serves: ['object'], tls: 'auto' },
    ],
    ...(await chosenCatalog()),
    ...overrides,
    ssec: { ...base.ssec, ...overrides.ssec },
    swift: { ...base.swift, ...overrides.swift },
    limits: { ...base.limits, ...overrides.limits },
    storage: {
      ...base.storage,
      volumeFormat: chosenFormat(),
      reserveBytes: 0,
      writeBufferBytes: 4 << 20,
      ...overrides.storage,
    },
  } as Config
  const chunks: Buffer[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk))
      done()
    },
  })
  const log = makeLog('debug', sink)
  const audited: AuditEntry[] = []
  const audit = { write: (entry: AuditEntry) => void audited.push(entry), close: async () => {} }
  const checks = new PasswordChecks()
  const reloadable = replaceableUsers(makeUsers(users, checks))
  let coffer: Coffer
  let servers: Servers
  const start = async () => {
    coffer = await openCoffer({ config, keyring, log, file: { users: reloadable, checks } })
    const { service, rootCipher, tokens, registry, answerMemory, impaired, figures } = coffer
    const stores = {
      service,
      rootCipher,
      tokens,
      registry,
      answerMemory,
      impaired,
      figures,
      version: '0.0.0',
    }
    const node = { config, ...stores, users: registry.users, log, audit }
    servers = await startServers(node, () => certificate, undefined, speakersOf)
  }
  const stop = async (drainTimeoutMs: number) => {
    await servers.close({ drainTimeoutMs })
    await coffer.close()
  }
  await start()
  t.teardown(async () => {
    // Requests that the test has left under way are cut off.
    await stop(2000)
    await rm(dir, { recursive: true, force: true })
  })
  return {
    dir,
    config,
    get http() {
      return servers.addresses[0]!
    },
    get https() {
      return servers.addresses[1]!
    },
    get ops() {
      return servers.opsAddresses[0]!
    },
    addressesOf: (service) => servers.addressesOf(service),
    ca: String(certificate.cert),
    get coffer() {
      return coffer
    },
    logged: () => Buffer.concat(chunks).toString(),
    audited,
    replaceUsers: (next) => reloadable.replace(makeUsers(next, checks)),
    restart: async (stopped) => {
      // Requests under way belong to the test, so that they get time even on a loaded machine.
      await stop(60_000)
      if (stopped !== undefined) {
        const { catalog, close } = await openCatalog(config, log)
        await stopped(catalog).finally(close)
      }
      await start()
    },
    request(method, path, options = {}) {
      const base = options.tls ? servers.addresses[1]! : servers.addresses[0]!
      return send(base, method, path, options, String(certificate.cert))
    },
  }
}

export function drawnKeyring(): Keyring {
  const rootKey = randomBytes(32)
  return { active: 'k1', key: (id: string) => (id === 'k1' ? rootKey : undefined) }
}

/** SHA-256 and its HMAC, as the SDK's signer requires them. */
class Sha256 {
  readonly #hash: Hash | Hmac
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer | string)
  }
  update(data: Uint8Array): void {
    this.#hash.update(data)
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
}

/** Signs and sends one request (SigV4, with the body's hash in a header unless the test set one). */
export async function send(
  base: string,
  method: string,
  path: string,
  options: SentRequest,
  ca: string,
): Promise<Answer> {
  const url = new URL(base)
  const body = Buffer.from(options.body ?? '')
  const host = options.host ?? url.host
  let headers: Record<string, string> = { host, ...options.headers }
  if (options.body !== undefined && headers['content-length'] === undefined) {
    headers['content-length'] = String(body.length)
  }
  if (options.sign !== false) headers = await sign(method, path, headers, body, options)
  return await exchange(
    { method, path, headers, host: url.hostname, port: url.port },
    body,
    url.protocol === 'https:' ? ca : undefined,
  )
}

/** Signs a request with SigV4. Returns its headers. */
export async function sign(
  method: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
  { access = accessKey, secret = secretKey, region = 'us-east-1' }: SentRequest,
): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    service: 's3',
    region,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
    credentials: { accessKeyId: access, secretAccessKey: secret },
  })
  const mark = path.indexOf('?')
  const query: Record<string, string[]> = {}
  if (mark !== -1) {
    for (const [name, value] of new URLSearchParams(path.slice(mark + 1))) {
      query[name] = [...(query[name] ?? []), value]
    }
  }
  const hash = createHash('sha256').update(body).digest('hex')
  const signed = await signer.sign({
    method,
    protocol: 'http:',
    hostname: headers.host!,
    path: mark === -1 ? path : path.slice(0, mark),
    query,
    headers: { 'x-amz-content-sha256': hash, ...headers },
  } as Parameters<typeof signer.sign>[0])
  return signed.headers
}

/** Sends one request as it is, and reads the answer to its end. */
export function exchange(options: RequestOptions, body: Buffer, ca?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = ca === undefined ? httpRequest : httpsRequest
    const req = send({ ...options, ca, agent: false } as RequestOptions, (res) => {
      const parts: Buffer[] = []
      res.on('data', (part: Buffer) => parts.push(part))
      res.on('error', reject)
      res.on('end', () => {
        const all = Buffer.concat(parts)
        resolve({
          status: res.statusCode!,
          headers: res.headers,
          body: all,
          text: all.toString(),
        })
      })
    })
    req.on('error', (error) => {
      error.message = `${options.method} ${options.path}: ${error.message}`
      reject(error)
    })
    req.end(body)
  })
}

/** The three headers of a customer key. */
export function keyHeaders(key: Buffer, prefix = 'x-amz-'): Record<string, string> {
  const name = `${prefix}server-side-encryption-customer`
  return {
    [`${name}-algorithm`]: 'AES256',
    [`${name}-key`]: key.toString('base64'),
    [`${name}-key-md5`]: createHash('md5').update(key).digest('base64'),
  }
}
