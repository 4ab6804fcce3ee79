// v1 auth: a request with name and password in headers, whose answer has a token and the account's URL. Its paths are
// those of Swift's TempAuth: `/auth/v1.0`, `/auth/auth` and `/auth/v1/<account>/auth`.
import type { IncomingHttpHeaders } from 'node:http'
import { networkOf } from '../../lib/network.ts'
import { auditEntry } from '../audit.ts'
import { requireTurn } from '../logins.ts'
import type { Node } from '../node.ts'
import type { Context } from './context.ts'
import { accountNameOf } from './detect.ts'
import type { Handler } from './handlers/handler.ts'
import { challengeOf, resellerPrefix } from './resellers.ts'
import { SwiftError } from './swift-error.ts'

interface Credentials {
  readonly account: string
  readonly user: string
  readonly password: string
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A header's value as text, '' where the header is missing or its bytes are no UTF-8. */
function textOf(value: string | string[] | undefined): string {
  try {
    return utf8.decode(Buffer.from(String(value ?? ''), 'latin1'))
  } catch {
    return ''
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return ''
  }
}

/** Splits `account:user` at the first colon. The user's name may have colons too. */
function splitName(name: string): { account: string; user: string } {
  const colon = name.indexOf(':')
  if (colon === -1) return { account: '', user: '' }
  return { account: name.slice(0, colon), user: name.slice(colon + 1) }
}

/** The form of a login's path: `v1.0`, `auth` or `v1`. Throws SwiftError 404 and 400 for other paths. */
export function requireLoginPath(path: string): string {
  const [, , form, , last] = path.split('/')
  if (form === undefined || form === '') throw new SwiftError(404)
  if (form !== 'v1.0' && form !== 'auth' && (form !== 'v1' || last !== 'auth')) {
    throw new SwiftError(400)
  }
  return form
}

/**
 * The credentials that the client sends. Where the path names the account, `X-Storage-User` is the user's name alone
 * and counts before `X-Auth-User`. On other paths `X-Auth-User` counts first. Throws SwiftError 404 and 400 for other
 * paths.
 */
function credentialsOf(path: string, headers: IncomingHttpHeaders): Credentials {
  const form = requireLoginPath(path)
  const [, , , account] = path.split('/')
  const authUser = textOf(headers['x-auth-user'])
  const storageUser = textOf(headers['x-storage-user'])
  const authKey = textOf(headers['x-auth-key'])
  const storagePass = textOf(headers['x-storage-pass'])
  if (form === 'v1.0' || form === 'auth') {
    return { ...splitName(authUser || storageUser), password: authKey || storagePass }
  }
  const password = storagePass || authKey
  const named = decoded(account!)
  if (storageUser !== '') return { account: named, user: storageUser, password }
  const full = splitName(authUser)
  return { account: named, user: full.account === named ? full.user : '', password }
}

function denied(ctx: Context, node: Node, { account, user }: Credentials): SwiftError {
  // An unknown name is not written to the audit, because it may be a password in the wrong place.
  const known = node.users.byName(account, user)
  const entry = auditEntry(ctx.state, 'LoginDenied')
  node.audit.write({ ...entry, account: known?.account ?? '', user: known?.user ?? '' })
  return new SwiftError(401, undefined, challengeOf(account))
}

/**
 * The user with these credentials. A password that was right lately is accepted even where its address is held up after
 * wrong ones. Throws LoginDelayed, StoreUnavailable.
 */
async function identify(ctx: Context, node: Node, { account, user, password }: Credentials) {
  const known = node.users.byRecentPassword(account, user, password)
  if (known !== undefined) return known
  requireTurn(node, ctx, ctx.state.loginAs)
  return await node.users.byPassword(account, user, password, networkOf(ctx.state.target.address))
}

/**
 * Answers with `X-Auth-Token` and `X-Storage-Url`. Throws SwiftError: 401 where account, user or password is wrong,
 * 404 and 400 for a path that is no login, 405. Throws LoginDelayed, StoreUnavailable where too many logins wait.
 */
export const login: Handler = async (ctx, node) => {
  const { state } = ctx
  if (ctx.method !== 'GET') throw new SwiftError(405, undefined, { Allow: 'GET, DELETE' })
  const credentials = credentialsOf(state.target.path, ctx.req.headers)
  const { account, user, password } = credentials
  if (account !== '') state.loginAs = `${account}:${user}`
  const isWhole = account !== '' && user !== '' && password !== ''
  const identity = isWhole ? await identify(ctx, node, credentials) : undefined
  const nowMs = Date.now()
  const issued = identity && (await node.tokens.issue(node.users, identity, nowMs))
  if (identity === undefined || issued === undefined) throw denied(ctx, node, credentials)
  state.caller = identity
  state.provenAs = state.loginAs
  const name = accountNameOf(identity.account, resellerPrefix(node.config))
  ctx.status = 200
  ctx.set('X-Storage-Url', `${state.target.baseUrl}/v1/${encodeURIComponent(name)}`)
  ctx.set('X-Auth-Token', issued.token)
  ctx.set('X-Storage-Token', issued.token)
  ctx.set('X-Auth-Token-Expires', String(issued.expiresSeconds - Math.floor(nowMs / 1000)))
  ctx.type = 'text/html; charset=UTF-8'
  ctx.body = ''
}
