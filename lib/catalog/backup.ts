// Backup files. A backup is written under another name, read back whole, and then renamed to its own. The
// reader verifies the checksum and order of the rows, their number, and the digest of the file.
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FileInvalid } from '../file-invalid.ts'
import { syncDirectory } from '../sync-directory.ts'
import {
  type BackupHeader,
  DIGEST_BYTES,
  damaged,
  decodeBackupHeader,
  decodeBackupRow,
  END_BYTES,
  encodeBackupEnd,
  encodeBackupHeader,
  headerBytesOf,
  rowsOfEnd,
  START_BYTES,
} from './backup-format.ts'
import type { RawRow } from './catalog.ts'
import { openRow } from './framing.ts'
import { compareKeys } from './keys.ts'
import { META_KEY, UNFINISHED_KEY } from './meta.ts'

const READ_BYTES = 1 << 20

export interface BackupSource extends BackupHeader {
  /** Rows in the form of `encodeBackupRows`, piece by piece. */
  pieces(): AsyncIterable<{ readonly bytes: Buffer; readonly rows: number }>
}

export interface BackupReport extends BackupHeader {
  readonly rows: number
  /** Size of the file. */
  readonly bytes: number
  /** SHA-256 of everything before it in the file, in hex. */
  readonly digest: string
}

/**
 * Writes a backup to `file`, durable and with mode 0600. An older backup under that name is replaced once the
 * new one was read back and found whole; any other file is refused. Rejects with FileInvalid, the system's
 * error, or the error of `source`. No file is left behind then.
 */
export async function writeBackup(file: string, source: BackupSource): Promise<BackupReport> {
  await requirePlace(file)
  const neighbour = `${file}.${randomBytes(4).toString('hex')}.tmp`
  const handle = await open(neighbour, 'wx', 0o600)
  try {
    try {
      const written = await writeAll(handle, source)
      await handle.sync()
      const found = await verifyBackup(neighbour)
      if (found.digest !== written.digest || found.rows !== written.rows) {
        throw damaged(neighbour, 'it does not read as it was written')
      }
      await rename(neighbour, file)
      await syncDirectory(dirname(file))
      return found
    } finally {
      await handle.close()
    }
  } catch (error) {
    await rm(neighbour, { force: true })
    throw error
  }
}

/** Rejects with FileInvalid where the name is taken by something else than a backup. */
async function requirePlace(file: string): Promise<void> {
  const there = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (there === undefined) return
  try {
    if (!(await there.stat()).isFile()) throw new FileInvalid([`${file}: is not a file`])
    const start = Buffer.alloc(START_BYTES)
    const { bytesRead } = await there.read(start, 0, START_BYTES, 0)
    try {
      headerBytesOf(file, start.subarray(0, bytesRead))
    } catch {
      throw new FileInvalid([`${file}: is there, and is no backup that could be replaced`])
    }
  } finally {
    await there.close()
  }
}

async function writeAll(handle: FileHandle, source: BackupSource) {
  const hash = createHash('sha256')
  const put = async (bytes: Buffer) => {
    hash.update(bytes)
    await handle.appendFile(bytes)
  }
  let rows = 0
  await put(encodeBackupHeader(source))
  for await (const piece of source.pieces()) {
    await put(piece.bytes)
    rows += piece.rows
  }
  await put(encodeBackupEnd(rows))
  const digest = hash.digest()
  await handle.appendFile(digest)
  return { rows, digest: digest.toString('hex') }
}

/** Reads a backup to its end. Rejects with FormatUnread, and with FileInvalid where it is damaged. */
export async function verifyBackup(file: string): Promise<BackupReport> {
  const backup = await openBackup(file)
  try {
    for await (const _ of backup.pages());
    return backup.report()
  } finally {
    await backup.close()
  }
}

export interface BackupReader {
  readonly header: BackupHeader
  /** Every row, page by page. The rows are proved to be the whole backup only when the last page has come.
   * Throws FileInvalid. May be called once. */
  pages(): AsyncGenerator<RawRow[]>
  /** The backup as a whole. Throws TypeError before `pages` has ended. */
  report(): BackupReport
  close(): Promise<void>
}

