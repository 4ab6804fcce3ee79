// The progress of a scrub: `scrub.json` in the data directory. The next run goes on from there. The file also keeps
// the findings of the last run. Where it is missing or has another form, the next scrub begins anew.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isThere, readText } from '../file-invalid.ts'
import { writePrivately } from '../private-file.ts'
import { newProgress, type Progress } from './scrub.ts'

const FORM = 1

/** The path of the file. */
export const scrubFile = (data: string) => join(data, 'scrub.json')

/** The progress of an earlier run, finished or not; null where there is none. Throws FileInvalid where the
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

/** Writes the progress, durable when it returns. Throws the system's error. */
export function saveProgress(data: string, progress: Progress): void {
  writePrivately(scrubFile(data), `${JSON.stringify({ form: FORM, ...progress })}\n`)
}

/** Removes the progress, so that the next scrub begins anew. */
export function forgetProgress(data: string): void {
  rmSync(scrubFile(data), { force: true })
}
