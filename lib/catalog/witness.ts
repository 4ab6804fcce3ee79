// What a node last saw of a catalog that lies elsewhere: a small file in its data directory. A Redis that was
// emptied, restored from yesterday, or is another one than before, looks all right by itself.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { CofferError } from '../errors.ts'
import { isThere, readText } from '../file-invalid.ts'
import { writePrivately } from '../private-file.ts'
import type { Meta } from './meta.ts'

/** How old the commit number in the file may be, at most, while the node runs. */
const KEEP_MS = 10_000

const fileOf = (data: string) => join(data, 'catalog-seen.json')

/** True where the node has had a catalog that lies elsewhere. */
export const hasWitness = (data: string) => isThere(fileOf(data))

/** What was seen last; null where nothing was. Throws FileInvalid where the file cannot be read, StoreCorrupt for one
 * that is no such note. */
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

/** Notes what lies elsewhere from now on. Throws the system's error. */
export function noteWitness(data: string, { catalogId, commitNumber }: Meta): void {
  writePrivately(fileOf(data), `${JSON.stringify({ catalogId, commitNumber })}\n`)
}

/** The catalog lies in the data directory from now on. Throws the system's error. */
export function forgetWitness(data: string): void {
  rmSync(fileOf(data), { force: true })
}

export interface Witness {
  /** Notes the last state. */
  close(): void
}

/** Notes now and from now on what `seen` says. Throws the system's error where the first note fails; later
 * ones that fail are told to `failed`. */
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
