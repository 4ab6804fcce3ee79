// A small file in the data directory with the id and commit number that a node last saw of a catalog elsewhere.
// Without it, a Redis that was emptied, restored from an old copy, or exchanged for another one would look
// sound.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { CofferError } from '../errors.ts'
import { isThere, readText } from '../file-invalid.ts'
import { writePrivately } from '../private-file.ts'
import type { Meta } from './meta.ts'

/** While the node runs the commit number in the file is at most this old. */
const KEEP_MS = 10_000

const fileOf = (data: string) => join(data, 'catalog-seen.json')

/** True where the node's catalog lay elsewhere before. */
export const hasWitness = (data: string) => isThere(fileOf(data))

/** The catalog that was seen last; null where none was. Throws FileInvalid where the file cannot be read,
 * StoreCorrupt where its content is no such note. */
export function readWitness(data: string): Meta | null {
  if (!hasWitness(data)) return null
  const text = readText(fileOf(data))
  try {
    const { catalogId, commitNumber } = JSON.parse(text)
    if (/^[0-9a-f]{32}$/.test(catalogId) && Number.isSafeInteger(commitNumber)) {
      return { catalogId, commitNumber }
    }
  } catch (error) {
    throw new CofferError('StoreCorrupt', { message: `${fileOf(data)} is no JSON` }, error)
  }
  throw new CofferError('StoreCorrupt', { message: `${fileOf(data)} is damaged` })
}

/** Writes the file. Throws the system's error. */
export function noteWitness(data: string, { catalogId, commitNumber }: Meta): void {
  writePrivately(fileOf(data), `${JSON.stringify({ catalogId, commitNumber })}\n`)
}

/** Removes the file, because the catalog lies in the data directory from now on. Throws the system's error. */
export function forgetWitness(data: string): void {
  rmSync(fileOf(data), { force: true })
}

export interface Witness {
  /** Writes the last state, and no more. */
  close(): void
}

/** Writes the file now, and again whenever `seen` has changed. Throws the system's error where the first write
 * fails. `failed` is called with the errors of later ones. */
export function keepWitness(
  data: string,
  seen: () => Meta,
  failed: (error: unknown) => void,
): Witness {
  let noted = -1
  const note = () => {
    const meta = seen()
    if (meta.commitNumber === noted) return
    noteWitness(data, meta)
    noted = meta.commitNumber
  }
  const tryNote = () => {
    try {
      note()
    } catch (error) {
      failed(error)
    }
  }
  note()
  const timer = setInterval(tryNote, KEEP_MS).unref()
  return {
    close() {
      clearInterval(timer)
      tryNote()
    },
  }
}
