// What belongs to one client among addresses.
import ipaddr from 'ipaddr.js'

/** A provider gives each of its customers at least this many groups, and every address behind them is theirs: /64
 * (RFC 6177). */
const IPV6_GROUPS = 4

/** The network that one client may send from, as text: an IPv4 address itself, an IPv6 address' /64. What is no address
 * is its own. */
export function networkOf(address: string): string {
  if (!address.includes(':') || !ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  const groups = parsed.parts.slice(0, IPV6_GROUPS).map((group) => group.toString(16))
  return `${groups.join(':')}::/64`
}
