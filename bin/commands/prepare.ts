// Prepares what a start needs besides the stores: keyring, certificates and users file, which a first start
// makes. Called by the process that holds the data directory.

import { addUser, drawSecrets } from '../../lib/auth/users-file.ts'
import { type Certificate, developmentCertificate, readCertificate } from '../../lib/certificate.ts'
import type { Config, Listener } from '../../lib/config/config.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { type ReplaceableKeyring, replaceableKeyring } from '../../lib/crypto/keyring-edit.ts'
import { isThere } from '../../lib/file-invalid.ts'
import { isFirstStart } from '../../lib/open-catalog.ts'
import { firstUser, keepSecrets } from './first-secrets.ts'
import { usersFileOf } from './user.ts'

export interface Prepared {
  readonly keyring: ReplaceableKeyring
  readonly certificateOf: (listener: Listener) => Certificate
}

/** Rejects with FileInvalid where a required file is missing or wrong; without a keyring also as
 * `isFirstStart` does. */
export async function prepare(config: Config): Promise<Prepared> {
  // A missing keyring beside a catalog means a disk that is not mounted, and not a first start.
  const create = !isThere(config.keyring) && (await isFirstStart(config))
  const keyring = replaceableKeyring(openKeyring(config.keyring, { create }))
  const certificateOf = await readCertificates(config)
  await makeFirstUser(config)
  return { keyring, certificateOf }
}

/** The certificates of all TLS listeners, read from the disk now. Rejects with FileInvalid where one is
 * wrong. */
export async function readCertificates(
  config: Config,
): Promise<(listener: Listener) => Certificate> {
  const certificates = new Map<Listener, Certificate>()
  for (const listener of config.listen) {
    if (listener.tls === undefined) continue
    const certificate =
      listener.tls === 'auto'
        ? await developmentCertificate(config.data)
        : readCertificate(listener.tls)
    certificates.set(listener, certificate)
  }
  return (listener) => certificates.get(listener)!
}

async function makeFirstUser(config: Config): Promise<void> {
  const file = usersFileOf(config)
  if (config.users !== undefined || isThere(file)) return
  const secrets = drawSecrets()
  // Kept before the user is made, so that they can be shown even if this start fails now.
  keepSecrets(config.data, secrets)
  await addUser(file, firstUser, secrets)
}
