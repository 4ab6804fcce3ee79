// A small filesystem of its own, for tests of what happens when a disk is full.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where a tmpfs of so many bytes is mounted, or null where none may be: whoever gets one unmounts it. */
export function mountSmall(name: string, bytes: number): string | null {
  const directory = mkdtempSync(join(tmpdir(), `coffer-${name}-`))
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory]
    execFileSync('mount', options, { stdio: 'pipe' })
    return directory
  } catch {
    rmdirSync(directory)
    return null
  }
}
