// The parameters of a raw query, in their order. Both dialects walk it so; each has its own words for what
// cannot be read, and its own rules for names.
import { decodePercent } from './percent.ts'

/** More parameters than any operation has; what a client sends beyond that is refused. */
const PARAMETERS_MAX = 1000

export interface Parameter {
  /** Undefined where an escape cannot be read; so is `value`, which is '' where there is no `=`. */
  readonly name: string | undefined
  readonly value: string | undefined
}

/** Decodes one parameter after the other. Throws what `tooMany` makes behind 1,000 of them. */
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
