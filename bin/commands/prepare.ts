// Prepares what a start needs besides the stores: keyring and certificates, and the user of a first start. Called by the
// process that holds the data directory.

import { drawSecrets } from '../../lib/auth/users-file.ts'
import { identityKeys } from '../../lib/catalog/identity-keys.ts'
import { type Certificate, developmentCertificate, readCertificate } from '../../lib/certificate.ts'
import type { Config, Listener } from '../../lib/config/config.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { type ReplaceableKeyring, replaceableKeyring } from '../../lib/crypto/keyring-edit.ts'
import { isThere } from '../../lib/file-invalid.ts'
import type { Registry } from '../../lib/identity/registry.ts'
import { createUser } from '../../lib/identity/users.ts'
import { isFirstStart } from '../../lib/open-catalog.ts'
import { firstUser, keepSecrets } from './first-secrets.ts'
import { usersFileOf } from './users-file.ts'

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

/**
 * Makes the user of a first start: where there is no users file, and the catalog never had a user. Rejects with
 * StoreUnavailable, CommitUnknown.
 */
export async function makeFirstUser(config: Config, registry: Registry): Promise<void> {
  if (usersFileOf(config) !== undefined || (await hadUsers(registry))) return
  const secrets = drawSecrets()
  // Kept before the user is made, so that they can be shown even if this start fails now.
  keepSecrets(config.data, secrets)
  const { account, name, roles } = firstUser
  const user = { account, user: name, roles, password: secrets.password }
  const made = { address: 'the operator', makesProject: true, key: secrets }
  await createUser(registry, 'operator', user, made)
}

/** True where projects, users or credentials were changed ever: the operator may have removed them all. */
const hadUsers = async ({ catalog }: Registry) =>
  (await catalog.get(identityKeys.identityChanges())) !== undefined
