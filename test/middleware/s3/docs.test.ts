// docs/s3.md and the table of operations say the same.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { operationNames } from '../../../middleware/s3/names.ts'
import { operations } from '../../../middleware/s3/operations.ts'

const page = readFileSync(new URL('../../../docs/s3.md', import.meta.url), 'utf8')
const section = page.slice(page.indexOf('## Operations'), page.indexOf('## Headers'))
const rows = [...section.matchAll(/^\| (\w+) \| (done|partial|refused) \|/gm)]

t.test('docs/s3.md lists every operation with what the table says of it', async (t) => {
  const documented = Object.fromEntries(rows.map((row) => [row[1]!, row[2]!]))
  const built = Object.fromEntries(operationNames.map((name) => [name, operations[name].built]))
  t.same(documented, built)
  t.equal(rows.length, operationNames.length, 'and none twice')
})
