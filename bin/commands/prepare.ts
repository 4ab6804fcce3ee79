// What a start needs beside the stores: keyring, certificates and users file, made where a first start
// finds none. Called by the one process that holds the data directory.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hasWitness } from '../../lib/catalog/witness.ts'
import { type Certificate, developmentCertificate, readCertificate } from '../../lib/certificate.ts'
import type { Config, Listener } from '../../lib/config.ts'
import type { Keyring } from '../../lib/crypto/cipher.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { addUser, type Secrets } from '../../lib/users-file.ts'
import { usersFileOf } from './user.ts'

export interface Prepared {
  readonly keyring: Keyring
  /** Of the user that this start has made; null where there were users. */
  readonly firstUser: Secrets | null
  readonly certificateOf: (listener: Listener) => Certificate
}

/** Throws FileInvalid where a file is missing that must be there, or is wrong. */
export async function prepare(config: Config): Promise<Prepared> {
  // A keyring that is gone while there is a catalog is a disk that is not mounted, not a first start.
  const first = !existsSync(join(config.data, 'catalog')) && !hasWitness(config.data)
  const keyring = openKeyring(config.keyring, { create: first })
  const certificates = new Map<Listener, Certificate>()
  for (const listener of config.listen) {
    if (listener.tls === undefined) continue
    const certificate =
      listener.tls === 'auto'
        ? await developmentCertificate(config.data)
        : readCertificate(listener.tls)
    certificates.set(listener, certificate)
  }
  return {
    keyring,
    firstUser: await makeFirstUser(config),
    certificateOf: (listener) => certificates.get(listener)!,
  }
}

async function makeFirstUser(config: Config): Promise<Secrets | null> {
  const file = usersFileOf(config)
  if (config.users !== undefined || existsSync(file)) return null
  return addUser(file, { account: 'main', name: 'admin', roles: ['admin'] })
}
