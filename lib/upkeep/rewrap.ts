// Brings every row that hangs on another root key under the active one. Envelopes change, bodies do not.
// Each row is committed only if it is unchanged since it was read. A row that a verb changes meanwhile is read
// again. A run that ends early loses nothing: the next one skips the rows that are done.
import { setTimeout as sleep } from 'node:timers/promises'
import { Conflict, type Row } from '../catalog/catalog.ts'
import { identityKeys } from '../catalog/identity-keys.ts'
import { readRootKeys } from '../catalog/root-keys-row.ts'
import { type Keyring, rootCipher } from '../crypto/cipher.ts'
import { lateCipher } from '../crypto/late.ts'
import { listCipher } from '../crypto/list-key.ts'
import { rowMacs } from '../crypto/row-mac.ts'
import { secretCipher } from '../crypto/sealed-secret.ts'
import { CofferError } from '../errors.ts'
import { attemptsEnded, Draft } from '../service/stores.ts'
import {
  type Hanging,
  type HangingKind,
  hangingOf,
  hangingPages,
  hangingRanges,
  type KeyUse,
  noUse,
  type RootCiphers,
  type Rows,
} from './hanging-rows.ts'
import { noteNeeded, noteRootKey } from './root-keys.ts'

/** Rows of one commit. Each row is both expected and put, and a commit takes 100. */
const BATCH_ROWS = 40
/** Rows that are read at once. */
const PAGE_ROWS = 400
/** A row that changes again and again is left to the next pass after so many tries. */
const TRIES_MAX = 10
/** Rows between two keys at which a compaction may be interrupted. */
const COMPACT_ROWS = 100_000

/** With the numbers of rows that were brought under the active key. */
export interface RewrapProgress extends KeyUse {
  phase: 'wrapping' | 'compacting' | 'done'
  /** Id of the key that wraps. */
  readonly active: string
  /** Rows read in this pass. */
  scanned: number
  /** Rows whose key is not in the keyring, or that are damaged: an envelope, a MAC. They stay as they are. */
  failed: number
  /** Names of the first of those rows, with the reason. */
  readonly failures: string[]
  /** False where the catalog removes old rows by its own rules. */
  compacted: boolean
}

export interface RewrapOptions {
  /** Rewraps only rows under this key. Absent: rows under any key but the active one. */
  readonly from?: string
  readonly rowsPerSecond: number
  /** True once the run must stop soon. */
  readonly closed: () => boolean
}

const FAILURES_MAX = 20

/**
 * Runs to the end, or until `closed`. Returns at once, with the progress that the run updates. `done` rejects
 * with StoreUnavailable, StoreCorrupt for a rotten row, Internal where the active key is missing.
 */
export function startRewrap(
  stores: Rows,
  keyring: Keyring,
  options: RewrapOptions,
): { readonly progress: RewrapProgress; readonly done: Promise<void> } {
  const run = new Rewrap(stores, keyring, options)
  return { progress: run.progress, done: run.run() }
}

class Rewrap {
  readonly #stores: Rows
  readonly #ciphers: RootCiphers
  readonly #keyring: Keyring
  readonly #options: RewrapOptions
  readonly #startMs = performance.now()
  /** Rows written so far, for the rate. */
  #written = 0
  /**
   * Where the range of a kind's rows is cut for compaction: between two cuts a rewrap that is to end can end. Each
   * cut is the last key of a page with a NUL behind it. No row has that key, and no row's key begins with it.
   */
  #borders = noBorders()
  /** Ids of the keys that rows of this pass hang on. */
  readonly #seen = new Set<string>()
  readonly progress: RewrapProgress

  constructor(stores: Rows, keyring: Keyring, options: RewrapOptions) {
    this.#stores = stores
    this.#options = options
    this.#keyring = keyring
    const { active } = keyring
    const key = keyring.key(active)
    if (key === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
    // One key for the whole run, also where another key becomes active meanwhile.
    const fixed: Keyring = { active, key: (id) => (id === active ? key : keyring.key(id)) }
    this.#ciphers = {
      cipher: rootCipher(fixed),
      late: lateCipher(fixed),
      lists: listCipher(fixed),
      secret: secretCipher(fixed),
      macs: rowMacs(fixed, stores.catalog.id),
    }
    const counts = { scanned: 0, ...noUse(), failed: 0 }
    this.progress = { phase: 'wrapping', active, ...counts, failures: [], compacted: false }
  }

