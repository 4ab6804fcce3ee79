// Reads a YAML file against a JSON schema. A problem is reported as `<file>/<path>: <message> (line n)`. A
// message never quotes a value of the file, which may be a password.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { FileInvalid, readText } from './file-invalid.ts'
import { BYTES_FORM, BYTES_PATTERN } from './units.ts'

/** Keys and indexes that lead from the top of a document to a place in it. */
export type Path = readonly (string | number)[]

export interface Problem {
  readonly path: Path
  readonly message: string
}

/** A parsed file, with a function that refuses problems by their lines. */
export interface ParsedFile<T> {
  readonly value: T
  /** Throws FileInvalid with a line for each problem. Returns where there are none. */
  refuse(problems: readonly Problem[]): void
}

/**
 * One Ajv for all schemas of this program. Each Ajv compiles JSON Schema's own schema first, which takes longer than
 * compiling one of ours. The code that Ajv generates is not optimized, because a process runs it once or twice.
 */
const ajv = new Ajv({
  allErrors: true,
  useDefaults: true,
  strict: true,
  // A size is a number of bytes, or a text with a unit: a schema with two types.
  allowUnionTypes: true,
  verbose: true,
  code: { optimize: false },
})

/** A validator for the schema: it reports all errors, fills in defaults, converts no types and accepts strict
 * schemas only. A schema is compiled once. */
export function compile(schema: object): ValidateFunction {
  return ajv.compile(schema)
}

/**
 * Reads and validates `file`. An empty file counts as an empty map. Throws FileInvalid where it cannot be read,
 * is not YAML 1.2, has two documents, or does not fit the schema.
 */
export function readDocument<T>(file: string, validate: ValidateFunction): ParsedFile<T> {
  return parseText<T>(readText(file), file, validate)
}

/** As `readDocument`, for a text in memory. `file` is its name in messages. */
export function parseText<T>(
  text: string,
  file: string,
  validate: ValidateFunction,
): ParsedFile<T> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const unreadable = document.errors[0]
  if (unreadable !== undefined) {
    const { line } = lines.linePos(unreadable.pos[0])
    const fault = unreadable.code.toLowerCase().replaceAll('_', ' ')
    throw new FileInvalid([`${file}: is not YAML: ${fault} (line ${line})`])
  }
  let value: unknown
  try {
    value = document.toJS() ?? {}
  } catch {
    throw new FileInvalid([`${file}: an alias refers to nothing, or to too much`])
  }
  const refuse = (problems: readonly Problem[]) => {
    if (problems.length === 0) return
    const said = problems.map(({ path, message }) => ({ path, message, line: lineOf(path) }))
    said.sort((a, b) => a.line - b.line)
    throw new FileInvalid(
      said.map(
        (p) => `${file}${p.path.map((k) => `/${k}`).join('')}: ${p.message} (line ${p.line})`,
      ),
    )
  }
  const lineOf = (path: Path) => lines.linePos(offsetOf(document, path)).line
  if (!validate(value)) refuse(explain(validate.errors ?? [], value))
  return { value: value as T, refuse }
}

/** Offset of the key that `path` names. For a key that is not written, that of its nearest parent. */
function offsetOf(document: Document, path: Path): number {
  let offset = 0
  let node: unknown = document.contents
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === step)
      if (pair === undefined) break
      offset = (pair.key as { range?: [number, number, number] }).range?.[0] ?? offset
      node = pair.value
    } else {
      const items: unknown[] = (node as { items?: unknown[] } | null)?.items ?? []
      node = items[Number(step)]
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset
    }
  }
  return offset
}

/** The steps of a JSON pointer (RFC 6901). */
export function pathOf(pointer: string): string[] {
  const steps = pointer.split('/').slice(1)
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Turns ajv's errors into problems. Of a list of alternatives only the errors of the intended one are kept. */
function explain(errors: readonly ErrorObject[], value: unknown): Problem[] {
  const dropped = new Set<ErrorObject>()
  for (const choice of errors.filter((error) => error.keyword === 'anyOf')) {
    const below = errors.filter(
      (error) =>
        error.schemaPath.startsWith(`${choice.schemaPath}/`) &&
        `${error.instancePath}/`.startsWith(`${choice.instancePath}/`),
    )
    const isObject = isMapping(at(value, pathOf(choice.instancePath)))
    // A map in the file means the alternative that is a map.
    const meant = below.filter((error) => isObject && !['type', 'const'].includes(error.keyword))
    for (const error of below) if (!meant.includes(error)) dropped.add(error)
    if (meant.length > 0) dropped.add(choice)
  }
  return errors.filter((error) => !dropped.has(error)).map(toProblem)
}

function toProblem(error: ErrorObject): Problem {
  const path = pathOf(error.instancePath)
  const { keyword, params } = error
  if (keyword === 'additionalProperties') {
    return { path: [...path, params.additionalProperty], message: 'is not a known key' }
  }
  if (keyword === 'enum') {
    return { path, message: `must be one of ${params.allowedValues.join(', ')}` }
  }
  const { pattern } = (error.parentSchema ?? {}) as { pattern?: string }
  if (pattern === BYTES_PATTERN && (keyword === 'type' || keyword === 'pattern')) {
    return { path, message: `must be ${BYTES_FORM}` }
  }
  if (keyword === 'anyOf') return { path, message: `must be ${alternatives(error)}` }
  return { path, message: error.message ?? `must fit ${keyword}` }
}

interface Alternative {
  readonly const?: string
  readonly required?: readonly string[]
}

function alternatives(error: ErrorObject): string {
  const choices = (error.schema ?? []) as Alternative[]
  const words = choices.map((choice) => choice.const ?? `a map with ${choice.required?.join(', ')}`)
  return words.join(' or ')
}

function at(value: unknown, path: Path): unknown {
  let found = value
  for (const step of path) found = (found as Record<string, unknown> | undefined)?.[step]
  return found
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
