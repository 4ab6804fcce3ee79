// Binds a Cipher to the request: judges the keys that ssec.ts took by the rule of the operation, and makes the
// ciphers that seal and open. The pipeline decides which key is used. The service decides on which bytes.
import type { Middleware } from 'koa'
import { CofferError } from '../../lib/errors.ts'
import type { Node } from '../node.ts'
import type { SpokenState } from '../speaker.ts'
import type { Target } from '../state.ts'

/** Throws KeyInsecure, and what the speaker throws. */
export function encryption(node: Node): Middleware<SpokenState> {
  return async function encryption(ctx, next) {
    const { state } = ctx
    const { own, source } = state.keys
    state.cipher = node.rootCipher
    state.sourceCipher = node.rootCipher
    if (own !== null || source !== null) {
      const rule = state.speaker.keyRule(state)
      if (rule !== 'none') requireTransport(state.target, node.config.ssec.tls)
      state.speaker.bindKeys(ctx, rule)
    }
    await next()
  }
}

/** Throws KeyInsecure, with the rule that failed, for a transport that `ssec.tls` does not name. */
function requireTransport(target: Target, allowed: readonly string[]): void {
  if (allowed.includes('off') || (target.secure !== 'no' && allowed.includes(target.secure))) return
  const seen = target.secure === 'no' ? 'plain HTTP' : target.secure
  throw new CofferError('KeyInsecure', {
    rule: `The request came over ${seen}; ssec.tls of this node allows: ${allowed.join(', ')}.`,
  })
}
