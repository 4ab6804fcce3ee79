// The names of accounts in Swift's URLs and challenges: a reseller prefix and the account, `AUTH_test` for the account
// `test`. The first of the configured prefixes is used.
import type { Config } from '../../lib/config/config.ts'

/** The prefix that accounts in URLs and tokens begin with, as `AUTH`. */
export function resellerPrefix({ swift }: Pick<Config, 'swift'>): string {
  return swift.resellers[0]!.prefix
}

/** The challenge of a 401 (RFC 9110 §11.6.1): `Swift realm="AUTH_test"`, or `unknown` without a realm. */
export function challengeOf(realm: string | undefined): Readonly<Record<string, string>> {
  const shown = realm === undefined || realm === '' ? 'unknown' : encodeURIComponent(realm)
  return { 'WWW-Authenticate': `Swift realm="${shown}"` }
}
