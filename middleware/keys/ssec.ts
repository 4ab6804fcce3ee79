// Takes the customer keys out of a request. Key headers become a handle that does not print, and are removed from
// everything that later code, a log line or a crash dump could show. encryption.ts judges them later, by the
// operation's rule.
import type { Middleware } from 'koa'
import type { CofferError } from '../../lib/errors.ts'
import type { SpokenState } from '../speaker.ts'

/** After auth, which needs the signed headers as they came; before anything that reads the body. Throws KeyInvalid. */
export function ssec(): Middleware<SpokenState> {
  return async function ssec(ctx, next) {
    const { state } = ctx
    const faults: CofferError[] = []
    const keys = state.speaker.takeKeys(ctx, faults)
    state.keys = keys
    try {
      if (faults.length > 0) throw faults[0]
      await next()
    } finally {
      keys.own?.destroy()
      keys.source?.destroy()
    }
  }
}
