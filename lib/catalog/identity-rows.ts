// The content of the rows of the identity service and of the key manager (docs/format.md §5). Verbs read and write them
// through lib/identity/row-forms.ts.
import { openCodec, signedCodec } from './codec.ts'

/** A secret under a root key, as lib/crypto/sealed-secret.ts makes it. */
interface Sealed {
  rootKeyId: string
  salt: Buffer
  commitment: Buffer
  wrapped: Buffer
}

/** A project is an account of storage, of the same id. */
export interface ProjectRow {
  createdMicros: number
  description: string
  enabled: boolean
}

export interface UserRow {
  /** Random: credentials of an earlier user of the same name do not come back. */
  id: string
  createdMicros: number
  /** A hash as lib/auth/passwords.ts makes it; null for a user without a password. */
  password: string | null
  roles: string[]
  enabled: boolean
  description: string
  email: string
}

/** An access key of a user. */
export interface Ec2CredentialRow {
  account: string
  user: string
  /** `id` of the user's row; '' for a user of users.yaml. */
  userId: string
  createdMicros: number
  sealed: Sealed
}

/** A password of its own with some of the user's roles, for one application. */
export interface AppCredentialRow {
  account: string
  user: string
  userId: string
  createdMicros: number
  name: string
  description: string
  /** A hash as lib/auth/passwords.ts makes it. */
  secret: string
  roles: string[]
  /** Seconds since 1970; null where it does not end. */
  expiresSeconds: number | null
  /** True where its tokens may make and remove application credentials. */
  unrestricted: boolean
}

/** A token that was revoked before its end. */
export interface RevocationRow {
  account: string
  user: string
}

/** Who may read: everybody with the right in the project, or the creator and those that are named. */
export interface SecretAcl {
  projectAccess: boolean
  users: string[]
  createdMicros: number
  updatedMicros: number
}

export interface Consumer {
  name: string
  url: string
}

export interface SecretRow {
  createdMicros: number
  updatedMicros: number
  /** `account:user`. */
  creator: string
  name: string
  /** Of the closed list of lib/keymanager/secrets.ts. */
  type: string
  algorithm: string | null
  bitLength: number | null
  mode: string | null
  /** Microseconds since 1970; null where it does not end. */
  expiresMicros: number | null
  metadata: Record<string, string>
  acl: SecretAcl | null
  /** Media type of the payload, which has a row of its own; null until it has come. */
  payloadType: string | null
}

export interface SecretPayloadRow {
  sealed: Sealed
}

export interface SecretOrderRow {
  createdMicros: number
  creator: string
  type: string
  /** What was ordered, as the client sent it. */
  meta: Record<string, string | number | null>
  /** Id of the secret that was made; '' where nobody proves which that was. */
  secret: string
}

export interface SecretContainerRow {
  createdMicros: number
  updatedMicros: number
  creator: string
  name: string
  type: string
  secrets: { name: string; secret: string }[]
  acl: SecretAcl | null
  consumers: Consumer[]
}

export interface SecretHomeRow {
  kind: string
  project: string
}

/** The `userId` of a credential that nobody proves. Those of users are hex digits, or empty. */
const NOBODY = '-'

// Of each row that has a MAC, the last argument leaves what may be believed of it where that does not hold: ids and times.
// All else is as in a new row, but shut: its owner says anew who may what (D-MAC-IDENTITY).

export const projectRow = signedCodec<ProjectRow>(
  ['createdMicros', 'description', 'enabled'],
  [],
  ({ createdMicros }) => ({ createdMicros, description: '', enabled: false }),
)
export const userRow = signedCodec<UserRow>(
  ['id', 'createdMicros', 'password', 'roles', 'enabled', 'description', 'email'],
  [],
  ({ id, createdMicros }) => ({
    ...{ id, createdMicros, password: null, roles: [], enabled: false, description: '', email: '' },
  }),
)
export const ec2CredentialRow = signedCodec<Ec2CredentialRow>(
  ['account', 'user', 'userId', 'createdMicros', 'sealed'],
  [],
  (row) => ({ ...row, userId: NOBODY }),
)
export const appCredentialRow = signedCodec<AppCredentialRow>(
  [
    ...(['account', 'user', 'userId', 'createdMicros', 'name', 'description', 'secret'] as const),
    ...(['roles', 'expiresSeconds', 'unrestricted'] as const),
  ],
  [],
  (row) => ({ ...row, userId: NOBODY, roles: [], unrestricted: false }),
)
export const revocationRow = openCodec<RevocationRow>('account', 'user')

/** A list that lets in nobody. */
const shut = (createdMicros: number): SecretAcl => ({
  ...{ projectAccess: false, users: [], createdMicros, updatedMicros: createdMicros },
})

export const secretRow = signedCodec<SecretRow>(
  [
    ...(['createdMicros', 'updatedMicros', 'creator', 'name', 'type', 'algorithm'] as const),
    ...(['bitLength', 'mode', 'expiresMicros', 'metadata', 'acl', 'payloadType'] as const),
  ],
  [],
  ({ createdMicros, updatedMicros, payloadType }) => ({
    ...{ createdMicros, updatedMicros, creator: '', name: '', type: 'opaque', algorithm: null },
    ...{ bitLength: null, mode: null, expiresMicros: null, metadata: {}, acl: shut(createdMicros) },
    // The payload, which proves itself, has come or not.
    payloadType: payloadType === null ? null : 'application/octet-stream',
  }),
)
export const secretPayloadRow = openCodec<SecretPayloadRow>('sealed')
export const secretOrderRow = signedCodec<SecretOrderRow>(
  ['createdMicros', 'creator', 'type', 'meta', 'secret'],
  [],
  ({ createdMicros }) => ({ createdMicros, creator: '', type: 'key', meta: {}, secret: '' }),
)
export const secretContainerRow = signedCodec<SecretContainerRow>(
  [
    ...(['createdMicros', 'updatedMicros', 'creator', 'name', 'type', 'secrets'] as const),
    ...(['acl', 'consumers'] as const),
  ],
  [],
  ({ createdMicros, updatedMicros }) => ({
    ...{ createdMicros, updatedMicros, creator: '', name: '', type: 'generic', secrets: [] },
    ...{ acl: shut(createdMicros), consumers: [] },
  }),
)
export const secretHomeRow = openCodec<SecretHomeRow>('kind', 'project')