  async run(): Promise<void> {
    await noteRootKey(this.#stores.catalog, this.progress.active)
    // A verb that read a row before it was wrapped may write the old envelope back. The next pass wraps it
    // again.
    let found: number
    do {
      const before = await readRootKeys(this.#stores.catalog)
      // What was wrapped under the key that was active before may not be committed yet.
      await attemptsEnded(this.#stores.catalog)
      found = await this.#pass()
      if (this.#options.closed()) return
      if (found === 0) {
        const ids = [...this.#seen, this.progress.active, this.#keyring.active]
        await noteNeeded(this.#stores.catalog, before, ids)
      }
    } while (found > 0)
    await this.#compact()
    if (!this.#options.closed()) this.progress.phase = 'done'
  }

  /** Reads all rows once. Returns how many were under another key and could be opened. */
  async #pass(): Promise<number> {
    const { progress } = this
    Object.assign(progress, { scanned: 0, failed: 0 })
    progress.failures.length = 0
    this.#borders = noBorders()
    this.#seen.clear()
    let found = 0
    for await (const { kind, rows } of hangingPages(this.#stores, PAGE_ROWS)) {
      const hanging = rows.flatMap((row) => hangingOf(row) ?? [])
      for (const { rootKeyIds } of hanging) for (const id of rootKeyIds) this.#seen.add(id)
      const wanted = hanging.filter((each) => this.#isWanted(each))
      const before = progress.failed
      for (let at = 0; at < wanted.length; at += BATCH_ROWS) {
        if (this.#options.closed()) return found
        await this.#batch(wanted.slice(at, at + BATCH_ROWS))
      }
      found += wanted.length - (progress.failed - before)
      this.#note(kind, rows)
      if (this.#options.closed()) return found
    }
    return found
  }

  #isWanted(hanging: Hanging | undefined): hanging is Hanging {
    const { from } = this.#options
    return (hanging?.rootKeyIds ?? []).some(
      (id) => id !== this.progress.active && (from === undefined || id === from),
    )
  }

  #note(kind: HangingKind, rows: readonly Row[]): void {
    const before = this.progress.scanned
    this.progress.scanned += rows.length
    const crossed = Math.floor(this.progress.scanned / COMPACT_ROWS)
    if (crossed > Math.floor(before / COMPACT_ROWS))
      this.#borders[kind].push(`${rows.at(-1)!.key}\u0000`)
  }

  async #batch(batch: readonly Hanging[]): Promise<void> {
    const sealed = batch.flatMap((hanging) => this.#seal(hanging) ?? [])
    const draft = new Draft()
    for (const { hanging, value } of sealed) {
      draft.expect(hanging.row.key, hanging.row).put(hanging.row.key, value)
    }
    noteCredentials(draft, sealed)
    try {
      await draft.commit(this.#stores.catalog)
      for (const { hanging } of sealed) this.#count(hanging)
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      for (const { hanging } of sealed) await this.#alone(hanging)
    }
    await this.#pace()
  }

  /**
   * Wraps one row of a batch that met another writer. Each try reads the row anew. A row that changes during
   * every try is left to the next pass.
   */
  async #alone({ row: { key } }: Hanging): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const row = await this.#stores.catalog.get(key)
      const hanging = row && hangingOf(row)
      if (!this.#isWanted(hanging)) return
      const sealed = this.#seal(hanging)
      if (sealed === undefined) return
      try {
        const draft = new Draft().expect(key, row).put(key, sealed.value)
        noteCredentials(draft, [sealed])
        await draft.commit(this.#stores.catalog)
        return this.#count(hanging)
      } catch (error) {
        if (!(error instanceof Conflict)) throw error
      }
    }
  }

  /** The row's value under the active key. Undefined where the row cannot be opened: it is reported and stays. */
  #seal(hanging: Hanging): { hanging: Hanging; value: Buffer } | undefined {
    try {
      return { hanging, value: hanging.renew(this.#ciphers) }
    } catch (error) {
      if (!(error instanceof CofferError)) throw error
      const { failures } = this.progress
      this.progress.failed++
      if (failures.length < FAILURES_MAX) failures.push(describe(hanging, error))
      return undefined
    }
  }

  #count({ kind }: Hanging): void {
    this.progress[`${kind}s`]++
    this.#written++
  }

  /** Waits until the number of rows written so far fits the rate. */
  async #pace(): Promise<void> {
    const dueMs = this.#startMs + (this.#written / this.#options.rowsPerSecond) * 1000
    while (!this.#options.closed() && performance.now() < dueMs) {
      await sleep(Math.min(100, Math.max(1, dueMs - performance.now())))
    }
  }

  /** Removes old envelopes from the store's files, which keep them until their range is compacted. */
  async #compact(): Promise<void> {
    const { catalog } = this.#stores
    if (catalog.compact === undefined) return
    this.progress.phase = 'compacting'
    for (const { kind, from, to } of hangingRanges) {
      const borders = [from, ...this.#borders[kind], to]
      for (let i = 1; i < borders.length; i++) {
        if (this.#options.closed()) return
        await catalog.compact(borders[i - 1]!, borders[i]!)
      }
    }
    this.progress.compacted = true
  }
}

/** Nodes have EC2 credentials in memory, and must read those anew before the key that they were under may go. */
function noteCredentials(draft: Draft, sealed: readonly { readonly hanging: Hanging }[]): void {
  const isThere = sealed.some(({ hanging }) => hanging.kind === 'ec2Credential')
  if (isThere) draft.add(identityKeys.identityChanges(), 1)
}

const noBorders = () =>
  Object.fromEntries(hangingRanges.map(({ kind }) => [kind, []])) as unknown as Record<
    HangingKind,
    string[]
  >

const describe = ({ title, rootKeyIds }: Hanging, { code, details }: CofferError) =>
  `${title}, key ${rootKeyIds.join(', ')}: ${details.what ?? code}`
