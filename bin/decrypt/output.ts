// Where plaintext goes: one file, standard output, or a directory of numbered files. No name that is stored becomes a path.
import { createWriteStream, existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from './failure.ts'
import { lineOf } from './listing.ts'

const NUMBER_DIGITS = 8

type Bytes = AsyncIterable<Buffer>

/** Writes a new file, which appears once `bytes` has ended. Throws Failure failed where it exists, and what `bytes`
 * throws. */
async function writeFile(bytes: Bytes, path: string, signal: AbortSignal): Promise<void> {
  if (existsSync(path)) throw new Failure('failed', `${path} exists already`)
  const partial = `${path}.partial`
  const file = createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true })
  // A partial file that another process is writing must not be removed.
  const made = new Promise((resolve) =>
    file.once('open', () => resolve(true)).once('error', resolve),
  )
  try {
    await pipeline(Readable.from(bytes), file, { signal })
    await rename(partial, path)
  } catch (error) {
    if ((await made) === true) await rm(partial, { force: true })
    throw error
  }
}

/** Writes to a new file, or to standard output. */
export async function writeObject(
  bytes: Bytes,
  out: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (out !== undefined) await writeFile(bytes, out, signal)
  else await pipeline(Readable.from(bytes), process.stdout, { end: false, signal })
}

/** A new directory of numbered files, and of an index with a line for each version. */
export class Directory {
  readonly #path: string
  readonly #index: FileHandle
  #files = 0

  private constructor(path: string, index: FileHandle) {
    this.#path = path
    this.#index = index
  }

  /** Makes the directory where there is none. Throws Failure failed where it is not empty. */
  static async make(path: string): Promise<Directory> {
    const refuse = (why: string) => new Failure('failed', `${path} ${why}`)
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw refuse(`cannot be made: ${error.code}`)
    })
    const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
      throw refuse(`is no directory to write to: ${error.code}`)
    })
    if (names.length > 0) throw refuse('is not empty')
    return new Directory(path, await open(join(path, 'index.jsonl'), 'wx', 0o600))
  }

  /** Writes the next numbered file; returns its name. Throws what `bytes` throws, and the system's error. */
  async write(bytes: Bytes, signal: AbortSignal): Promise<string> {
    const name = String(this.#files + 1).padStart(NUMBER_DIGITS, '0')
    await writeFile(bytes, join(this.#path, name), signal)
    this.#files++
    return name
  }

  async note(value: object): Promise<void> {
    await this.#index.write(lineOf(value))
  }

  async close(): Promise<void> {
    await this.#index.sync()
    await this.#index.close()
  }
}
