// References: URLs that name what is kept. Of one that a client sends the id counts alone, as clients themselves do it.
import { RestError } from '../rest/rest-error.ts'
import type { Context, RoutedContext } from '../rest/route.ts'

export type Collection = 'secrets' | 'orders' | 'containers'

export const refOf = ({ state }: Context, collection: Collection, id: string) =>
  `${state.target.baseUrl}/v1/${collection}/${id}`

/** The id at the end of a reference. */
export const idOf = (ref: string) => ref.replace(/\/+$/, '').split('/').at(-1)!.toLowerCase()

/** Times as Barbican writes them, without a zone. */
export const timeOf = (micros: number) => new Date(micros / 1000).toISOString().slice(0, 19)

/** Microseconds since 1970 of a time in ISO 8601; without a zone it is UTC. Throws RestError 400. */
export function microsOf(text: string | null | undefined): number | null {
  if (text == null || text.trim() === '') return null
  const form = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?(Z|[+-]\d\d:?\d\d)?$/
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text.slice(10)) ? text : `${text}Z`
  const ms = form.test(text) ? Date.parse(text.length === 10 ? text : zoned) : Number.NaN
  if (Number.isNaN(ms)) throw new RestError(400, "Invalid date for 'expiration'")
  return ms * 1000
}

const LIMIT_DEFAULT = 10
const LIMIT_MAX = 100

/** The page that a list's query names, and its other parameters. Throws RestError 400 for those that are not `known`:
 * a filter that was ignored would show what is not meant. */
export function pageOf({ state }: RoutedContext, known: readonly string[]) {
  const query = new URLSearchParams(state.target.query)
  for (const name of query.keys()) {
    if (name !== 'limit' && name !== 'offset' && !known.includes(name)) {
      throw new RestError(400, `The parameter ${name} is not built.`)
    }
  }
  const whole = (name: string, absent: number) => {
    const sent = query.get(name)
    return sent !== null && /^\d{1,9}$/.test(sent) ? Number(sent) : absent
  }
  const limit = Math.min(LIMIT_MAX, whole('limit', LIMIT_DEFAULT))
  return { query, page: { limit, offset: whole('offset', 0) } }
}

/** A list as Barbican answers it, with links to the pages around it. */
export function listOf(
  ctx: RoutedContext,
  collection: Collection,
  shown: readonly object[],
  total: number,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): object {
  const url = (at: number) => {
    const query = new URLSearchParams(ctx.state.target.query)
    query.set('limit', String(limit))
    query.set('offset', String(at))
    return `${ctx.state.target.baseUrl}/v1/${collection}?${query}`
  }
  return {
    [collection]: shown,
    total,
    ...(limit > 0 && offset + limit < total && { next: url(offset + limit) }),
    ...(offset > 0 && { previous: url(Math.max(0, offset - limit)) }),
  }
}
