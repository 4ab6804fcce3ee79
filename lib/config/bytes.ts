// Keys of the configuration that take bytes: a whole number, or a text with a unit. The schema accepts both,
// and `convertBytes` replaces the texts by numbers before the configuration is used.
import type { Path, Problem } from '../document.ts'
import { BYTES_FORM, BYTES_PATTERN, readBytes, writeBytes } from '../units.ts'

export const bytes = <Least extends number, Most extends number>(minimum: Least, maximum: Most) =>
  ({ type: ['integer', 'string'], minimum, maximum, pattern: BYTES_PATTERN }) as const

interface SchemaNode {
  readonly type?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly anyOf?: readonly SchemaNode[]
}

/** True for the schema of a key that takes bytes. */
export const takesBytes = ({ pattern }: SchemaNode) => pattern === BYTES_PATTERN

/** Replaces texts by numbers in `value`, which fits the schema. Yields the values that are out of bounds. */
export function* convertBytes(
  { properties = {}, anyOf = [] }: SchemaNode,
  value: unknown,
  path: Path = [],
): Generator<Problem> {
  if (typeof value !== 'object' || value === null) return
  const map = value as Record<string, unknown>
  for (const [key, node] of Object.entries(properties)) {
    const written = map[key]
    const here = [...path, key]
    if (!takesBytes(node)) yield* convertBytes(node, written, here)
    else if (typeof written === 'string') {
      const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = node
      const read = readBytes(written)
      if (read === null) yield { path: here, message: `must be ${BYTES_FORM}` }
      else if (read < minimum || read > maximum) {
        yield { path: here, message: `must be ${writeBytes(minimum)} to ${writeBytes(maximum)}` }
      } else map[key] = read
    }
  }
  for (const choice of anyOf) yield* convertBytes(choice, value, path)
}
