// The rows of docs/http.md, and tests of them. Each test's name is its row's sentence.
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'

export interface Rule {
  readonly name: string
  readonly rfc: string
  readonly level: string
  readonly here: string
  /** The name of a file in test/api/http/, or `–`. */
  readonly heldBy: string
}

/** Every row of the page's tables. Throws where a row has not five cells. */
export function readRules(): Rule[] {
  const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8')
  const lines = page.split('\n').filter((line) => /^\| (?!rule \|)/.test(line))
  return lines.map((line) => {
    const cells = line.split(/ \| |^\| | \|$/).slice(1, -1)
    if (cells.length !== 5) throw new Error(`not five cells: ${line}`)
    const [name, rfc, level, here, heldBy] = cells as [string, string, string, string, string]
    return { name, rfc, level, here, heldBy }
  })
}

const rules = new Map(readRules().map((rule) => [rule.name, rule]))

/** Runs the test of a row. Throws where the page has no such row. */
export function rule(name: string, show: (t: Test) => Promise<void>): void {
  const found = rules.get(name)
  if (found === undefined) throw new Error(`docs/http.md has no row ${name}`)
  void t.test(`RFC ${found.rfc}: ${found.here}`, show)
}
