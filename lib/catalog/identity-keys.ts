// Keys of the rows of the identity service and of the key manager (docs/format.md §5). The others are in keys.ts.

/** Revocations that end in the same second and later ones sort by it, so that those that are over are one range. */
export const revocationPrefix = 'revocation/'
export const projectPrefix = 'project/'
/** Users of an account, or of all accounts. */
export const userPrefix = (account?: string) =>
  account === undefined ? 'user/' : `user/${account}/`
export const ec2CredentialPrefix = 'ec2-credential/'
export const appCredentialPrefix = 'app-credential/'
/** Kinds of what the key manager keeps, as their keys begin. */
export const keptKinds = ['secret', 'secret-order', 'secret-container'] as const
export type KeptKind = (typeof keptKinds)[number]
export const keptPrefix = (kind: KeptKind, project: string) => `${kind}/${project}/`

/** The key of each kind of row. */
export const identityKeys = {
  project: (project: string) => projectPrefix + project,
  user: (account: string, user: string) => userPrefix(account) + user,
  ec2Credential: (access: string) => ec2CredentialPrefix + access,
  appCredential: (id: string) => appCredentialPrefix + id,
  /** `hash`: SHA-256 of the token, in hex. */
  revocation: (expiresSeconds: number, hash: string) =>
    `${revocationPrefix}${String(expiresSeconds).padStart(10, '0')}/${hash}`,
  /** A counter row that every change of projects, users and credentials raises: other nodes then read them anew. */
  identityChanges: () => 'identity-changes',
  secret: (project: string, id: string) => keptPrefix('secret', project) + id,
  /** Apart from the secret's row, so that lists read none. */
  secretPayload: (project: string, id: string) => `secret-payload/${project}/${id}`,
  secretOrder: (project: string, id: string) => keptPrefix('secret-order', project) + id,
  secretContainer: (project: string, id: string) => keptPrefix('secret-container', project) + id,
  /** In which project the secret, order or container of an id is. */
  secretHome: (id: string) => `secret-home/${id}`,
  /** A counter row: secrets, orders and containers of a project. */
  secretUsage: (project: string) => `secret-usage/${project}`,
}
