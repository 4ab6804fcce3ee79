// The last stage: the speaker's own table and handler answer the request.
import type { Middleware } from 'koa'
import { CofferError, isCode } from '../lib/errors.ts'
import type { Node } from './node.ts'
import type { SpokenState } from './speaker.ts'

export function dispatch({ config }: Pick<Node, 'config'>): Middleware<SpokenState> {
  const status = config.ssec.wrongKeyStatus
  return async function dispatch(ctx) {
    try {
      await ctx.state.speaker.handle(ctx)
    } catch (error) {
      if (!isCode(error, 'KeyWrong')) throw error
      // An operator may set 400, for clients that take a 403 for a denied login.
      throw new CofferError('KeyWrong', { status }, error)
    }
  }
}
