// docs/http.md and the tests beside this file say the same: every row is shown, or says why not.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { readRules } from '../../helpers/rules.ts'

const rules = readRules()
const files = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.test.ts') && file !== 'page.test.ts')
  .map((file) => file.slice(0, -'.test.ts'.length))

/** Names of the rows that a file shows. */
function shownBy(file: string): string[] {
  const text = readFileSync(new URL(`${file}.test.ts`, import.meta.url), 'utf8')
  return [...text.matchAll(/^rule\('([\w-]+)', async /gm)].map((match) => match[1]!)
}

t.test('every row of docs/http.md is shown by the file that it names, once', async (t) => {
  for (const file of files) {
    const named = rules.filter(({ heldBy }) => heldBy === file).map(({ name }) => name)
    t.same(shownBy(file).sort(), named.sort(), file)
  }
  const names = rules.map(({ name }) => name)
  t.equal(new Set(names).size, names.length, 'no two rows have one name')
})

t.test('a row that no test shows says why', async (t) => {
  for (const { name, here, heldBy } of rules) {
    t.ok(heldBy === '–' ? /^– .*: .{20}/.test(here) : files.includes(heldBy), name)
    for (const [path] of here.matchAll(/test\/[\w/.-]+\.ts/g)) {
      t.ok(existsSync(new URL(`../../../${path}`, import.meta.url)), path)
    }
  }
})

t.test('every row cites a section and how binding it is', async (t) => {
  for (const { name, rfc, level } of rules) {
    t.match(rfc, /^911[02] §\d/, name)
    t.match(level, /^(MUST|SHOULD|MAY)$/, name)
  }
})
