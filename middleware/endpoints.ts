// Where clients reach the services of a node: the URL of each listener, as the identity service names them.
import type { Listener } from '../lib/config/config.ts'
import type { Target } from './state.ts'

export type ServiceName = Listener['serves'][number]

/** A listener with the port that it has. */
interface Bound {
  readonly listener: Listener
  readonly port: number
}

export interface Endpoints {
  /**
   * The base URL of the service for whoever sent a request to `target`, without a slash at its end; undefined where no
   * listener serves it. Of several listeners the first with the transport of the request is taken, else the first with
   * TLS, else the first. A listener's `url` counts where it has one; else a listener on all addresses has the host that
   * the request names.
   */
  urlOf(service: ServiceName, target: Pick<Target, 'host' | 'secure'>): string | undefined
}

const everywhere: ReadonlySet<string> = new Set(['::', '0.0.0.0'])

const isSecure = ({ tls, url }: Listener) =>
  url === undefined ? tls !== undefined : url.startsWith('https:')

/** `bound` is called when a URL is asked for: ports are known once the node serves. */
export function makeEndpoints(bound: () => readonly Bound[]): Endpoints {
  return {
    urlOf(service, { host, secure }) {
      const found = bound().filter(({ listener }) => listener.serves.includes(service))
      const wanted = secure === 'direct' || secure === 'forwarded'
      const first =
        found.find(({ listener }) => isSecure(listener) === wanted) ??
        found.find(({ listener }) => isSecure(listener)) ??
        found[0]
      return first === undefined ? undefined : urlOf(first, host)
    },
  }
}

function urlOf({ listener, port }: Bound, asked: string): string {
  const { url, host, tls } = listener
  if (url !== undefined) return url.replace(/\/+$/, '')
  const named = everywhere.has(host) && asked !== '' ? asked : host
  const shown = named.includes(':') && !named.startsWith('[') ? `[${named}]` : named
  return `${tls === undefined ? 'http' : 'https'}://${shown}:${port}`
}
