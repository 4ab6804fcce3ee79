// THE pipeline: every middleware of the object listeners, once, in order, with the reason for its place.
import Koa, { type Middleware } from 'koa'
import type { Config } from '../lib/config/config.ts'
import { RequestAsker } from './asker.ts'
import { audit } from './audit.ts'
import { auth } from './auth.ts'
import { body } from './body.ts'
import { type DialectRules, dialectOf } from './dialect.ts'
import { errors } from './errors.ts'
import { foldNames, gatekeeper } from './gatekeeper.ts'
import { health } from './health.ts'
import { answers } from './http/answer-memory.ts'
import { makeTrust, readTarget } from './http/target.ts'
import { encryption } from './keys/encryption.ts'
import { ssec } from './keys/ssec.ts'
import { logins, uploads } from './limits.ts'
import { log } from './log.ts'
import { message } from './message.ts'
import { metrics } from './metrics.ts'
import { requestId, transactionId } from './request-id.ts'
import { detectS3, keyRuleOf, s3, s3Errors } from './s3/index.ts'
import type { Node, State } from './state.ts'
import { detectSwift, swift, swiftErrors, swiftKeyRuleOf } from './swift/index.ts'

/** Names in their order; `makePipeline` refuses any other, because each relies on those before it. */
const order = [
  'requestId', // everything that can be written down needs the id
  'log', // sees every request, whatever becomes of it
  'metrics', // the same
  'target', // raw request line, client, transport, dialect: all rules work on it
  'errors', // the only catch; needs the dialect to speak
  'health', // a draining node refuses before it spends anything
  'message', // what HTTP itself refuses: nothing behind it meets a Host or a framing that is none
  'detect', // names the operation before auth, so that refusals are logged and audited by name
  'gatekeeper', // no header of the other dialect may reach auth or a handler
  'logins', // who was denied too often waits, before a password or a signature is looked at
  'auth', // needs the headers as they were sent, the key headers included
  'audit', // needs the caller; sees the outcome of all that follows
  'uploads', // needs the caller and the operation; refuses before a body is read
  'ssec', // takes the keys out of the request before anything reads on
  'encryption', // binds a cipher: needs the operation's rule
  'body', // decodes and verifies what is left to read: needs auth's signing state
  'answers', // counts what dispatch made, where a refusal can still take its place
  'dispatch', // the dialect's table and handler
]

/** What the configuration says about telling the dialects apart. */
export function dialectRules({ domains, swift }: Config): DialectRules {
  const resellers = swift.resellers.map(({ prefix }) => prefix)
  return { domains, remapDomains: swift.remapDomains, resellers }
}

/** The pipeline of one listener; `listenerUrl` is what the configuration says of where clients reach it. */
export function makePipeline(
  node: Node,
  draining: () => boolean,
  listenerUrl: string | undefined,
): Koa<State> {
  const { config } = node
  const trusted = makeTrust(config.trustedProxies)
  const rules = dialectRules(config)
  const target: Middleware<State> = async function target(ctx, next) {
    const { state } = ctx
    state.target = readTarget(ctx.req, trusted, listenerUrl)
    state.dialect = dialectOf(state.target, ctx.headers, rules)
    state.operation = 'Unknown'
    state.caller = null
    state.asker = new RequestAsker(ctx)
    if (state.dialect === 's3') {
      ctx.set('x-amz-request-id', state.requestId)
      ctx.set('x-amz-id-2', Buffer.from(state.requestId).toString('base64'))
    } else {
      foldNames(ctx.req)
      state.requestId = transactionId(ctx.get('X-Trans-Id-Extra'))
      ctx.set('X-Trans-Id', state.requestId)
      ctx.set('X-Openstack-Request-Id', state.requestId)
    }
    await next()
  }
  const detect: Middleware<State> = async function detect(ctx, next) {
    if (ctx.state.dialect === 's3') detectS3(ctx, config.domains)
    else detectSwift(ctx, config)
    await next()
  }
  const speakS3 = s3(node)
  const speakSwift = swift(node)
  const dispatch: Middleware<State> = async function dispatch(ctx, next) {
    await (ctx.state.dialect === 's3' ? speakS3 : speakSwift)(ctx, next)
  }
  const ruleOf = (state: State) => (state.dialect === 's3' ? keyRuleOf : swiftKeyRuleOf)(state)
  const pipeline: Middleware<State>[] = [
    requestId(),
    log(node),
    metrics(node, ruleOf),
    target,
    errors(node, { s3: s3Errors, swift: swiftErrors }),
    health(draining),
    message(),
    detect,
    gatekeeper(),
    logins(node),
    auth(node),
    audit(node),
    uploads(node, ruleOf),
    ssec(),
    encryption(node, ruleOf),
    body(config.limits),
    answers(node),
    dispatch,
  ]
  const names = pipeline.map((middleware) => middleware.name)
  if (names.join() !== order.join()) throw new Error(`pipeline out of order: ${names.join()}`)
  const app = new Koa<State>()
  for (const middleware of pipeline) app.use(middleware)
  // What reaches Koa itself was not ours to answer: a socket that died under a response.
  app.on('error', (error) => node.log.debug({ err: error }, 'response failed'))
  return app
}
