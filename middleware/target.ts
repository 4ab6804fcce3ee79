// Reads the request line and who sent it, and picks the speaker that answers: all rules behind it work on these.
import type { Middleware } from 'koa'
import { RequestAsker } from './asker.ts'
import { makeTrust, readTarget } from './http/target.ts'
import type { Node } from './node.ts'
import type { Speakers, SpokenState } from './speaker.ts'

/** `listenerUrl` is what the configuration says of where clients reach the listener. */
export function target(
  { config }: Pick<Node, 'config'>,
  speakers: Speakers,
  listenerUrl: string | undefined,
): Middleware<SpokenState> {
  const trusted = makeTrust(config.trustedProxies)
  return async function target(ctx, next) {
    const { state, req } = ctx
    state.target = readTarget(req, trusted, listenerUrl)
    const speaker = speakers.of(state.target, req.headers)
    state.speaker = speaker
    state.dialect = speaker.name
    state.operation = 'Unknown'
    state.caller = null
    state.asker = new RequestAsker(ctx)
    speaker.begin(ctx)
    await next()
  }
}
