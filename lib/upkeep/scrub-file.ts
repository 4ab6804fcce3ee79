// Where a scrub keeps how far it is: `scrub.json` in the data directory, so that the next run goes on and people
// see what the last one found. Removed, or of another form, it only costs a scrub from the beginning.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isThere, readText } from '../file-invalid.ts'
import { writePrivately } from '../private-file.ts'
import { newProgress, type Progress } from './scrub.ts'

const FORM = 1

/** The file of a data directory. */
export const scrubFile = (data: string) => join(data, 'scrub.json')

/** What an earlier run left to go on with, or has finished; null where there is nothing. Throws FileInvalid where the
 * file cannot be read. */
export function loadProgress(data: string): Progress | null {
  if (!isThere(scrubFile(data))) return null
  const text = readText(scrubFile(data))
  try {
    const { form, ...progress } = JSON.parse(text)
    return form === FORM ? { ...newProgress(0), ...progress } : null
  } catch {
    return null
  }
}

/** Durable when it returns. Throws the system's error. */
export function saveProgress(data: string, progress: Progress): void {
  writePrivately(scrubFile(data), `${JSON.stringify({ form: FORM, ...progress })}\n`)
}

/** The next scrub begins anew. */
export function forgetProgress(data: string): void {
  rmSync(scrubFile(data), { force: true })
}
