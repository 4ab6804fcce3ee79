// Which pages of other origins a browser lets read an answer (CORS), a refusal included: a page that may not read why it
// was refused shows its user a network error.
import type { Middleware } from 'koa'
import type { SpokenState } from './speaker.ts'

/** Lets the speaker set the headers that name origins; its `standing` keeps them on refusals. */
export function origins(): Middleware<SpokenState> {
  return async function origins(ctx, next) {
    await ctx.state.speaker.nameOrigins?.(ctx)
    await next()
  }
}
