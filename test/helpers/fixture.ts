// A copy of a committed data directory (test/fixtures), and a configuration for a node on it.
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Expected } from '../fixtures/expected.ts'
import { root, scratch } from './process.ts'

const home = join(root, 'test/fixtures')

/** Names of the fixtures: `data-<release>`, and `files-<release>` with volumes as files. */
export const fixtures = readdirSync(home).filter((name) => /^(data|files)-/.test(name))

/** The newest one with volumes as LevelDB databases. */
export const newestFixture = fixtures
  .filter((name) => name.startsWith('data-'))
  .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))[0]!

export interface Fixture {
  readonly data: string
  /** Arguments of commands on that node. */
  readonly args: readonly string[]
  readonly expected: Expected
}

/** Copies a fixture to a directory that is removed with the test. */
export function copyFixture(t: Parameters<typeof scratch>[0], name: string): Fixture {
  const directory = scratch(t)
  const data = join(directory, 'data')
  cpSync(join(home, name), data, { recursive: true })
  // Git keeps no modes but the executable bit.
  for (const file of ['keyring', 'users.yaml']) {
    if (existsSync(join(data, file))) chmodSync(join(data, file), 0o600)
  }
  const expected: Expected = parse(readFileSync(join(data, 'expected.yaml'), 'utf8'))
  const config = join(directory, 'coffer.yaml')
  const storage = 'storage: { reserveBytes: 0, writeBufferBytes: 4194304 }'
  // The fixture's uploads are old, and must not be aborted.
  const age = 'limits: { begunUploadSeconds: 0 }'
  writeFileSync(config, `listen: [{ port: 0 }]\nssec: { tls: [loopback] }\n${age}\n${storage}\n`)
  return { data, args: ['--config', config, '--data', data], expected }
}
