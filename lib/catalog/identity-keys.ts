// Keys of the rows of the identity service and of the key manager (docs/format.md §5). The others are in keys.ts.

/** Revocations that end in the same second and later ones sort by it, so that those that are over are one range. */
export const revocationPrefix = 'revocation/'
/** How keys begin, by the kind of row. */
export const identityPrefixes = {
  project: 'project/',
  user: 'user/',
  ec2Credential: 'ec2-credential/',
  appCredential: 'app-credential/',
  secret: 'secret/',
  secretPayload: 'secret-payload/',
  secretOrder: 'secret-order/',
  secretContainer: 'secret-container/',
  secretHome: 'secret-home/',
} as const
/** Users of an account. */
export const userPrefix = (account: string) => `${identityPrefixes.user}${account}/`
/** Kinds of what the key manager keeps, as their keys begin. */
export const keptKinds = ['secret', 'secret-order', 'secret-container'] as const
export type KeptKind = (typeof keptKinds)[number]
/** What is kept of that kind in a project. */
export const keptPrefix = (kind: KeptKind, project: string) => `${kind}/${project}/`

/** The key of each kind of row. */
export const identityKeys = {
  project: (project: string) => identityPrefixes.project + project,
  user: (account: string, user: string) => userPrefix(account) + user,
  ec2Credential: (access: string) => identityPrefixes.ec2Credential + access,
  appCredential: (id: string) => identityPrefixes.appCredential + id,
  /** `hash`: SHA-256 of the token, in hex. */
  revocation: (expiresSeconds: number, hash: string) =>
    `${revocationPrefix}${String(expiresSeconds).padStart(10, '0')}/${hash}`,
  /** A counter row that every change of projects, users and credentials raises: other nodes then read them anew. */
  identityChanges: () => 'identity-changes',
  secret: (project: string, id: string) => keptPrefix('secret', project) + id,
  /** Apart from the secret's row, so that lists read none. */
  secretPayload: (project: string, id: string) =>
    `${identityPrefixes.secretPayload}${project}/${id}`,
  secretOrder: (project: string, id: string) => keptPrefix('secret-order', project) + id,
  secretContainer: (project: string, id: string) => keptPrefix('secret-container', project) + id,
  /** In which project the secret, order or container of an id is. */
  secretHome: (id: string) => identityPrefixes.secretHome + id,
  /** A counter row: secrets, orders and containers of a project. */
  secretUsage: (project: string) => `secret-usage/${project}`,
}
