// The service on real stores, without any server: for tests of what lies below the dialects.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { Identity } from '../../lib/auth/identity.ts'
import type { Source } from '../../lib/bytes/source.ts'
import { VerifiedSource } from '../../lib/bytes/verify.ts'
import { type Coffer, openCoffer } from '../../lib/coffer.ts'
import { type Config, defaultConfig } from '../../lib/config.ts'
import { makeLog } from '../../lib/log.ts'

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

/** The admin of account `test`. */
export const admin: Identity = { account: 'test', user: 'tester', roles: ['admin'] }

/** Opens stores in a directory of their own; they close, and it goes, when the test ends. */
export async function openService(t: Teardown): Promise<Coffer> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-'))
  const base = defaultConfig()
  const config = {
    ...base,
    data: dir,
    devices: [join(dir, 'volumes')],
    storage: { ...base.storage, reserveBytes: 0, writeBufferBytes: 4 << 20 },
  } as Config
  const key = randomBytes(32)
  const keyring = { active: 'k1', key: (id: string) => (id === 'k1' ? key : undefined) }
  const log = makeLog('error', new Writable({ write: (_chunk, _encoding, done) => done() }))
  const coffer = await openCoffer({ config, keyring, log })
  t.teardown(async () => {
    await coffer.close()
    await rm(dir, { recursive: true, force: true })
  })
  return coffer
}

/** A body of those bytes. */
export function sourceOf(bytes: Buffer): Source {
  const pieces = bytes.length === 0 ? [] : [Buffer.from(bytes)]
  return new VerifiedSource({ read: async () => pieces.shift() }, { length: bytes.length })
}
