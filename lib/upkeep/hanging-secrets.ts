// The rows of the identity service and of the key manager that hang on a root key: MACs, EC2 secrets, and payloads.
import type { Row } from '../catalog/catalog.ts'
import type { identityKeys } from '../catalog/identity-keys.ts'
import {
  appCredentialRow,
  ec2CredentialRow,
  projectRow,
  secretContainerRow,
  secretOrderRow,
  secretPayloadRow,
  secretRow,
  userRow,
} from '../catalog/identity-rows.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import type { SealedSecret, SecretCipher, SecretContext } from '../crypto/sealed-secret.ts'
import { ec2Context } from '../identity/node-users.ts'
import { payloadContext } from '../keymanager/secret-context.ts'
import { readSigned, requireProven } from './signed-rows.ts'

interface Ciphers {
  readonly secret: SecretCipher
  readonly macs: RowMacs
}

/** What hangs, as lib/upkeep/hanging-rows.ts reads it. */
interface HangingSecret {
  readonly rootKeyIds: readonly string[]
  readonly title: string
  renew(ciphers: Ciphers): Buffer
}

function sealAnew(cipher: SecretCipher, context: SecretContext, sealed: SealedSecret) {
  const plain = cipher.open(context, sealed)
  try {
    return cipher.seal(context, plain)
  } finally {
    plain.fill(0)
  }
}

function readEc2Credential(row: Row): HangingSecret {
  const { account, user, sealed } = ec2CredentialRow.decodeUnproven(row.value)
  const access = row.key.slice(row.key.indexOf('/') + 1)
  return {
    rootKeyIds: [...new Set([ec2CredentialRow.rootKeyIdOf(row.value), sealed.rootKeyId])],
    title: `EC2 credential ${access} of ${account}:${user}`,
    renew: ({ secret, macs }) => {
      const credential = requireProven(ec2CredentialRow, row, macs)
      const renewed = sealAnew(secret, ec2Context(account, access), sealed)
      return ec2CredentialRow.encode(row.key, { ...credential, sealed: renewed }, macs)
    },
  }
}

function readPayload(row: Row): HangingSecret {
  const { sealed } = secretPayloadRow.decode(row.value)
  const [, project, id] = row.key.split('/') as [string, string, string]
  return {
    rootKeyIds: [sealed.rootKeyId],
    title: `payload of secret ${project}/${id}`,
    renew: ({ secret }) =>
      secretPayloadRow.encode({ sealed: sealAnew(secret, payloadContext(project, id), sealed) }),
  }
}

/** What people call the kinds whose names are not words. */
export const identityWords = {
  ec2Credential: 'EC2 credential',
  appCredential: 'application credential',
  secretPayload: 'payload',
  secretOrder: 'order',
  secretContainer: 'secret container',
} as const

/** A part of the table of lib/upkeep/hanging-rows.ts. */
export const identityTable = {
  project: readSigned('project', projectRow),
  user: readSigned('user', userRow),
  ec2Credential: readEc2Credential,
  appCredential: readSigned(identityWords.appCredential, appCredentialRow),
  secret: readSigned('secret', secretRow),
  secretOrder: readSigned(identityWords.secretOrder, secretOrderRow),
  secretContainer: readSigned(identityWords.secretContainer, secretContainerRow),
  secretPayload: readPayload,
  revocation: null,
  identityChanges: null,
  secretHome: null,
  secretUsage: null,
} satisfies Record<keyof typeof identityKeys, ((row: Row) => HangingSecret) | null>
