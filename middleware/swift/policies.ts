// Storage policies. There is one, the configured default, with its name and its aliases. A request for another one is
// refused.
import type { Config } from '../../lib/config/config.ts'
import type { Context } from './context.ts'
import { bytesOfText, headerOf, textOfBytes } from './headers.ts'
import { SwiftError } from './swift-error.ts'

/** The policy that every container has. */
export const policyOf = ({ swift }: Pick<Config, 'swift'>) =>
  swift.policies.find((policy) => policy.default)!

/** The policy's name as a header value. */
export const policyName = (config: Pick<Config, 'swift'>) => bytesOfText(policyOf(config).name)

/** Throws SwiftError 400 where X-Storage-Policy names another policy. Names are compared without case. */
export function requirePolicy(ctx: Pick<Context, 'req'>, config: Pick<Config, 'swift'>): void {
  const asked = headerOf(ctx, 'x-storage-policy')
  if (!asked) return
  const { name, aliases } = policyOf(config)
  const known = [name, ...aliases].some((word) => word.toLowerCase() === asked.toLowerCase())
  if (!known) {
    throw new SwiftError(400, `Invalid X-Storage-Policy '${textOfBytes(asked) ?? asked}'`)
  }
}
