// Storage policies. One is built: the configured default, under its name and its aliases; what asks for
// another is refused.
import type { Config } from '../../lib/config/config.ts'
import type { Context } from './context.ts'
import { bytesOfText, headerOf, textOfBytes } from './headers.ts'
import { SwiftError } from './swift-error.ts'

/** The policy that every container has. */
export const policyOf = ({ swift }: Pick<Config, 'swift'>) =>
  swift.policies.find((policy) => policy.default)!

/** Its name as a header value. */
export const policyName = (config: Pick<Config, 'swift'>) => bytesOfText(policyOf(config).name)

/** Throws SwiftError 400 where X-Storage-Policy asks for another policy. Case does not count. */
export function requirePolicy(ctx: Pick<Context, 'req'>, config: Pick<Config, 'swift'>): void {
  const asked = headerOf(ctx, 'x-storage-policy')
  if (!asked) return
  const { name, aliases } = policyOf(config)
  const known = [name, ...aliases].some((word) => word.toLowerCase() === asked.toLowerCase())
  if (!known) {
    throw new SwiftError(400, `Invalid X-Storage-Policy '${textOfBytes(asked) ?? asked}'`)
  }
}
