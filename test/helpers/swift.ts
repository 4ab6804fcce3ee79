// Requests that many tests of the Swift dialect share.
import type { Answer, SentRequest, TestNode } from './node.ts'

type Asked = Pick<TestNode, 'request'>

export interface Session {
  readonly token: string
  /** `http://127.0.0.1:port/v1/AUTH_account`. */
  readonly storageUrl: string
  /** Sends a request with the session's token. `path` is relative to the storage URL: '' or '/c/o?query'. */
  request(method: string, path: string, options?: SentRequest): Promise<Answer>
}

/** One request of v1 auth, by default as test:tester. */
export function askToken(node: Asked, user = 'test:tester', key = 'testing'): Promise<Answer> {
  const headers = { 'X-Auth-User': user, 'X-Auth-Key': key }
  return node.request('GET', '/auth/v1.0', { sign: false, headers })
}

/** Logs in by v1 auth. Rejects where the login is refused. */
export async function login(node: Asked, user?: string, key?: string): Promise<Session> {
  const { status, headers, text } = await askToken(node, user, key)
  const token = headers['x-auth-token']
  const storageUrl = headers['x-storage-url']
  if (status !== 200 || typeof token !== 'string' || typeof storageUrl !== 'string') {
    throw new Error(`no token: ${status} ${text}`)
  }
  const root = new URL(storageUrl).pathname
  return {
    token,
    storageUrl,
    request: (method, path, options = {}) =>
      node.request(method, root + path, {
        ...options,
        sign: false,
        headers: { 'X-Auth-Token': token, ...options.headers },
      }),
  }
}
