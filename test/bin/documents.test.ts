// What the documents name exists: files, links and npm scripts.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { root } from '../helpers/process.ts'

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
]
const textOf = (page: string) => readFileSync(join(root, page), 'utf8')

t.test('links lead to files', async (t) => {
  for (const page of pages) {
    for (const [, target] of textOf(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      t.ok(existsSync(join(root, dirname(page), target!)), `${page}: ${target}`)
    }
  }
})

t.test('paths in ARCHITECTURE.md are those of the sources', async (t) => {
  const paths = textOf('ARCHITECTURE.md').matchAll(
    /`((?:bin|lib|middleware|test|bench)\/[\w./-]*)`/g,
  )
  for (const path of new Set([...paths].map((match) => match[1]!))) {
    t.ok(existsSync(join(root, path)), path)
  }
})

t.test('every directory of sources is on the code map', async (t) => {
  const map = textOf('ARCHITECTURE.md')
  for (const top of ['bin', 'lib', 'middleware', 'test']) {
    for (const entry of readdirSync(join(root, top), { withFileTypes: true })) {
      const path = `${top}/${entry.name}/`
      // Tests mirror the sources, so their directories need no word of their own.
      const mirrors = top === 'test' && ['bin', 'lib', 'middleware', 'helpers'].includes(entry.name)
      if (entry.isDirectory() && !mirrors) t.match(map, path)
    }
  }
})

t.test('npm scripts that are named exist', async (t) => {
  const { scripts } = JSON.parse(textOf('package.json'))
  for (const page of pages) {
    for (const [, name] of textOf(page).matchAll(/npm run (?:-s )?([\w:]+)/g)) {
      t.ok(name! in scripts, `${page}: npm run ${name}`)
    }
  }
})
