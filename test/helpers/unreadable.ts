// Shared parts of tests with files that cannot be read: a node with objects, the files in its directories, and
// a check that all objects are still there.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type ChildNode, startChildNode } from './child-node.ts'
import type { Shim } from './disk-shim.ts'
import { type Finished, run } from './process.ts'

export const names = Array.from({ length: 6 }, (_, i) => `o${i}`)

export const bodyOf = (name: string) =>
  createHash('shake256', { outputLength: 300_000 }).update(name).digest()

/** A stopped node, with objects in tables of its catalog and of several volumes. */
export async function makeNode(t: Test, shim: Shim | string, more = {}): Promise<ChildNode> {
  const storage = { reserveBytes: 0, writeBufferBytes: 1 << 20, volumeSizeBytes: 1 << 20, ...more }
  const environment = (data: string) => (typeof shim === 'string' ? {} : shim.environment(data))
  const node = await startChildNode(t, { storage }, environment)
  await node.request('PUT', '/bkt')
  for (const name of names) await node.request('PUT', `/bkt/${name}`, { body: bodyOf(name) })
  await node.kill('SIGTERM')
  return node
}

/** Runs a command on the node's data, on the shim where there is one. */
export const runOn = (node: ChildNode, shim: Shim | string, ...args: string[]) =>
  run([...args, '--config', join(node.dir, 'coffer.yaml')], {
    env: typeof shim === 'string' ? {} : shim.environment(node.data),
  })

/** The files below a directory with that extension, the largest first. */
export function largest(directory: string, extension: string): string[] {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(directory, name))
  return found.sort((a, b) => statSync(b).size - statSync(a).size)
}

/** A hash of every name below a directory, and of the files' contents. */
export function contentOf(directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    hash.update(`${name}\n`)
    if (statSync(join(directory, name)).isFile()) hash.update(readFileSync(join(directory, name)))
  }
  return hash.digest('hex')
}

/** Words with which coffer would advise an operator to discard data. */
export const discards = /damaged|rotten:|trusted|accept-catalog|coffer restore|coffer salvage/

/** A command fails, gives the reason, and advises nothing that discards data. */
export function refuses(t: Test, what: string, finished: Finished, saying: RegExp): void {
  const said = finished.stdout + finished.stderr
  t.equal(finished.code, 1, `${what} fails: ${said}`)
  t.match(said, saying, `${what} says why`)
  t.notMatch(said, discards, `${what} advises nothing that discards`)
}

/** Every object is listed, and readable byte for byte. */
export async function isWhole(t: Test, node: ChildNode): Promise<void> {
  const listed = (await node.request('GET', '/bkt')).body.toString()
  for (const name of names) t.match(listed, `<Key>${name}</Key>`)
  for (const name of names) {
    t.ok((await node.request('GET', `/bkt/${name}`)).body.equals(bodyOf(name)), `${name} is there`)
  }
}
