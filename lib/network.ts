// Which addresses belong to one client.
import ipaddr from 'ipaddr.js'

/** A provider assigns each customer at least these groups of an IPv6 address, and the customer owns all
 * addresses below: /64 (RFC 6177). */
const IPV6_GROUPS = 4

/** The network of one client, as text: an IPv4 address itself, the /64 of an IPv6 address. Any other text is
 * returned unchanged. */
export function networkOf(address: string): string {
  if (!address.includes(':') || !ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  const groups = parsed.parts.slice(0, IPV6_GROUPS).map((group) => group.toString(16))
  return `${groups.join(':')}::/64`
}
