// Who asks: nobody, until the speaker has verified the request's signature or token.
import type { Middleware } from 'koa'
import type { SpokenState } from './speaker.ts'

/** Sets `caller`. Throws what the speaker says to whoever did not prove who it is. */
export function auth(): Middleware<SpokenState> {
  return async function auth(ctx, next) {
    const { state } = ctx
    state.caller = null
    const found = state.speaker.authenticate(ctx)
    // A signature is verified at once.
    if (found !== undefined) await found
    await next()
  }
}
