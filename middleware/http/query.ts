// The parameters of a raw query, in their order, for both dialects. Each dialect has its own errors for a parameter
// that cannot be read, and its own rules for names.
import { decodePercent } from './percent.ts'

/** Parameters of one query: more than any operation has. A request with more is refused. */
const PARAMETERS_MAX = 1000

export interface Parameter {
  /**
   * The decoded name. Undefined, as `value` too, where its escapes cannot be read. `value` is '' where there is no
   * `=`.
   */
  readonly name: string | undefined
  readonly value: string | undefined
}

/** Decodes one parameter after the other. Throws the error of `tooMany` beyond PARAMETERS_MAX. */
export function* parametersOf(query: string, tooMany: () => Error): Generator<Parameter> {
  let start = 0
  for (let count = 0; start < query.length; count++) {
    if (count >= PARAMETERS_MAX) throw tooMany()
    const ampersand = query.indexOf('&', start)
    const end = ampersand === -1 ? query.length : ampersand
    const pair = query.slice(start, end)
    start = end + 1
    const equals = pair.indexOf('=')
    yield {
      name: decodePercent(equals === -1 ? pair : pair.slice(0, equals), true),
      value: decodePercent(equals === -1 ? '' : pair.slice(equals + 1), true),
    }
  }
}
