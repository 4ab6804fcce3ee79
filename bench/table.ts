// The findings of a row, and the printed table: minimum, median and maximum of the rounds, and the ratio to a
// reference of the same rounds. Only the ratio can be compared between machines.

/** One line of the table. */
export interface Finding {
  readonly what: string
  readonly unit: string
  /** One figure for each round. */
  readonly samples: readonly number[]
  /** The reference, measured in the same rounds and in the same unit. */
  readonly reference?: { readonly name: string; readonly samples: readonly number[] }
  readonly budget?: Budget
}

/** A bound on the median of the rounds' ratios, or on the median itself where there is no reference. */
export type Budget = { readonly atMost: number } | { readonly atLeast: number }

export function medianOf(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Three significant digits, without an exponent. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))))
  return value.toLocaleString('en', {
    minimumFractionDigits: Math.min(decimals, 2),
    maximumFractionDigits: Math.min(decimals, 2),
  })
}

/** The ratio of each round. The sides of a round are measured one right after the other. */
export function ratiosOf({ samples, reference }: Finding): number[] {
  if (reference === undefined) return []
  return samples.map((sample, i) => sample / reference.samples[i]!)
}

/** Whether the budget is met; undefined where there is none. */
export function isMet(finding: Finding): boolean | undefined {
  const { budget, reference, samples } = finding
  if (budget === undefined) return undefined
  const value = medianOf(reference === undefined ? samples : ratiosOf(finding))
  return 'atMost' in budget ? value <= budget.atMost : value >= budget.atLeast
}

const heads = ['what', 'unit', 'min', 'median', 'max', 'reference', 'ratio', 'budget', 'met']

function cells(finding: Finding): string[] {
  const { what, unit, samples, reference, budget } = finding
  const ratios = ratiosOf(finding)
  const met = isMet(finding)
  const bound =
    budget === undefined
      ? ''
      : 'atMost' in budget
        ? `≤ ${shown(budget.atMost)}`
        : `≥ ${shown(budget.atLeast)}`
  return [
    what,
    unit,
    shown(Math.min(...samples)),
    shown(medianOf(samples)),
    shown(Math.max(...samples)),
    reference === undefined ? '' : `${reference.name} ${shown(medianOf(reference.samples))}`,
    ratios.length === 0 ? '' : shown(medianOf(ratios)),
    bound,
    met === undefined ? '' : met ? 'yes' : 'no',
  ]
}

/** The findings as a Markdown table. */
export function renderTable(findings: readonly Finding[]): string {
  const rows = [heads, ...findings.map(cells)]
  const widths = heads.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |\n`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|\n`
  return line(heads) + rule + rows.slice(1).map(line).join('')
}
