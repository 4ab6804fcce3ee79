// The header firewall: which families of request headers mean something in which dialect, as a table. One
// pipeline serves two APIs, and a control header of one that reaches the other's handler has been a way
// around the rules elsewhere (CVE-2026-71192 in Swift's own S3 layer). What is not in the table passes.
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import { type HeaderRule, headerRules } from './http/header-rules.ts'
import { invalidArgument } from './s3/s3-error.ts'
import type { Dialect, State } from './state.ts'
import { SwiftError, unbuilt } from './swift/swift-error.ts'

/** `*` stands for any run of characters, `_` for `-`: other servers take one for the other. */
const patternOf = ({ family, when }: HeaderRule) =>
  (when === 'underscored' ? '(?=[^_]*_)' : '') +
  family.replaceAll('*', '.*').replaceAll('-', '[-_]')

interface Compiled {
  readonly rule: HeaderRule
  readonly pattern: RegExp
}

interface Table {
  /** Matches a header that any row is about: one test for the many that none is. */
  readonly any: RegExp
  readonly rows: readonly Compiled[]
}

function compile(dialect: Dialect): Table {
  const rules = headerRules.filter((rule) => rule.dialect === dialect)
  const rows = rules.map((rule) => ({ rule, pattern: new RegExp(`^${patternOf(rule)}$`) }))
  const any = new RegExp(`^(?:${rules.map(patternOf).join('|')})$`)
  return { any, rows }
}

const tables: Record<Dialect, Table> = { s3: compile('s3'), swift: compile('swift') }

/** The first row about a header, by its name in lower case. */
export function ruleFor(dialect: Dialect, name: string): HeaderRule | undefined {
  const { any, rows } = tables[dialect]
  return any.test(name) ? rows.find(({ pattern }) => pattern.test(name))?.rule : undefined
}

/** `X-Object-Manifest`, as documents write a name that comes in lower case. */
export const titled = (name: string) =>
  name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())

/**
 * Gives headers whose name begins `X_` or `X-` the dashes that Swift gives them, so that no spelling gets
 * by the table. One that was sent both ways counts as sent twice. Names that frame the request stay.
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

const setting: ReadonlySet<string> = new Set(['PUT', 'POST', 'COPY'])

/** True where the row's refusal holds: a feature's header is harmless where it sets nothing. */
function refuses(rule: HeaderRule, method: string, value: string): boolean {
  if (rule.action !== 'refuse') return false
  return rule.when !== 'setting' || (setting.has(method) && value.trim() !== '')
}

function refusal(rule: HeaderRule, name: string): Error {
  // The value may be a key, and is not shown.
  if (rule.dialect === 's3') return invalidArgument(`${name}: ${rule.reason}`, name)
  if (rule.when === 'setting') return unbuilt(rule.reason, `header ${titled(name)}`)
  return new SwiftError(400, `${titled(name)}: ${rule.reason}`)
}

/** Applies the table. Throws S3Error or SwiftError for the first header that is refused. */
function screen(dialect: Dialect, method: string, req: IncomingMessage): void {
  const { headers } = req
  for (const name of Object.keys(headers)) {
    const rule = ruleFor(dialect, name)
    if (rule === undefined || rule.action === 'pass') continue
    const value = String(headers[name] ?? '')
    delete headers[name]
    if (!refuses(rule, method, value)) continue
    // It may be a key.
    blankHeader(req, name)
    throw refusal(rule, name)
  }
}

/** Empties a header in `rawHeaders`; its name stays, for signatures count it. Gives how many lines had it. */
export function blankHeader({ rawHeaders }: IncomingMessage, name: string): number {
  let lines = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() !== name) continue
    rawHeaders[i + 1] = ''
    lines++
  }
  return lines
}

/** Before auth, and before any handler sees a header. Signatures are made of the headers as they came. */
export function gatekeeper(): Middleware<State> {
  return async function gatekeeper(ctx, next) {
    screen(ctx.state.dialect, ctx.method, ctx.req)
    await next()
  }
}
