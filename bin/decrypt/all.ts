// `--list` and `--all`: every version of a catalog, one after the other. What is damaged, or under a key that is not at
// hand, is noted, and the next version follows.
import { openVersion, plaintext } from './body.ts'
import { type Catalog, type Scope, withBody } from './catalog.ts'
import { Failure } from './failure.ts'
import type { KeySource } from './keys.ts'
import { type Found, findAll, lineOf } from './listing.ts'
import { Directory } from './output.ts'
import type { Volumes } from './volumes.ts'

/** Exits of a run, the gravest first. */
const GRAVITY = ['damaged', 'failed', 'wrongKey'] as const

/** Keeps the gravest of the failures that did not end a run. */
class Failures {
  readonly #counts = new Map<string, number>()

  add({ exit }: Failure): void {
    this.#counts.set(exit, (this.#counts.get(exit) ?? 0) + 1)
  }

  /** Throws a Failure with the gravest exit, where there was any. */
  finish(where: string): void {
    const exit = GRAVITY.find((each) => this.#counts.has(each))
    if (exit === undefined) return
    const sum = [...this.#counts.values()].reduce((a, b) => a + b)
    throw new Failure(exit, `${sum} of the versions could not be read: ${where}`)
  }
}

const errorOf = ({ exit, message }: Failure) => ({ error: exit, reason: message })

/** Calls `each` with every version that is found, and with the failure of each damaged row. */
async function walk(
  catalog: Catalog,
  scope: Scope,
  signal: AbortSignal,
  each: (found: Found) => Promise<Failure | undefined>,
): Promise<Failures> {
  const failures = new Failures()
  for await (const found of findAll(catalog, scope)) {
    signal.throwIfAborted()
    const failure = await each(found)
    if (failure !== undefined) failures.add(failure)
  }
  if (catalog.doubt !== undefined) {
    process.stderr.write(`coffer decrypt: the last write may be missing: ${catalog.doubt}\n`)
  }
  return failures
}

/** Writes a line for each version to standard output. Throws Failure damaged at the end where rows are. */
export async function listAll(catalog: Catalog, scope: Scope, signal: AbortSignal): Promise<void> {
  const failures = await walk(catalog, scope, signal, async (found) => {
    const isSound = 'row' in found
    const line = lineOf(isSound ? found.shown : { key: found.key, ...errorOf(found.failure) })
    if (!process.stdout.write(line)) await drained()
    return isSound ? undefined : found.failure
  })
  failures.finish('the lines with an error say why')
}

/** Resolves when standard output takes more. Rejects where nobody reads it any more. */
function drained(): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      process.stdout.off('drain', settle).off('error', settle)
      if (error instanceof Error) reject(error)
      else resolve()
    }
    process.stdout.once('drain', settle).once('error', settle)
  })
}

/**
 * Writes every version in the scope into the directory `out`. Throws a Failure at the end where a version could not be
 * read, and at once where nothing can be written.
 */
export async function writeAll(
  catalog: Catalog,
  volumes: Volumes,
  keys: KeySource,
  request: { readonly scope: Scope; readonly out: string },
  signal: AbortSignal,
): Promise<void> {
  const directory = await Directory.make(request.out)
  try {
    const failures = await walk(catalog, request.scope, signal, async (found) => {
      if (!('row' in found)) {
        await directory.note({ key: found.key, file: null, ...errorOf(found.failure) })
        return found.failure
      }
      const { name, versionId, row, shown } = found
      if (row.body === null) {
        await directory.note({ ...shown, file: null })
        return undefined
      }
      try {
        const version = withBody(versionId, row)
        const bytes = plaintext(catalog, volumes, version, openVersion(keys, name, version))
        await directory.note({ ...shown, file: await directory.write(bytes, signal) })
        return undefined
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        await directory.note({ ...shown, file: null, ...errorOf(error) })
        return error
      }
    })
    failures.finish(`${request.out}/index.jsonl says which, and why`)
  } finally {
    await directory.close()
  }
}
