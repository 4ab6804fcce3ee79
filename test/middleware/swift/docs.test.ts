// docs/swift.md says the same as the table of operations and the header firewall.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { headerRules as s3Rules } from '../../../middleware/s3/header-rules.ts'
import { headerRules as swiftRules } from '../../../middleware/swift/header-rules.ts'
import { operations } from '../../../middleware/swift/operations.ts'

const page = readFileSync(new URL('../../../docs/swift.md', import.meta.url), 'utf8')

/** Cells of the table under a heading, row by row. */
function tableOf(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  return lines.slice(1).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

t.test('docs/swift.md lists every operation with what the table says of it', async (t) => {
  t.same(
    tableOf('Operations').map(([name, , built]) => [name, built]),
    Object.entries(operations).map(([name, { built }]) => [name, built]),
  )
})

t.test('docs/swift.md lists every row of the header firewall', async (t) => {
  t.same(
    tableOf('Headers that do not pass'),
    Object.entries({ s3: s3Rules, swift: swiftRules }).flatMap(([dialect, rules]) =>
      rules.map(({ family, action, when }) => [
        dialect,
        `\`${family}\``,
        action +
          (when === 'setting' ? ' where it sets' : when === 'underscored' ? ' with `_`' : ''),
      ]),
    ),
  )
})

t.test('docs/swift.md calls nothing built that is none of done, partial and refused', async (t) => {
  for (const [feature, built] of tableOf('Features')) {
    t.match(built, /^(done|partial|refused)$/, feature ?? '')
  }
})
