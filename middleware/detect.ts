// Names the operation and what it addresses, before anybody asks who the caller is.
import type { Middleware } from 'koa'
import type { SpokenState } from './speaker.ts'

export function detect(): Middleware<SpokenState> {
  return async function detect(ctx, next) {
    ctx.state.speaker.detect(ctx)
    await next()
  }
}
