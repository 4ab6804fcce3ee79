// THE pipeline: every stage of the object listeners, once, in order, with the reason for its place.
import Koa, { type Middleware } from 'koa'
import { audit } from './audit.ts'
import { auth } from './auth.ts'
import { body } from './body.ts'
import { detect } from './detect.ts'
import { dispatch } from './dispatch.ts'
import { errors } from './errors.ts'
import { forms } from './forms.ts'
import { gatekeeper } from './gatekeeper.ts'
import { health } from './health.ts'
import { answers } from './http/answer-memory.ts'
import { encryption } from './keys/encryption.ts'
import { ssec } from './keys/ssec.ts'
import { log } from './log.ts'
import { logins } from './logins.ts'
import { message } from './message.ts'
import { metrics } from './metrics.ts'
import type { Node } from './node.ts'
import { origins } from './origins.ts'
import { requestId } from './request-id.ts'
import type { Speaker, Speakers, SpokenState } from './speaker.ts'
import { target } from './target.ts'
import { uploads } from './uploads.ts'

/** The names of the stages in their order. `makePipeline` refuses any other, because each needs those before it. */
const order = [
  'requestId', // log, audit and answer need the id
  'log', // writes a line for every request, whatever its outcome
  'metrics', // counts every request, whatever its outcome
  'target', // raw request line, client, transport, speaker: all rules work on it
  'errors', // the only catch; needs the speaker to render
  'health', // a draining node refuses before it spends anything
  'message', // refuses what HTTP forbids: stages behind it can rely on Host and framing
  'detect', // names the operation before auth, so that refusals are logged and audited by name
  'origins', // needs the container that detect named; whatever refuses behind it is readable for the page that asked
  'gatekeeper', // no header of the other dialect may reach auth or a handler
  'logins', // delays callers who were denied too often, before a password or signature is verified
  'forms', // auth needs the caller and the signature that a form has in its body
  'auth', // needs the headers as they were sent, the key headers included
  'audit', // needs the caller, and the outcome of all stages behind it
  'uploads', // needs the caller and the operation; refuses before a body is read
  'ssec', // takes the keys out of the request before the body is read
  'encryption', // binds a cipher: needs the operation's rule
  'body', // decodes and verifies the body; needs how auth found it signed
  'answers', // takes memory for a whole answer of dispatch, or refuses in its place
  'dispatch', // the dialect's table and handler
]

/** Stages that are left out where no speaker needs them: each stage costs every request. */
const optional: Readonly<Record<string, (speaker: Speaker) => boolean>> = {
  origins: ({ nameOrigins }) => nameOrigins !== undefined,
  forms: ({ forms }) => forms !== undefined,
}

/** The pipeline of one listener. `listenerUrl` is the URL that the configuration gives for it. */
export function makePipeline(
  node: Node,
  speakers: Speakers,
  draining: () => boolean,
  listenerUrl: string | undefined,
): Koa<SpokenState> {
  const { config } = node
  const methods = new Set(speakers.all.flatMap((speaker) => speaker.methods))
  const stages = [
    requestId(),
    log(node),
    metrics(node),
    target(node, speakers, listenerUrl),
    errors(node),
    health(draining),
    message([...methods]),
    detect(),
    origins(),
    gatekeeper(),
    logins(node),
    forms(config.limits),
    auth(),
    audit(node),
    uploads(node),
    ssec(),
    encryption(node),
    body(config.limits),
    answers(node),
    dispatch(node),
  ] as readonly Middleware<SpokenState>[]
  const names = stages.map((stage) => stage.name)
  if (names.join() !== order.join()) throw new Error(`pipeline out of order: ${names.join()}`)
  const app = new Koa<SpokenState>()
  for (const stage of stages) {
    if (speakers.all.some(optional[stage.name] ?? (() => true))) app.use(stage)
  }
  // Errors that reach Koa have no answer: a socket died under its response.
  app.on('error', (error) => node.log.debug({ err: error }, 'response failed'))
  return app
}
