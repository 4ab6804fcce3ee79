// Signs requests for the tests, written apart from lib/auth: on node:crypto's own HMAC and with no code
// in common, so that a mistake in one shows against the other.
import { createHash, createHmac } from 'node:crypto'
import type { Test } from 'tap'
import type { SignedRequest } from '../../../lib/auth/request.ts'
import type { SigningRules } from '../../../lib/auth/sigv4.ts'
import { makeUsers } from '../../../lib/auth/users.ts'

/** The example credentials of AWS's documentation. */
export const ACCESS = 'AKIAIOSFODNN7EXAMPLE'
export const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
export const NOW = Date.UTC(2013, 4, 24)

export const users = makeUsers({
  accounts: [
    {
      id: 'test',
      users: [
        { name: 'tester', roles: ['admin'], s3: [{ access: ACCESS, secret: SECRET }] },
        { name: 'colon', s3: [{ access: 'test:tester', secret: 'testing' }] },
      ],
    },
  ],
})

export const rules: SigningRules = {
  users,
  region: 'us-east-1',
  domains: ['s3.amazonaws.com'],
  presignedReads: 'unsigned',
}

export const hex = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text, 'latin1')

export function signingKey(secret: string, date: string, region: string): Buffer {
  let key: string | Buffer = `AWS4${secret}`
  for (const part of [date, region, 's3', 'aws4_request']) key = hmac(key, part).digest()
  return key as Buffer
}

export interface Plan {
  method?: string
  path?: string
  query?: [string, string][]
  headers?: [string, string][]
  /** Sent beside what is signed. */
  unsigned?: [string, string][]
  access?: string
  secret?: string
  region?: string
  service?: string
  terminal?: string
  timestamp?: string
  scopeDate?: string
  payload?: string
  nowMs?: number
}

const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function signature(plan: Plan, query: string, headers: [string, string][], payload: string) {
  const timestamp = plan.timestamp ?? '20130524T000000Z'
  const date = plan.scopeDate ?? timestamp.slice(0, 8)
  const region = plan.region ?? 'us-east-1'
  const scope = `${date}/${region}/${plan.service ?? 's3'}/${plan.terminal ?? 'aws4_request'}`
  const sorted = headers
    .map(([name, value]): [string, string] => [name.toLowerCase(), value.trim()])
    .sort((a, b) => compare(a[0], b[0]))
  const canonical = [
    plan.method ?? 'GET',
    plan.path ?? '/',
    query,
    ...sorted.map(([name, value]) => `${name}:${value}`),
    '',
    sorted.map(([name]) => name).join(';'),
    payload,
  ].join('\n')
  const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${hex(Buffer.from(canonical, 'latin1'))}`
  const key = signingKey(plan.secret ?? SECRET, date, region)
  return {
    scope,
    signed: sorted.map(([name]) => name).join(';'),
    signature: hmac(key, text).digest('hex'),
  }
}

const joined = (query: [string, string][]) =>
  query
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')

/** A request with an Authorization header. */
export function byHeader(plan: Plan = {}): SignedRequest {
  const payload = plan.payload ?? hex('')
  const headers: [string, string][] = [
    ['Host', 'examplebucket.s3.amazonaws.com'],
    ['x-amz-date', plan.timestamp ?? '20130524T000000Z'],
    ['x-amz-content-sha256', payload],
    ...(plan.headers ?? []),
  ]
  const query = joined(plan.query ?? [])
  const made = signature(plan, query, headers, payload)
  const authorization = `AWS4-HMAC-SHA256 Credential=${plan.access ?? ACCESS}/${made.scope}, SignedHeaders=${made.signed}, Signature=${made.signature}`
  return {
    method: plan.method ?? 'GET',
    rawPath: plan.path ?? '/',
    rawQuery: query,
    host: 'examplebucket.s3.amazonaws.com',
    headers: [...headers, ...(plan.unsigned ?? []), ['Authorization', authorization]],
    nowMs: plan.nowMs ?? NOW,
  }
}

/** A presigned request. `without` leaves one parameter away after signing. */
export function byQuery(plan: Plan & { expires?: string; without?: string } = {}): SignedRequest {
  const headers: [string, string][] = [
    ['Host', 'examplebucket.s3.amazonaws.com'],
    ...(plan.headers ?? []),
  ]
  const timestamp = plan.timestamp ?? '20130524T000000Z'
  const date = plan.scopeDate ?? timestamp.slice(0, 8)
  const scope = `${date}/${plan.region ?? 'us-east-1'}/${plan.service ?? 's3'}/${plan.terminal ?? 'aws4_request'}`
  const query: [string, string][] = [
    ...(plan.query ?? []),
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${plan.access ?? ACCESS}/${scope}`],
    ['X-Amz-Date', timestamp],
    ['X-Amz-Expires', plan.expires ?? '86400'],
    [
      'X-Amz-SignedHeaders',
      headers
        .map(([name]) => name.toLowerCase())
        .sort()
        .join(';'),
    ],
  ]
  const made = signature(plan, joined(query), headers, plan.payload ?? 'UNSIGNED-PAYLOAD')
  const sent: [string, string][] = [...query, ['X-Amz-Signature', made.signature]]
  return {
    method: plan.method ?? 'GET',
    rawPath: plan.path ?? '/',
    rawQuery: joined(sent.filter(([name]) => name !== plan.without)),
    host: 'examplebucket.s3.amazonaws.com',
    headers: [...headers, ...(plan.unsigned ?? [])],
    nowMs: plan.nowMs ?? NOW,
  }
}

/** Expects `run` to throw a CofferError of that code, and returns its details. */
export function refused(
  t: Test,
  code: string,
  run: () => unknown,
): Record<string, string | number | undefined> {
  let error: unknown
  try {
    run()
  } catch (thrown) {
    error = thrown
  }
  const found = error as { code?: string; details?: Record<string, string> } | undefined
  t.equal(found?.code, code, `${code}: ${found?.details?.message ?? ''}`)
  return found?.details ?? {}
}
