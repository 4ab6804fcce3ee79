// The service on stores of its own, without servers, with data that are removed with the test.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { VerifiedSource } from '../../lib/bytes/verify.ts'
import { type Coffer, openCoffer } from '../../lib/coffer.ts'
import { defaultConfig } from '../../lib/config/config.ts'
import type { VersionInfo } from '../../lib/service/types.ts'
import { askerOf } from './asker.ts'

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

/** An admin of the account `test`. */
export const admin = askerOf({ account: 'test', user: 'tester', roles: ['admin'] })

export interface TestService extends Omit<Coffer, 'close'> {
  /** Writes an object (`container/object`) of the account `test` as the account's admin. */
  write(path: string, body: string): Promise<VersionInfo>
}

/** Opens stores. With the test they are closed, and their data removed. */
export async function startService(t: Teardown): Promise<TestService> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-'))
  const base = defaultConfig()
  const config = {
    ...base,
    data: dir,
    devices: [join(dir, 'volumes')],
    storage: { ...base.storage, reserveBytes: 0, writeBufferBytes: 4 << 20 },
  }
  const rootKey = randomBytes(32)
  const keyring = { active: 'k1', key: (id: string) => (id === 'k1' ? rootKey : undefined) }
  const coffer = await openCoffer({ config, keyring, log: pino({ level: 'silent' }) })
  t.teardown(async () => {
    await coffer.close()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    ...coffer,
    write: async (path, body) => {
      const slash = path.indexOf('/')
      const ref = {
        account: 'test',
        container: path.slice(0, slash),
        object: path.slice(slash + 1),
      }
      return await coffer.service.put(admin, ref, {
        source: sourceOf(body),
        cipher: coffer.rootCipher,
        headers: {},
        metadata: {},
      })
    },
  }
}

/** A body with those bytes. */
export function sourceOf(body: string | Buffer): VerifiedSource {
  const bytes = Buffer.from(body)
  const pieces = bytes.length === 0 ? [] : [bytes]
  return new VerifiedSource({ read: async () => pieces.shift() }, { length: bytes.length })
}
