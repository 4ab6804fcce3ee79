// What a row of the header firewall is, and a dialect's rows made ready for looking headers up. The rows themselves lie
// with their dialect.

export interface HeaderRule {
  /** Name in lower case; `*` stands for any run of characters. */
  readonly family: string
  /** pass: later rows do not count; drop: as if it had not been sent; refuse: an error that names it. */
  readonly action: 'pass' | 'drop' | 'refuse'
  /** Of a refusal, which is 400: for every request; for every one in which `_` stands for a dash of the name; or only for
   * one that sets something (PUT, POST, COPY) to a value that is not empty; elsewhere such a header is dropped. */
  readonly when?: 'always' | 'underscored' | 'setting'
  /** Shown to the client where it is refused. Of `setting` it is the feature that is not built. */
  readonly reason: string
}

type Family = readonly [family: string, reason: string]

/** Rows that share an action. */
export const rowsOf = (
  action: HeaderRule['action'],
  when: HeaderRule['when'],
  families: readonly Family[],
): HeaderRule[] =>
  families.map(([family, reason]) => ({
    family,
    action,
    ...(when !== undefined && { when }),
    reason,
  }))

interface Compiled {
  readonly rule: HeaderRule
  readonly pattern: RegExp
}

/** A dialect's rows, in their order. */
export interface HeaderTable {
  /** Matches a header that any row is about: one test for the many that none is. */
  readonly any: RegExp
  readonly rows: readonly Compiled[]
}

/** `*` stands for any run of characters, `_` for `-`: other servers take one for the other. */
const patternOf = ({ family, when }: HeaderRule) =>
  (when === 'underscored' ? '(?=[^_]*_)' : '') +
  family.replaceAll('*', '.*').replaceAll('-', '[-_]')

export function makeHeaderTable(rules: readonly HeaderRule[]): HeaderTable {
  const rows = rules.map((rule) => ({ rule, pattern: new RegExp(`^${patternOf(rule)}$`) }))
  const any = new RegExp(`^(?:${rules.map(patternOf).join('|')})$`)
  return { any, rows }
}

/** The first row about a header, by its name in lower case. */
export function ruleFor({ any, rows }: HeaderTable, name: string): HeaderRule | undefined {
  return any.test(name) ? rows.find(({ pattern }) => pattern.test(name))?.rule : undefined
}
