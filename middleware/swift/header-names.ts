// Names of headers as Swift takes them and as documents write them.
import type { IncomingMessage } from 'node:http'

/** A header's name in title case, as documents write it: `X-Object-Manifest`. */
export const titled = (name: string) =>
  name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())

/**
 * Gives headers whose name begins `X_` or `X-` the dashes that Swift gives them, so that no spelling gets
 * by the header firewall. One that was sent both ways counts as sent twice. Names that frame the request stay.
 */
export function foldNames(req: IncomingMessage): void {
  const { headers, rawHeaders } = req
  for (const name of Object.keys(headers)) {
    if (!name.includes('_') || !/^x[-_]/.test(name)) continue
    const folded = name.replaceAll('_', '-')
    const value = headers[name]
    delete headers[name]
    headers[folded] = headers[folded] === undefined ? value : `${headers[folded]}, ${value}`
  }
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (/^x[-_]/i.test(rawHeaders[i]!)) rawHeaders[i] = rawHeaders[i]!.replaceAll('_', '-')
  }
}
