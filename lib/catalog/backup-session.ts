// The node's side of a backup that the command line writes: it holds one moment of the catalog and hands it
// out page by page, already in the form of the file. The moment is given up when nobody asks any more, so
// that a command line that died keeps no old rows alive.
import { randomBytes } from 'node:crypto'
import { CofferError } from '../errors.ts'
import { nowMicros } from '../names.ts'
import type { BackupHeader } from './backup-format.ts'
import { encodeBackupRows } from './backup-format.ts'
import type { Catalog, Snapshot } from './catalog.ts'
import { openRow } from './framing.ts'

/** A moment that nobody asks for is given up after this long. */
const IDLE_MS = 60_000

export interface BackupPage {
  /** See encodeBackupRows; empty at the end. */
  readonly bytes: Buffer
  readonly rows: number
  /** Where the next page begins. */
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

  /** True while a moment is held: rows of it are not to be compacted away in vain. */
  get running(): boolean {
    return this.#opening || this.#open !== undefined
  }

  /** Takes the present moment. Throws StoreUnavailable where another is held. */
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

  /** Throws StoreUnavailable where the moment was given up, StoreCorrupt naming a rotten row. */
  async page(id: string, after: string): Promise<BackupPage> {
    const open = this.#open
    if (open === undefined || open.id !== id) throw refused('the backup was given up: begin anew')
    open.timer.refresh()
    const rows = await open.snapshot.rowsBehind(after)
    for (const { key, framed } of rows) openRow(key, framed)
    return { bytes: encodeBackupRows(rows), rows: rows.length, after: rows.at(-1)?.key ?? after }
  }

  /** Gives the moment up; nothing where it was. */
  async end(id: string): Promise<void> {
    if (this.#open?.id === id) await this.close()
  }

  /** Before the catalog is closed. */
  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) return
    clearTimeout(open.timer)
    await open.snapshot.close()
  }
}
