// Reads the request line as it was sent, and the client that sent it, behind trusted proxies too.
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Target } from '../state.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Makes the check of whether an address is a trusted proxy's, whose X-Forwarded-* headers count. `cidrs` are valid. */
export function makeTrust(cidrs: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (address) => contains(list, address)
}

const contains = (list: BlockList, address: string) => {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** True for a loopback address. */
export const isLoopback = (address: string) => contains(loopback, address)

/** An address without `::ffff:`, which IPv4 addresses have on a listener for both families. */
export const plainAddress = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, '')

const one = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value)

/**
 * Path, query, host, transport and client address of a request. `secure` is how its bytes reached the node: over the
 * node's TLS, over that of a trusted proxy (X-Forwarded-Proto), or from this machine. A request that an untrusted
 * proxy passed on does not count as loopback (D-LOOPBACK). `listenerUrl` is the listener's URL in the configuration.
 * Without one the base URL follows the Host header.
 */
export function readTarget(
  req: IncomingMessage,
  trusted: (address: string) => boolean,
  listenerUrl?: string,
): Target {
  const peer = plainAddress(req.socket.remoteAddress ?? '')
  const { headers } = req
  const viaProxy = trusted(peer)
  const url = originForm(req.url ?? '/')
  const mark = url.indexOf('?')
  const forwardedHost = viaProxy ? one(headers['x-forwarded-host']) : undefined
  const authority = firstOf(forwardedHost ?? headers.host ?? '')
  const secure = transportOf(req, peer, viaProxy)
  return {
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark + 1),
    host: authority.toLowerCase().replace(/:\d+$/, ''),
    baseUrl: listenerUrl?.replace(/\/+$/, '') ?? baseUrlOf(req, secure, authority),
    secure,
    address: viaProxy ? clientBehind(one(headers['x-forwarded-for']), peer, trusted) : peer,
  }
}

/** The absolute form of a request target (RFC 9112 §3.2.2) without its scheme and authority. */
export function originForm(url: string): string {
  if (url.startsWith('/')) return url
  const match = /^https?:\/\/[^/?]*(.*)$/i.exec(url)
  if (match === null) return `/${url}`
  return match[1]!.startsWith('/') ? match[1]! : `/${match[1]!}`
}

const firstOf = (list: string) => list.split(',', 1)[0]!.trim()

/**
 * The URL at which a client reaches the listener. An HTTP/1.0 request without Host has the address at which it
 * arrived.
 */
function baseUrlOf(req: IncomingMessage, secure: Target['secure'], authority: string): string {
  const scheme = secure === 'direct' || secure === 'forwarded' ? 'https' : 'http'
  if (authority !== '') return `${scheme}://${authority}`
  const { localAddress = '', localPort } = req.socket
  return `${scheme}://${isIP(localAddress) === 6 ? `[${localAddress}]` : localAddress}:${localPort}`
}

function transportOf(req: IncomingMessage, peer: string, viaProxy: boolean): Target['secure'] {
  if ((req.socket as TLSSocket).encrypted === true) return 'direct'
  const { headers } = req
  if (viaProxy) {
    const scheme = one(headers['x-forwarded-proto'])?.split(',', 1)[0]?.trim().toLowerCase()
    return scheme === 'https' ? 'forwarded' : 'no'
  }
  const passedOn = headers['x-forwarded-for'] ?? headers.forwarded ?? headers.via
  return passedOn === undefined && isLoopback(peer) ? 'loopback' : 'no'
}

/** The client's address: the rightmost one in X-Forwarded-For that is no trusted proxy's. */
function clientBehind(
  list: string | undefined,
  peer: string,
  trusted: (address: string) => boolean,
): string {
  const hops = (list ?? '').split(',').map((hop) => plainAddress(hop.trim()))
  for (const hop of hops.reverse()) {
    if (isIP(hop) === 0) break
    if (!trusted(hop)) return hop
  }
  return peer
}
