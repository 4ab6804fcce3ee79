// The node's side of a backup. The session holds a snapshot of the catalog and hands its rows to the command
// line page by page, in the form of the backup file. A command line may die, so that a snapshot from which no
// page was read for IDLE_MS is closed: an open one keeps old rows on the disk.
import { randomBytes } from 'node:crypto'
import { CofferError } from '../errors.ts'
import { nowMicros } from '../names.ts'
import type { BackupHeader } from './backup-format.ts'
import { encodeBackupRows } from './backup-format.ts'
import type { Catalog, Snapshot } from './catalog.ts'
import { openRow } from './framing.ts'

/** A snapshot is closed when no page was read for this long. */
const IDLE_MS = 60_000

export interface BackupPage {
  /** Rows in the form of `encodeBackupRows`; empty at the end. */
  readonly bytes: Buffer
  readonly rows: number
  /** The key behind which the next page begins. */
  readonly after: string
}

const refused = (message: string) => new CofferError('StoreUnavailable', { message })

export class BackupSession {
  readonly #catalog: Catalog
  #open: { id: string; snapshot: Snapshot; timer: NodeJS.Timeout } | undefined
  #opening = false

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  /** True while a snapshot is open. Compactions wait meanwhile, because they could not remove its rows. */
  get running(): boolean {
    return this.#opening || this.#open !== undefined
  }

  /** Opens a snapshot. Rejects with StoreUnavailable while another is open. */
  async begin(): Promise<BackupHeader & { readonly id: string }> {
    if (this.running) throw refused('another backup is being taken, or was given up a moment ago')
    this.#opening = true
    try {
      const timeMicros = nowMicros()
      const snapshot = await this.#catalog.snapshot()
      const id = randomBytes(8).toString('hex')
      const timer = setTimeout(() => void this.end(id), IDLE_MS).unref()
      this.#open = { id, snapshot, timer }
      const { commitNumber } = snapshot
      return { id, catalogId: this.#catalog.id, commitNumber, timeMicros }
    } finally {
      this.#opening = false
    }
  }

  /** The next page of the backup `id`. Rejects with StoreUnavailable where its snapshot is closed, and with
   * StoreCorrupt, which names the key, for a rotten row. */
  async page(id: string, after: string): Promise<BackupPage> {
    const open = this.#open
    if (open === undefined || open.id !== id) throw refused('the backup was given up: begin anew')
    open.timer.refresh()
    const rows = await open.snapshot.rowsBehind(after)
    for (const { key, framed } of rows) openRow(key, framed)
    return { bytes: encodeBackupRows(rows), rows: rows.length, after: rows.at(-1)?.key ?? after }
  }

  /** Closes the snapshot of the backup `id`, if it is the open one. */
  async end(id: string): Promise<void> {
    if (this.#open?.id === id) await this.close()
  }

  /** Closes the open snapshot. Call it before the catalog is closed. */
  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) return
    clearTimeout(open.timer)
    await open.snapshot.close()
  }
}
