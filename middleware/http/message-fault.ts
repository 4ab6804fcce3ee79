// What HTTP itself asks of the head of a request (RFC 9110, RFC 9112), where Node's parser does not. docs/http.md has
// the rules one by one.
import type { IncomingMessage } from 'node:http'

/** Header lines of one request: more than any client sends. */
const HEADER_LINES_MAX = 1000

export interface MessageFault {
  readonly status: 400 | 431 | 505
  readonly text: string
}

/** A fault of a head that does not follow the rules. */
export const malformed = (text: string): MessageFault => ({ status: 400, text })

/** `uri-host [ ":" port ]` (RFC 3986 §3.2.2): an address in brackets, or a name that may be empty. */
const authority =
  /^(?:\[[0-9A-Fa-f:.]+\]|\[v[0-9A-Fa-f]+\.[\w.~!$&'()*+,;=:-]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\d*)?$/

const absolute = /^(https?):\/\/([^/?#]*)/i

/** The authority of a request target in absolute form; undefined for every other form. */
const targetHost = (url: string): string | undefined => absolute.exec(url)?.[2]

/**
 * Sets the Host header to the host that the request's target names, if it names one (RFC 9112 §3.2.2). Signatures,
 * buckets and answers then all use that host (D-ABSOLUTE-TARGET).
 */
export function useTargetHost(req: IncomingMessage): void {
  const host = targetHost(req.url ?? '')
  if (host === undefined) return
  const { headers, rawHeaders } = req
  // HTTP/1.1 requires a Host header besides the target's host.
  if (headers.host === undefined && req.httpVersion !== '1.0') return
  headers.host = host
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === 'host') rawHeaders[i + 1] = host
  }
}

function hostFault(req: IncomingMessage): MessageFault | undefined {
  const { headers, httpVersion, rawHeaders, url = '' } = req
  if (headers.host === undefined) {
    return httpVersion === '1.0' ? undefined : malformed('A Host header is needed.')
  }
  let lines = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') lines++
  }
  if (lines > 1) return malformed('More than one Host header was sent.')
  // An empty host is legal only where the target needs none.
  const isFit = authority.test(headers.host) && (headers.host !== '' || targetHost(url) !== '')
  return isFit ? undefined : malformed('The Host header cannot be read.')
}

function framingFault({ headers, httpVersion }: IncomingMessage): MessageFault | undefined {
  const codings = headers['transfer-encoding']
  if (codings === undefined) return undefined
  if (httpVersion === '1.0') return malformed('HTTP/1.0 has no Transfer-Encoding.')
  // Where the body ends cannot be known otherwise (RFC 9112 §6.3).
  return /(?:^|,)[ \t]*chunked[ \t]*$/i.test(codings)
    ? undefined
    : malformed('The last Transfer-Encoding must be chunked.')
}

/** The rule that the head of a request breaks, undefined where it breaks none. */
export function messageFault(req: IncomingMessage): MessageFault | undefined {
  const { httpVersionMajor, rawHeaders, url, method } = req
  if (httpVersionMajor !== 1) return { status: 505, text: 'This node speaks HTTP/1.1.' }
  if (rawHeaders.length > 2 * HEADER_LINES_MAX) {
    return { status: 431, text: `More than ${HEADER_LINES_MAX} header lines were sent.` }
  }
  if (url === '*' && method !== 'OPTIONS') return malformed('* is a target of OPTIONS alone.')
  return hostFault(req) ?? framingFault(req)
}
