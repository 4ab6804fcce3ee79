// What identity and the key manager have in common as speakers: JSON in and out, a token of X-Auth-Token, no customer
// keys. Each has its own routes and its own form for errors.
import { VerifiedSource } from '../../lib/bytes/verify.ts'
import { auditEntry, codeOf } from '../audit.ts'
import { makeHeaderTable } from '../header-table.ts'
import type { Node } from '../node.ts'
import { type Speaker, tokenProofs } from '../speaker.ts'
import { describe, RestError, type Said } from './rest-error.ts'
import type { Context, RestState, Routes } from './route.ts'

export interface RestService {
  readonly name: string
  readonly routes: Routes
  /** The body of an error. */
  errorBody(said: Said): object
  /** The challenge of a 401 (RFC 9110 §11.6.1). */
  challengeOf(ctx: Context): string
}

const headerName = 'X-Openstack-Request-Id'

const unreadable: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are longer than this node takes.'],
  TARGET_OVERFLOW: [414, 'The request line is longer than this node takes.'],
  HPE_INVALID_METHOD: [405, 'This method is not allowed here.'],
  HPE_INVALID_VERSION: [505, 'This node speaks HTTP/1.1.'],
}

export function restSpeaker(node: Node, service: RestService): Speaker<RestState> {
  const { name, routes, errorBody, challengeOf } = service

  async function authenticate(ctx: Context, token: string): Promise<void> {
    const { state } = ctx
    state.sentToken = true
    state.token = await node.tokens.read(node.users, token, Date.now())
    if (state.token === undefined) {
      node.audit.write(auditEntry(state, 'TokenDenied'))
      throw unauthenticated()
    }
    state.caller = state.token.identity
  }

  return {
    name,
    methods: routes.methods,
    standing: new Set([headerName.toLowerCase(), 'vary']),
    headers: makeHeaderTable([]),
    begin(ctx) {
      const { state } = ctx
      state.requestId = `req-${crypto.randomUUID()}`
      state.token = undefined
      state.sentToken = false
      state.loginAs = ''
      state.isOpen = true
      ctx.set(headerName, state.requestId)
      ctx.set('Vary', 'X-Auth-Token')
    },
    refuseMessage: ({ status, text }) => new RestError(status, text),
    detect: (ctx) => routes.detect(ctx),
    refuseHeader: (_, header) => new RestError(400, `The header ${header} is not allowed.`),
    authenticate(ctx) {
      if (ctx.state.isOpen) return
      const token = String(ctx.req.headers['x-auth-token'] ?? '')
      if (token === '') throw unauthenticated()
      return authenticate(ctx, token)
    },
    guessed: ({ loginAs }, error) =>
      loginAs !== '' && codeOf(error) === 'Rest401' ? loginAs : undefined,
    takeKeys: () => ({ own: null, source: null }),
    keyRule: () => 'none',
    bindKeys() {},
    prepareBody({ state }, received, { chunked, length }) {
      state.source = new VerifiedSource(received, chunked ? {} : { length: length ?? 0 })
    },
    handle: (ctx) => routes.handle(ctx),
    statusOf: (_, error) => describe(error).status,
    render(ctx, error) {
      const said = describe(error)
      ctx.status = said.status
      ctx.set(said.headers ?? {})
      if (said.status === 401) ctx.set('WWW-Authenticate', challengeOf(ctx))
      ctx.set('Content-Type', 'application/json')
      ctx.body = JSON.stringify(errorBody(said))
    },
    unparsed(code) {
      const [status, message] = unreadable[code] ?? [400, 'The request could not be read.']
      return {
        status,
        headers: { 'Content-Type': 'application/json', [headerName]: `req-${crypto.randomUUID()}` },
        body: JSON.stringify(errorBody({ status, message })),
      }
    },
    proofOf({ loginAs, sentToken, token }, status) {
      if (loginAs !== '') {
        return status < 300
          ? tokenProofs.granted
          : status === 401
            ? tokenProofs.denied
            : tokenProofs.refused
      }
      return sentToken ? (token === undefined ? tokenProofs.invalid : tokenProofs.valid) : undefined
    },
  }
}

export const unauthenticated = () =>
  new RestError(401, 'The request you have made requires authentication.')
