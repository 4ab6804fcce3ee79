// Projects, users and credentials of the catalog, in memory: signatures and tokens are checked without a read. Whoever
// changes a row has it read again before it answers. Another node on the same catalog reads all of them again when the
// counter of changes has moved (lib/upkeep/directory-refresh.ts).
import { type Catalog, countersOf, type Row } from '../catalog/catalog.ts'
import { seamRows } from '../catalog/check-rows.ts'
import {
  appCredentialPrefix,
  ec2CredentialPrefix,
  identityKeys,
  projectPrefix,
  userPrefix,
} from '../catalog/identity-keys.ts'
import type {
  AppCredentialRow,
  Ec2CredentialRow,
  ProjectRow,
  UserRow,
} from '../catalog/identity-rows.ts'
import { endOf } from '../catalog/keys.ts'
import { decodeRow, type RowKind } from './row-forms.ts'

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

type Listed = 'project' | 'user' | 'ec2Credential' | 'appCredential'

const prefixes: Readonly<Record<Listed, string>> = {
  project: projectPrefix,
  user: userPrefix(),
  ec2Credential: ec2CredentialPrefix,
  appCredential: appCredentialPrefix,
}
const kinds = Object.keys(prefixes) as Listed[]

/** Puts a row in its table, or takes it out where `value` is undefined. */
function set(tables: Tables, kind: Listed, key: string, value: Buffer | undefined): void {
  const name = key.slice(prefixes[kind].length)
  const decoded = <K extends RowKind>(kind: K) => decodeRow(kind, { key, value: value! })
  const put = <T>(table: Map<string, T>, name: string, row: () => T) =>
    value === undefined ? void table.delete(name) : void table.set(name, row())
  if (kind === 'project') put(tables.projects, name, () => decoded('project'))
  else if (kind === 'ec2Credential') put(tables.ec2, name, () => decoded('ec2Credential'))
  else if (kind === 'appCredential') put(tables.delegates, name, () => decoded('appCredential'))
  else {
    const account = name.slice(0, name.indexOf('/'))
    const users = tables.users.get(account) ?? new Map<string, UserRow>()
    tables.users.set(account, users)
    put(users, name.slice(account.length + 1), () => decoded('user'))
    if (users.size === 0) tables.users.delete(account)
  }
}

const countOf = (row: Row | undefined) => (row === undefined ? 0 : countersOf(row.value)[0]!)

export class Directory {
  readonly #catalog: Catalog
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
    damaged: (key: string) => void,
    changed: (directory: Directory) => void = () => {},
  ) {
    this.#catalog = catalog
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

  /** Reads all rows. Rejects with StoreUnavailable. */
  load(): Promise<void> {
    return this.#inTurn(async () => {
      const changes = await this.#readChanges()
      const tables = new Tables()
      const rows = seamRows(this.#catalog)
      const faults = { row: this.#damaged, file: () => {} }
      for (const kind of kinds) {
        const prefix = prefixes[kind]
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
        const kind = kinds.find((kind) => key.startsWith(prefixes[kind]))
        if (kind !== undefined) this.#set(this.#tables, kind, key, rows[i]?.value)
      }
    })
  }

  #set(tables: Tables, kind: Listed, key: string, value: Buffer | undefined): void {
    try {
      set(tables, kind, key, value)
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
