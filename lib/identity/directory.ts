// Projects, users and credentials of the catalog, in memory: signatures and tokens are checked without a read. Whoever
// changes a row has it read again before it answers. Another node on the same catalog reads all of them again when the
// counter of changes has moved (lib/upkeep/directory-refresh.ts).
import { type Catalog, countersOf, type Row } from '../catalog/catalog.ts'
import { seamRows } from '../catalog/check-rows.ts'
import { identityKeys, identityPrefixes } from '../catalog/identity-keys.ts'
import type {
  AppCredentialRow,
  Ec2CredentialRow,
  ProjectRow,
  UserRow,
} from '../catalog/identity-rows.ts'
import { endOf } from '../catalog/keys.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import { type RowContents, readRow } from './row-forms.ts'

/** The rows of one moment. */
class Tables {
  readonly projects = new Map<string, ProjectRow>()
  /** By account and user. */
  readonly users = new Map<string, Map<string, UserRow>>()
  /** By access key. */
  readonly ec2 = new Map<string, Ec2CredentialRow>()
  /** By id. */
  readonly delegates = new Map<string, AppCredentialRow>()
}

const kinds = ['project', 'user', 'ec2Credential', 'appCredential'] as const
type Listed = (typeof kinds)[number]

/**
 * Puts a row in its table, or takes it out where `value` is undefined. Where the MAC does not hold, a project or a user is
 * disabled until somebody sets it anew, and a credential is none.
 */
function set(
  tables: Tables,
  macs: RowMacs,
  kind: Listed,
  key: string,
  value: Buffer | undefined,
): void {
  const name = key.slice(identityPrefixes[kind].length)
  const put = <K extends Listed>(kind: K, table: Map<string, RowContents[K]>, name: string) => {
    const read = value && readRow(kind, { key, value }, macs)
    const isAbsent = read === undefined || (!read.holds && kind.endsWith('Credential'))
    if (isAbsent) table.delete(name)
    else table.set(name, read.row)
  }
  if (kind === 'project') put(kind, tables.projects, name)
  else if (kind === 'ec2Credential') put(kind, tables.ec2, name)
  else if (kind === 'appCredential') put(kind, tables.delegates, name)
  else {
    const account = name.slice(0, name.indexOf('/'))
    const users = tables.users.get(account) ?? new Map<string, UserRow>()
    tables.users.set(account, users)
    put(kind, users, name.slice(account.length + 1))
    if (users.size === 0) tables.users.delete(account)
  }
}

const countOf = (row: Row | undefined) => (row === undefined ? 0 : countersOf(row.value)[0]!)

export class Directory {
  readonly #catalog: Catalog
  readonly #macs: RowMacs
  readonly #damaged: (key: string) => void
  readonly #changed: (directory: Directory) => void
  #tables = new Tables()
  /** The counter of changes that the tables are of. */
  #changes = 0
  /** Reads follow one another, so that none puts an older row in the place of a newer one. */
  #reads: Promise<void> = Promise.resolve()

  /** `damaged` is called with the key of a row that cannot be read: it counts as absent. `changed` is called when rows
   * were read. */
  constructor(
    catalog: Catalog,
    macs: RowMacs,
    damaged: (key: string) => void,
    changed: (directory: Directory) => void = () => {},
  ) {
    this.#catalog = catalog
    this.#macs = macs
    this.#damaged = damaged
    this.#changed = changed
  }

  get projects(): ReadonlyMap<string, ProjectRow> {
    return this.#tables.projects
  }

  get users(): ReadonlyMap<string, ReadonlyMap<string, UserRow>> {
    return this.#tables.users
  }

  get ec2(): ReadonlyMap<string, Ec2CredentialRow> {
    return this.#tables.ec2
  }

  get delegates(): ReadonlyMap<string, AppCredentialRow> {
    return this.#tables.delegates
  }

  user(account: string, user: string): UserRow | undefined {
    return this.#tables.users.get(account)?.get(user)
  }

  /** Reads all rows, as at a start and after a change of the keyring. Rejects with StoreUnavailable. */
  load(): Promise<void> {
    return this.#inTurn(async () => {
      const changes = await this.#readChanges()
      const tables = new Tables()
      const rows = seamRows(this.#catalog)
      const faults = { row: this.#damaged, file: () => {} }
      for (const kind of kinds) {
        const prefix = identityPrefixes[kind]
        for await (const { key, value } of rows.scan(prefix, endOf(prefix), faults)) {
          this.#set(tables, kind, key, value)
        }
      }
      this.#tables = tables
      this.#changes = changes
    })
  }

  /** Reads all rows where another node has changed some. Rejects with StoreUnavailable. */
  async refresh(): Promise<void> {
    if ((await this.#readChanges()) !== this.#changes) await this.load()
  }

  /** Reads rows that a commit has changed. Rejects with StoreUnavailable. */
  renew(keys: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const [changes, ...rows] = await this.#catalog.getMany([
        identityKeys.identityChanges(),
        ...keys,
      ])
      // Where another node has changed rows too, the counter stays behind, and `refresh` reads them.
      const count = countOf(changes)
      if (count === this.#changes + 1) this.#changes = count
      for (const [i, key] of keys.entries()) {
        const kind = kinds.find((kind) => key.startsWith(identityPrefixes[kind]))
        if (kind !== undefined) this.#set(this.#tables, kind, key, rows[i]?.value)
      }
    })
  }

  #set(tables: Tables, kind: Listed, key: string, value: Buffer | undefined): void {
    try {
      set(tables, this.#macs, kind, key, value)
    } catch {
      this.#damaged(key)
    }
  }

  async #readChanges(): Promise<number> {
    return countOf(await this.#catalog.get(identityKeys.identityChanges()))
  }

  async #inTurn(read: () => Promise<void>): Promise<void> {
    const before = this.#reads
    const mine = before.then(read)
    this.#reads = mine.catch(() => {})
    await mine
    this.#changed(this)
  }
}