/** Opens a backup and reads its header. Rejects with FormatUnread, FileInvalid or the system's error. */
export async function openBackup(file: string): Promise<BackupReader> {
  const input = new Input(file, await open(file, 'r'))
  try {
    const start = await input.take(START_BYTES)
    const header = decodeBackupHeader(file, await input.take(headerBytesOf(file, start)))
    let rows = 0
    let digest: string | undefined
    return {
      header,
      async *pages() {
        for await (const page of rowsOf(file, input)) {
          rows += page.length
          yield page
        }
        digest = await endOf(file, input, rows)
      },
      report() {
        if (digest === undefined) throw new TypeError('the backup was not read to its end')
        return { ...header, rows, bytes: input.taken, digest }
      },
      close: () => input.close(),
    }
  } catch (error) {
    await input.close()
    throw error
  }
}

async function* rowsOf(file: string, input: Input): AsyncGenerator<RawRow[]> {
  let last = ''
  for (;;) {
    const page: RawRow[] = []
    let at = 0
    let found = decodeBackupRow(file, input.held, at)
    for (; found != null; found = decodeBackupRow(file, input.held, at)) {
      const { row } = found
      if (isAboutCatalog(row.key)) throw damaged(file, 'it has a row about a catalog itself')
      if (compareKeys(row.key, last) <= 0) throw damaged(file, 'its rows are not in order')
      check(file, row)
      last = row.key
      at = found.next
      page.push(row)
    }
    input.drop(at)
    if (page.length > 0) yield page
    if (found === null) return
    if (!(await input.more())) throw damaged(file, 'it ends too early')
  }
}

/** True for the rows that say whose rows the others are. A restore writes its own. */
const isAboutCatalog = (key: string) => key === META_KEY || key === UNFINISHED_KEY

function check(file: string, { key, framed }: RawRow): void {
  try {
    openRow(key, framed)
  } catch {
    throw damaged(file, `the checksum of its row ${JSON.stringify(key)} does not hold`)
  }
}

/** Reads and verifies the end of the file. Returns the digest. */
async function endOf(file: string, input: Input, rows: number): Promise<string> {
  if (rowsOfEnd(await input.take(END_BYTES)) !== rows) {
    throw damaged(file, 'it has another number of rows than it says')
  }
  const computed = input.digest()
  const digest = await input.take(DIGEST_BYTES)
  if (!digest.equals(computed)) throw damaged(file, 'its digest does not hold')
  if (input.held.length > 0 || (await input.more()))
    throw damaged(file, 'something stands behind it')
  return digest.toString('hex')
}

/** The file's bytes in order. A byte is hashed when it is dropped. */
class Input {
  readonly #file: string
  readonly #handle: FileHandle
  readonly #hash = createHash('sha256')
  /** Bytes that were read from the file and not yet taken. */
  held: Buffer = Buffer.alloc(0)
  /** Bytes taken so far. */
  taken = 0

  constructor(file: string, handle: FileHandle) {
    this.#file = file
    this.#handle = handle
  }

  /** Reads more of the file. False at its end. */
  async more(): Promise<boolean> {
    // A row may be longer than one read.
    const chunk = Buffer.allocUnsafe(Math.max(READ_BYTES, this.held.length))
    const { bytesRead } = await this.#handle.read(chunk, 0, chunk.length)
    this.held = Buffer.concat([this.held, chunk.subarray(0, bytesRead)])
    return bytesRead > 0
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.held.length < bytes) {
      if (await this.more()) continue
      if (this.taken === 0)
        throw new FileInvalid([`${this.#file}: is no backup of a coffer catalog`])
      throw damaged(this.#file, 'it ends too early')
    }
    const taken = this.held.subarray(0, bytes)
    this.drop(bytes)
    return taken
  }

  drop(bytes: number): void {
    this.#hash.update(this.held.subarray(0, bytes))
    this.held = this.held.subarray(bytes)
    this.taken += bytes
  }

  /** The hash of all bytes taken so far. */
  digest(): Buffer {
    return this.#hash.copy().digest()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}
