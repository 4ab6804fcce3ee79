// The shell lines of the documentation, and of a first start's output, as a reader would paste them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './process.ts'

/** The shell blocks of a page. */
export function shellBlocks(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!)
}

/** The lines to try in the file that a first start leaves where its output is no terminal. */
export function linesToTry(data: string): string {
  const [, lines] = readFileSync(join(data, 'first-secrets'), 'utf8').split('# Then, to try it:\n')
  return lines!.replaceAll(/^# ?/gm, '')
}

/** Second cells of the table lines that begin with `| <first> |`, in a section of docs/format.md. */
export function cellsOf(heading: string, first: string): string[] {
  const page = readFileSync(join(root, 'docs/format.md'), 'utf8')
  const section = page.split(/^(?=##)/m).find((text) => text.startsWith(`${heading}\n`))!
  const lines = section.split('\n').filter((line) => line.startsWith(`| ${first} |`))
  return lines.map((line) => line.split('|')[2]!.trim())
}
