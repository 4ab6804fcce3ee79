// Binds a Cipher to the request: judges the keys that ssec took, by the rule of the operation, and makes
// what seals and opens. The pipeline decides which key; the service decides where it is applied.
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

/** Customer keys only over transports that ssec.tls names. Throws KeyInsecure, telling which rule failed. */
function requireTransport(target: Target, allowed: readonly string[]): void {
  if (allowed.includes('off') || (target.secure !== 'no' && allowed.includes(target.secure))) return
  const seen = target.secure === 'no' ? 'plain HTTP' : target.secure
  throw new CofferError('KeyInsecure', {
    rule: `The request came over ${seen}; ssec.tls of this node allows: ${allowed.join(', ')}.`,
  })
}
