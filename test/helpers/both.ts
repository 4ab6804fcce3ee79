// One node with a session in each dialect, for tests of how one dialect shows what the other wrote.
import { request as httpRequest } from 'node:http'
import { type Answer, keyHeaders, type SentRequest, startNode, type TestNode } from './node.ts'
import { login } from './swift.ts'

/** Sends a request. `path` is `/container/object?query` in both dialects; '' or '/' is the account. */
export type Ask = (method: string, path: string, options?: SentRequest) => Promise<Answer>

export interface Both {
  readonly node: TestNode
  /** Signed as test:tester. */
  readonly s3: Ask
  /** With a token of test:tester. */
  readonly swift: Ask
  /** The beginning of the account's Swift paths: `/v1/AUTH_test`. */
  readonly root: string
  readonly token: string
}

/** Starts a node, and logs in. */
export async function startBoth(...args: Parameters<typeof startNode>): Promise<Both> {
  const node = await startNode(...args)
  const { token, storageUrl, request } = await login(node)
  const s3: Ask = (method, path, options) => node.request(method, path || '/', options)
  return { node, s3, swift: request, root: new URL(storageUrl).pathname, token }
}

/** As `startBoth`, with a container `bkt`. */
export async function startWithContainer(...args: Parameters<typeof startNode>): Promise<Both> {
  const both = await startBoth(...args)
  await both.swift('PUT', '/bkt')
  return both
}

/** The three spellings of a customer key in Swift's requests: of an object, and of a copy's source. */
export const swiftSpellings = {
  own: (key: Buffer) => swiftKey(key, 'X-Object-Encryption-Customer-'),
  amz: (key: Buffer) => keyHeaders(key),
  guide: (key: Buffer) => ({
    'X-Object-Meta-Encryption-Algorithm': 'AES256',
    'X-Object-Meta-Encryption-Key': key.toString('base64'),
  }),
} as const

export const swiftSourceSpellings = {
  own: (key: Buffer) => swiftKey(key, 'X-Copy-Source-Object-Encryption-Customer-'),
  amz: (key: Buffer) => keyHeaders(key, 'x-amz-copy-source-'),
} as const

/** Swift's own spelling, in which the MD5 of the key may be missing. */
export function swiftKey(key: Buffer, prefix = 'X-Object-Encryption-Customer-') {
  return { [`${prefix}Algorithm`]: 'AES256', [`${prefix}Key`]: key.toString('base64') }
}

/** A Swift request with a customer key, over TLS, by default in Swift's own spelling. */
export function withSwiftKey(
  key: Buffer,
  options: SentRequest = {},
  spell: (key: Buffer) => Record<string, string> = swiftSpellings.own,
): SentRequest {
  return { tls: true, ...options, headers: { ...spell(key), ...options.headers } }
}

export interface Usage {
  readonly objects: number
  readonly bytes: number
}

/** Swift's counts of a container. */
export async function containerUsage({ swift }: Both, container = '/bkt'): Promise<Usage> {
  const { headers } = await swift('HEAD', container)
  return {
    objects: Number(headers['x-container-object-count']),
    bytes: Number(headers['x-container-bytes-used']),
  }
}

/** Swift's counts of the account. */
export async function accountUsage({ swift }: Both): Promise<Usage & { containers: number }> {
  const { headers } = await swift('HEAD', '')
  return {
    containers: Number(headers['x-account-container-count']),
    objects: Number(headers['x-account-object-count']),
    bytes: Number(headers['x-account-bytes-used']),
  }
}

export interface SwiftItem {
  readonly name?: string
  readonly subdir?: string
  readonly bytes: number
  readonly hash: string
  readonly content_type: string
  readonly last_modified: string
  readonly version_id?: string
  readonly is_latest?: boolean
}

/** A parsed Swift listing. */
export async function swiftList({ swift }: Both, path = '/bkt?'): Promise<SwiftItem[]> {
  const answer = await swift('GET', `${path}&format=json`)
  if (answer.status !== 200) throw new Error(`list: ${answer.status} ${answer.text}`)
  return JSON.parse(answer.text) as SwiftItem[]
}

/** Names of an answer's headers, as they were sent. */
export function rawHeaderNames(
  base: string,
  path: string,
  headers: Record<string, string>,
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const url = new URL(base)
    const options = { method: 'HEAD', path, headers, host: url.hostname, port: url.port }
    const req = httpRequest({ ...options, agent: false }, (res) => {
      res.resume()
      resolve(res.rawHeaders.filter((_, i) => i % 2 === 0))
    })
    req.on('error', reject)
    req.end()
  })
}

/** Sizes around every boundary of storage: no byte, one byte, the largest inline body, a record. */
export const boundarySizes = [0, 1, 8191, 8192, 8193, 65535, 65536, 65537] as const
