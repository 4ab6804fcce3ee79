// The project's files as test/tidy.test.ts looks at them: their texts, what they import, and where a pattern occurs.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** `clients`: where .ci/run installs those of PyPI; `installed`: where `npm run long:apps` does. */
const skipped = new Set(
  'node_modules .git .tap data dist dist-deb suite-data clients installed'.split(' '),
)

function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return []
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return walk(path)
    return entry.isFile() ? [relative(root, path)] : []
  })
}

export const files = walk(root).sort()
export const sources = files.filter((file) =>
  /^(bin|lib|middleware|packaging|test|bench)\/.*\.ts$/.test(file),
)
export const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
export const textOf = (file: string) => texts.get(file)!
export const within = (...tops: string[]) =>
  sources.filter((file) => tops.includes(file.split('/')[0]!))

export interface Import {
  readonly file: string
  readonly line: number
  /** A file of the project, relative to its root, or a package or `node:` module. */
  readonly target: string
}

const importForms =
  /(?:\bfrom|^import|\bimport\()\s*'([^']+)'|new URL\('(\.{1,2}\/[^']+\.ts)', import\.meta\.url\)/gm

export function importsOf(file: string): Import[] {
  const text = textOf(file)
  return [...text.matchAll(importForms)].map((match) => {
    const name = match[1] ?? match[2]!
    const line = text.slice(0, match.index).split('\n').length
    return { file, line, target: name.startsWith('.') ? join(dirname(file), name) : name }
  })
}

export const imports = sources.flatMap(importsOf)
/** What each file imports of the project. */
export const targetsOf = new Map(
  [...Map.groupBy(imports, ({ file }) => file)].map(([file, of]) => [
    file,
    of.map(({ target }) => target).filter((target) => target.endsWith('.ts')),
  ]),
)

/** `file:line: text` of each line that matches, once `strip` has been at it. */
export function find(
  where: readonly string[],
  pattern: RegExp,
  strip = (line: string) => line,
): string[] {
  return where.flatMap((file) =>
    textOf(file)
      .split('\n')
      .flatMap((line, i) =>
        pattern.test(strip(line)) ? [`${file}:${i + 1}: ${line.trim()}`] : [],
      ),
  )
}

export const withoutComment = (line: string) => line.replace(/^\s*(\/?\*|\/\/).*|\s\/\/ .*$/, '')
