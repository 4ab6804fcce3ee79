// The shell lines of our pages, and of what a first start prints, as whoever pastes them has them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './process.ts'

/** The blocks of a page that are for a shell. */
export function shellBlocks(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!)
}

/** The lines to try of the file that a first start leaves where its output is no terminal. */
export function linesToTry(data: string): string {
  const [, lines] = readFileSync(join(data, 'first-secrets'), 'utf8').split('# Then, to try it:\n')
  return lines!.replaceAll(/^# ?/gm, '')
}
