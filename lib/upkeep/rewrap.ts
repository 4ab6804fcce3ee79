// Wraps all that is under another root key under the active one. Envelopes change, bodies do not.
// Each row is committed only if it is unchanged since it was read. A row that a verb changes meanwhile is read
// again. A run that ends early loses nothing: the next one skips the rows that are done.
import { setTimeout as sleep } from 'node:timers/promises'
import { Conflict, type Row } from '../catalog/catalog.ts'
import { type Keyring, rootCipher } from '../crypto/cipher.ts'
import { lateCipher } from '../crypto/late.ts'
import { CofferError } from '../errors.ts'
import { Draft } from '../service/stores.ts'
import {
  type EnvelopeKind,
  envelopePages,
  envelopeRanges,
  type RootCiphers,
  type Rows,
  type Wrapped,
  wrappedOf,
} from './rewrap-rows.ts'

/** Rows of one commit. Each row is both expected and put, and a commit takes 100. */
const BATCH_ROWS = 40
/** Rows that are read at once. */
const PAGE_ROWS = 400
/** A row that changes again and again is left to the next pass after so many tries. */
const TRIES_MAX = 10
/** Rows between two keys at which a compaction may be interrupted. */
const COMPACT_ROWS = 100_000

export interface RewrapProgress {
  phase: 'wrapping' | 'compacting' | 'done'
  /** Id of the key that wraps. */
  readonly active: string
  /** Rows read in this pass. */
  scanned: number
  versions: number
  uploads: number
  /** Rows whose key is not in the keyring, or whose envelope is damaged. They stay as they are. */
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
  readonly #options: RewrapOptions
  readonly #startMs = performance.now()
  /** Rows written so far, for the rate. */
  #written = 0
  /**
   * Where the range of a kind's rows is cut for compaction: between two cuts a rewrap that is to end can end. Each
   * cut is the last key of a page with a NUL behind it. No row has that key, and no row's key begins with it.
   */
  #borders: Record<EnvelopeKind, string[]> = { version: [], upload: [] }
  readonly progress: RewrapProgress

  constructor(stores: Rows, keyring: Keyring, options: RewrapOptions) {
    this.#stores = stores
    this.#options = options
    const { active } = keyring
    const key = keyring.key(active)
    if (key === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
    // One key for the whole run, also where another key becomes active meanwhile.
    const fixed: Keyring = { active, key: (id) => (id === active ? key : keyring.key(id)) }
    this.#ciphers = { cipher: rootCipher(fixed), late: lateCipher(fixed) }
    const counts = { scanned: 0, versions: 0, uploads: 0, failed: 0 }
    this.progress = { phase: 'wrapping', active, ...counts, failures: [], compacted: false }
  }

  async run(): Promise<void> {
    // A verb that read a row before it was wrapped may write the old envelope back. The next pass wraps it
    // again.
    let found: number
    do {
      found = await this.#pass()
      if (this.#options.closed()) return
    } while (found > 0)
    await this.#compact()
    if (!this.#options.closed()) this.progress.phase = 'done'
  }

  /** Reads all rows once. Returns how many were under another key and could be opened. */
  async #pass(): Promise<number> {
    const { progress } = this
    Object.assign(progress, { scanned: 0, failed: 0 })
    progress.failures.length = 0
    this.#borders = { version: [], upload: [] }
    let found = 0
    for await (const { kind, rows } of envelopePages(this.#stores, PAGE_ROWS)) {
      const wanted = rows.map((row) => wrappedOf(kind, row)).filter((each) => this.#isWanted(each))
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

  #isWanted(wrapped: Wrapped | undefined): wrapped is Wrapped {
    if (wrapped === undefined) return false
    const { from } = this.#options
    const { active } = this.progress
    return wrapped.rootKeyIds.some((id) => id !== active && (from === undefined || id === from))
  }

  #note(kind: EnvelopeKind, rows: readonly Row[]): void {
    const before = this.progress.scanned
    this.progress.scanned += rows.length
    const crossed = Math.floor(this.progress.scanned / COMPACT_ROWS)
    if (crossed > Math.floor(before / COMPACT_ROWS))
      this.#borders[kind].push(`${rows.at(-1)!.key}\u0000`)
  }

  async #batch(batch: readonly Wrapped[]): Promise<void> {
    const sealed = batch.flatMap((wrapped) => this.#seal(wrapped) ?? [])
    const draft = new Draft()
    for (const { wrapped, value } of sealed) {
      draft.expect(wrapped.row.key, wrapped.row).put(wrapped.row.key, value)
    }
    try {
      await draft.commit(this.#stores.catalog)
      for (const { wrapped } of sealed) this.#count(wrapped)
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      for (const { wrapped } of sealed) await this.#alone(wrapped)
    }
    await this.#pace()
  }

  /**
   * Wraps one row of a batch that met another writer. Each try reads the row anew. A row that changes during
   * every try is left to the next pass.
   */
  async #alone({ kind, row: { key } }: Wrapped): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const row = await this.#stores.catalog.get(key)
      const wrapped = row && wrappedOf(kind, row)
      if (!this.#isWanted(wrapped)) return
      const sealed = this.#seal(wrapped)
      if (sealed === undefined) return
      try {
        await new Draft().expect(key, row).put(key, sealed.value).commit(this.#stores.catalog)
        return this.#count(wrapped)
      } catch (error) {
        if (!(error instanceof Conflict)) throw error
      }
    }
  }

  /** The row's value with all of it under the active key. Undefined where something cannot be opened:
   * the row is reported and stays. */
  #seal(wrapped: Wrapped): { wrapped: Wrapped; value: Buffer } | undefined {
    try {
      return { wrapped, value: wrapped.renew(this.#ciphers) }
    } catch (error) {
      if (!(error instanceof CofferError)) throw error
      const { failures } = this.progress
      this.progress.failed++
      if (failures.length < FAILURES_MAX) failures.push(describe(wrapped, error))
      return undefined
    }
  }

  #count({ kind }: Wrapped): void {
    this.progress[kind === 'version' ? 'versions' : 'uploads']++
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
    for (const { kind, from, to } of envelopeRanges) {
      const borders = [from, ...this.#borders[kind], to]
      for (let i = 1; i < borders.length; i++) {
        if (this.#options.closed()) return
        await catalog.compact(borders[i - 1]!, borders[i]!)
      }
    }
    this.progress.compacted = true
  }
}

function describe({ kind, context, rootKeyIds }: Wrapped, { code, details }: CofferError): string {
  const { account, container, object, versionId } = context
  const name = `${account}/${container}/${object}`
  return `${kind} ${versionId} of ${name}, key ${rootKeyIds.join(', ')}: ${details.what ?? code}`
}
