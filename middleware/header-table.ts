// What a row of the header firewall is, and a dialect's rows made ready for looking headers up. The rows themselves lie
// with their dialect.

export interface HeaderRule {
  /** Name in lower case; `*` stands for any run of characters. */
  readonly family: string
  /** pass: the header is kept. drop: the header is removed. refuse: the request fails, with the header's name. */
  readonly action: 'pass' | 'drop' | 'refuse'
  /**
   * When a row with `refuse` refuses, with 400. always: in every request. underscored: where the name was sent with
   * `_` for a dash. setting: where a PUT, POST or COPY sends a value that is not empty; in other requests the header
   * is dropped.
   */
  readonly when?: 'always' | 'underscored' | 'setting'
  /** The reason, which a refused client is shown. With `setting` it is the name of the feature that is not built, or what is said of a header
   * that only answers bear. */
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
  /** Matches a header of any row. Most headers are in no row, and need this one test only. */
  readonly any: RegExp
  readonly rows: readonly Compiled[]
}

/**
 * The pattern of a row: `*` is any run of characters, and `_` fits `-` too, because other servers take one for the
 * other.
 */
const patternOf = ({ family, when }: HeaderRule) =>
  (when === 'underscored' ? '(?=[^_]*_)' : '') +
  family.replaceAll('*', '.*').replaceAll('-', '[-_]')

export function makeHeaderTable(rules: readonly HeaderRule[]): HeaderTable {
  const rows = rules.map((rule) => ({ rule, pattern: new RegExp(`^${patternOf(rule)}$`) }))
  const any = new RegExp(`^(?:${rules.map(patternOf).join('|')})$`)
  return { any, rows }
}

/** The first row that a header's name, in lower case, belongs to. */
export function ruleFor({ any, rows }: HeaderTable, name: string): HeaderRule | undefined {
  return any.test(name) ? rows.find(({ pattern }) => pattern.test(name))?.rule : undefined
}
