// The rows of the identity service and of the key manager that hang on a root key: EC2 secrets, and payloads.
import type { Row } from '../catalog/catalog.ts'
import type { identityKeys } from '../catalog/identity-keys.ts'
import type { SealedSecret, SecretCipher, SecretContext } from '../crypto/sealed-secret.ts'
import { ec2Context } from '../identity/node-users.ts'
import { decodeRow, encodeRow } from '../identity/row-forms.ts'
import { payloadContext } from '../keymanager/secret-context.ts'

/** What hangs, as lib/upkeep/hanging-rows.ts reads it. */
interface HangingSecret {
  readonly rootKeyIds: readonly string[]
  readonly title: string
  renew(ciphers: { readonly secret: SecretCipher }): Buffer
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
  const credential = decodeRow('ec2Credential', row)
  const { account, user, sealed } = credential
  const access = row.key.slice(row.key.indexOf('/') + 1)
  return {
    rootKeyIds: [sealed.rootKeyId],
    title: `EC2 credential ${access} of ${account}:${user}`,
    renew: ({ secret }) =>
      encodeRow('ec2Credential', row.key, {
        ...credential,
        sealed: sealAnew(secret, ec2Context(account, access), sealed),
      }),
  }
}

function readPayload(row: Row): HangingSecret {
  const { sealed } = decodeRow('secretPayload', row)
  const [, project, id] = row.key.split('/') as [string, string, string]
  return {
    rootKeyIds: [sealed.rootKeyId],
    title: `secret ${id} of ${project}`,
    renew: ({ secret }) =>
      encodeRow('secretPayload', row.key, {
        sealed: sealAnew(secret, payloadContext(project, id), sealed),
      }),
  }
}

/** As the table of lib/upkeep/hanging-rows.ts. */
export const identityTable = {
  ec2Credential: readEc2Credential,
  secretPayload: readPayload,
  project: null,
  user: null,
  appCredential: null,
  secret: null,
  revocation: null,
  identityChanges: null,
  secretOrder: null,
  secretContainer: null,
  secretHome: null,
  secretUsage: null,
} satisfies Record<keyof typeof identityKeys, ((row: Row) => HangingSecret) | null>
