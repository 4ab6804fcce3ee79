// Looks for words that must be nowhere: in a text, and in everything that a node keeps.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { catalogDirectory } from './catalog-choice.ts'
import type { TestNode } from './node.ts'

async function filesUnder(directory: string | undefined): Promise<string[]> {
  if (directory === undefined) return []
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

type Test = { notOk(found: unknown, message: string): unknown }

/** Fails where one of the words is in the text. */
export function check(t: Test, text: string, where: string, words: readonly string[]): void {
  for (const word of words) t.notOk(text.includes(word), where)
}

/** Closes the node and looks for the words in everything that it keeps; gives how many rows there were. */
export async function checkKept(
  t: Test,
  node: TestNode,
  words: readonly string[],
): Promise<number> {
  // Tables may be compressed, and rows may lie in Redis: the rows themselves are looked at too.
  let rows = 0
  let from: string | undefined = '!'
  while (from !== undefined) {
    const page = await node.coffer.stores.catalog.scan({ from, to: '~', limit: 1000 })
    for (const entry of page.entries) {
      if ('group' in entry) continue
      rows++
      const { key, value } = entry
      check(t, key + value.toString('latin1'), `row ${key}`, words)
    }
    from = page.cursor
  }
  await node.coffer.close()
  const files = [...(await filesUnder(node.dir)), ...(await filesUnder(await catalogDirectory()))]
  for (const file of files) check(t, (await readFile(file)).toString('latin1'), file, words)
  return rows
}
