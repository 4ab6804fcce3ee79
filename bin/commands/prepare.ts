// What a start needs beside the stores: keyring, certificates and users file, made where a first start
// finds none. Called by the one process that holds the data directory.

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

/** Throws FileInvalid where a file is missing that must be there, or is wrong; without a keyring, as isFirstStart. */
export async function prepare(config: Config): Promise<Prepared> {
  // A keyring that is gone while there is a catalog is a disk that is not mounted, not a first start.
  const create = !isThere(config.keyring) && (await isFirstStart(config))
  const keyring = replaceableKeyring(openKeyring(config.keyring, { create }))
  const certificateOf = await readCertificates(config)
  await makeFirstUser(config)
  return { keyring, certificateOf }
}

/** The certificates of all TLS listeners, as they are on the disk now. Throws FileInvalid where one is wrong. */
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
  // Kept before the user is there: whatever ends this start, they can still be shown.
  keepSecrets(config.data, secrets)
  await addUser(file, firstUser, secrets)
}
