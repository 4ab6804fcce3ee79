// How accounts show in Swift's URLs and challenges: behind a reseller prefix, `AUTH_test` for the account
// `test`. Of the configured prefixes the first one serves.
import type { Config } from '../../lib/config/config.ts'

/** `AUTH`, which accounts in URLs and tokens begin with. */
export function resellerPrefix({ swift }: Pick<Config, 'swift'>): string {
  return swift.resellers[0]!.prefix
}

/** The challenge of a 401 (RFC 9110 §11.6.1): `Swift realm="AUTH_test"`, or `unknown` without a realm. */
export function challengeOf(realm: string | undefined): Readonly<Record<string, string>> {
  const shown = realm === undefined || realm === '' ? 'unknown' : encodeURIComponent(realm)
  return { 'WWW-Authenticate': `Swift realm="${shown}"` }
}
