// Libraries of test/fault/shim for LD_PRELOAD, built with the machine's C compiler.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Preload {
  /** The library's directory, removed with the test. */
  readonly directory: string
  readonly library: string
}

/** Builds `<name>.c`, which needs Linux and a C compiler. Returns the reason where a test must be skipped. */
export function buildPreload(
  t: { teardown(fn: () => void): unknown },
  name: string,
): Preload | string {
  if (process.platform !== 'linux') return `the ${name} is written for Linux`
  const directory = mkdtempSync(join(tmpdir(), 'coffer-shim-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const source = fileURLToPath(new URL(`../fault/shim/${name}.c`, import.meta.url))
  const library = join(directory, `${name}.so`)
  try {
    const options = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, source]
    execFileSync('cc', [...options, '-ldl', '-lpthread'], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return `no C compiler for the ${name}`
    throw error
  }
  return { directory, library }
}
