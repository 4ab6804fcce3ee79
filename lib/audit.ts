// The audit trail: one JSON line for each write, delete, copy, denied key and denied login. Lines go to a file
// of their own or, where none is configured, to the log with `audit: true`. An entry has names, ids and
// outcomes, and no header value as it was sent, so that it never holds a secret.
import { appendFileSync, closeSync, openSync } from 'node:fs'
import type { Logger } from 'pino'

export interface AuditEntry {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly requestId: string
  /** Account of the caller; empty for an anonymous or unknown one. */
  readonly account: string
  readonly user: string
  /** Address of the client, also behind trusted proxies. */
  readonly address: string
  readonly dialect: string
  readonly operation: string
  readonly container?: string
  readonly object?: string
  readonly version?: string
  /** Number of objects that the line is about, where it names the first of several. */
  readonly count?: number
  /** `ok`, a code of lib/errors.ts, or one of the dialect's own. */
  readonly result: string
}

export interface Audit {
  /** Appends one line. Never throws: a line that cannot be written is reported in the log. */
  write(entry: AuditEntry): void
  /** Opens the file again by its name, for logrotate: a file that was renamed or removed gets no more lines.
   * Throws the system's error where that fails; lines then still go to the file that was open. */
  reopen(): void
  close(): Promise<void>
}

/** The entry's own fields, in their order, and no other property of the object. */
function pick(entry: AuditEntry) {
  const { time, requestId, account, user, address, dialect, operation } = entry
  const { container, object, version, count, result } = entry
  return {
    ...{ time, requestId, account, user, address, dialect, operation },
    ...{ container, object, version, count, result },
  }
}

/** An audit trail in the log, at level info. */
export function auditToLog(log: Logger): Audit {
  return {
    write(entry) {
      const { time: _, ...fields } = pick(entry)
      log.info({ audit: true, ...fields }, 'audit')
    },
    reopen() {},
    close: async () => {},
  }
}

/**
 * An audit trail in a file, appended to, and made with mode 0600. The kernel has each line when `write`
 * returns, so that a killed process loses none. Writes that fail are reported in the log, once for a run of
 * failures. Throws the system's error where the file cannot be opened.
 */
export function auditToFile(path: string, log: Logger): Audit {
  const openFile = () => openSync(path, 'a', 0o600)
  let file = openFile()
  let failing = false
  let open = true
  return {
    write(entry) {
      try {
        appendFileSync(file, `${JSON.stringify(pick(entry))}\n`)
        failing = false
      } catch (error) {
        if (!failing) log.error({ err: error }, 'the audit file cannot be written')
        failing = true
      }
    },
    reopen() {
      const next = openFile()
      closeSync(file)
      file = next
    },
    async close() {
      if (!open) return
      open = false
      closeSync(file)
    },
  }
}
