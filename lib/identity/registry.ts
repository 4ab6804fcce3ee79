// What the identity verbs work on, and the way in which they change rows: read, compute, commit, retry after a conflict;
// then this node reads what changed before the verb answers.
import type { PasswordChecks } from '../auth/password-checks.ts'
import type { ListedUsers } from '../auth/users.ts'
import type { Catalog, Row } from '../catalog/catalog.ts'
import { identityKeys } from '../catalog/identity-keys.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import type { SecretCipher } from '../crypto/sealed-secret.ts'
import { commitWithRetry, type Draft } from '../service/stores.ts'
import { Directory } from './directory.ts'
import { NodeUsers } from './node-users.ts'
import { IdentityRefused } from './refused.ts'
import { encodeRow, type RowContents, type RowKind } from './row-forms.ts'

export interface Registry {
  readonly catalog: Catalog
  readonly directory: Directory
  readonly users: NodeUsers
  readonly cipher: SecretCipher
  readonly macs: RowMacs
  readonly checks: PasswordChecks
}

/** Reads the rows of a catalog. `damaged` is called with the key of each that cannot be read, which counts as absent.
 * `checks` are those of the file's users. Rejects with StoreUnavailable. */
export async function openRegistry(
  catalog: Catalog,
  { cipher, macs }: Pick<Registry, 'cipher' | 'macs'>,
  file: ListedUsers,
  checks: PasswordChecks,
  damaged: (key: string) => void,
): Promise<Registry> {
  const directory = new Directory(catalog, macs, damaged, (read) => notePrice(read, checks))
  await directory.load()
  const users = new NodeUsers(file, directory, cipher, checks)
  return { catalog, directory, users, cipher, macs, checks }
}

/** Every record of the catalog is a hash. One is enough for the price of an unknown user. */
function notePrice(directory: Directory, checks: PasswordChecks): void {
  const record = anyRecord(directory)
  if (record !== undefined) checks.note(record)
}

function anyRecord({ users, delegates }: Directory): string | undefined {
  for (const each of users.values()) {
    for (const { password } of each.values()) if (password !== null) return password
  }
  const [first] = delegates.values()
  return first?.secret
}

/** The changes of one commit, and the keys of the rows that other threads and nodes have to read. */
export class Change {
  readonly keys = new Set<string>()
  readonly #draft: Draft
  readonly #macs: RowMacs

  constructor(draft: Draft, macs: RowMacs) {
    this.#draft = draft
    this.#macs = macs
  }

  /** The row must still be as it was read; or absent. */
  expect(key: string, row: Row | undefined): this {
    this.#draft.expect(key, row)
    return this
  }

  put<K extends RowKind>(kind: K, key: string, row: RowContents[K]): this {
    this.keys.add(key)
    this.#draft.put(key, encodeRow(kind, key, row, this.#macs))
    return this
  }

  /** Puts a row as it was read: whoever changes or removes it at the same time conflicts. */
  touch(row: Row): this {
    this.#draft.expect(row.key, row).put(row.key, row.value)
    return this
  }

  del(key: string): this {
    this.keys.add(key)
    this.#draft.del(key)
    return this
  }
}

/** Runs a verb. `attempt` must read every row anew. Rejects with what it throws, WriteConflict, StoreUnavailable,
 * CommitUnknown. */
export async function makeChange<T>(
  { catalog, directory, macs }: Registry,
  attempt: (change: Change) => Promise<T>,
): Promise<T> {
  let touched: readonly string[] = []
  const result = await commitWithRetry(catalog, async (draft) => {
    const change = new Change(draft, macs)
    const result = await attempt(change)
    touched = [...change.keys]
    if (touched.length > 0) draft.add(identityKeys.identityChanges(), 1)
    return result
  })
  await directory.renew(touched)
  return result
}

/** Refusals of the verbs, in sentences. */
export const missing = (what: string) => new IdentityRefused('missing', `Could not find ${what}.`)
export const taken = (what: string) => new IdentityRefused('taken', `${what} exists already.`)
export const readOnly = (what: string) =>
  new IdentityRefused('readOnly', `${what} is in users.yaml, which only its operator edits.`)
export const invalid = (why: string) => new IdentityRefused('invalid', why)
export const limit = (what: string, most: number) =>
  new IdentityRefused('limit', `There are ${most} ${what} already, and there may be no more.`)
