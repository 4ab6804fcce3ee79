// Checks counters against the rows that they count. Every counter can be computed anew, and so be repaired.
import { countersOf } from '../catalog/catalog.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf, rowKeys } from '../catalog/keys.ts'
import { queueRow } from '../catalog/rows.ts'
import { type Findings, type Sums, shown, unchanged } from './fsck-report.ts'

const kinds = [
  ...['account-usage/', 'container-usage/', 'volume-usage/', 'body/'],
  'secret-usage/',
] as const

/** Checks every counter row, and that none is missing. */
export async function checkCounters(
  rows: RowSource,
  findings: Findings,
  sums: Sums,
): Promise<void> {
  const seen = new Set<string>()
  for (const prefix of kinds) {
    for await (const row of rows.scan(prefix, endOf(prefix))) {
      seen.add(row.key)
      const counted = countersOf(row.value)
      const exact = sums.get(row.key)
      if (exact === undefined && prefix === 'body/') await reportUnused(rows, findings, row)
      else if (exact === undefined && prefix === 'container-usage/') {
        const expect = [unchanged(row.key, row)]
        const repair = { what: 'remove the row', expect, del: [row.key] }
        findings.add('counter', `${shown(row.key)}: there is no such container`, repair)
      } else compare(findings, row, counted, exact ?? counted.map(() => 0))
    }
  }
  for (const key of sums.keys()) {
    if (seen.has(key)) continue
    const exact = sums.get(key)!
    // An account or volume without content may never have had a row.
    if (exact.every((value) => value === 0) && !key.startsWith('container-usage/')) continue
    const expect = [{ key, revision: null }]
    const repair = { what: `write ${exact}`, expect, add: [{ key, deltas: exact }] }
    findings.add('counter', `${shown(key)}: no row; there are ${exact}`, repair)
  }
}

function compare(
  findings: Findings,
  row: { readonly key: string; readonly revision: string },
  counted: readonly number[],
  exact: readonly number[],
): void {
  const length = Math.max(counted.length, exact.length)
  const deltas = Array.from({ length }, (_, i) => (exact[i] ?? 0) - (counted[i] ?? 0))
  if (deltas.every((delta) => delta === 0)) return
  findings.add('counter', `${shown(row.key)}: counts ${counted}, there are ${exact}`, {
    what: `make it ${exact}`,
    expect: [{ key: row.key, revision: row.revision }],
    add: [{ key: row.key, deltas }],
  })
}

/** Reports a body without any version. Its repair queues the body, as the deletion of its last version does. */
async function reportUnused(
  rows: RowSource,
  findings: Findings,
  row: { readonly key: string; readonly revision: string },
): Promise<void> {
  const body = row.key.slice('body/'.length)
  const layout = await rows.get(rowKeys.layout(body))
  findings.add('orphan', `${shown(row.key)}: no version has the body`, {
    what: 'remove the row and queue the body for the sweep',
    expect: [{ key: row.key, revision: row.revision }, unchanged(rowKeys.layout(body), layout)],
    del: layout === undefined ? [row.key] : [row.key, layout.key],
    queue: queueRow.encode({ work: { kind: 'body', body } }),
  })
}
