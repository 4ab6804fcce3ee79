// The format of a backup file: a magic number, a header, every row as the catalog stores it in byte order, the
// number of rows, and a SHA-256 of everything before. See docs/format.md §13.
import { FileInvalid } from '../file-invalid.ts'
import { requireStored, STORED_VERSION, versionOfMagic } from '../format-version.ts'
import { ROW_KEY_BYTES_MAX } from '../names.ts'
import type { RawRow } from './catalog.ts'
import { decodeItems, encodeItems } from './cbor.ts'

const MAGIC = Buffer.from('coffer/v2 backup', 'latin1')
const LENGTH_BYTES = 4
export const DIGEST_BYTES = 32
/** At the end of the rows: zero in the place of a key's length, then the number of rows. */
export const END_BYTES = LENGTH_BYTES + 8
export const START_BYTES = MAGIC.length + LENGTH_BYTES
/** Greatest lengths that a sound file has. A key holds names and ids; a row holds no body but a small one. */
const HEADER_BYTES_MAX = 4096
const ROW_BYTES_MAX = 64 << 20

export interface BackupHeader {
  /** 32 hex digits. */
  readonly catalogId: string
  /** The catalog's commit number at the moment of the backup. */
  readonly commitNumber: number
  /** The moment of the backup, in microseconds since 1970. */
  readonly timeMicros: number
}

const lengthOf = (bytes: number) => {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(bytes)
  return length
}

/** The start of the file: magic number, length of the header's fields, and the fields. */
export function encodeBackupHeader(header: BackupHeader): Buffer {
  const fields = encodeItems([
    STORED_VERSION,
    header.catalogId,
    header.commitNumber,
    header.timeMicros,
  ])
  return Buffer.concat([MAGIC, lengthOf(fields.length), fields])
}

/** Length of the header's fields, read from the first START_BYTES. Throws FormatNewer for a backup of a later
 * release, FormatUnreleased for version 1, FileInvalid where the file is no backup. */
export function headerBytesOf(file: string, start: Buffer): number {
  const version = versionOfMagic(start, 'backup')
  if (start.length < START_BYTES || version === undefined) {
    throw new FileInvalid([`${file}: is no backup of a coffer catalog`])
  }
  requireStored(file, 'the backup', version)
  const bytes = start.readUInt32BE(MAGIC.length)
  if (bytes === 0 || bytes > HEADER_BYTES_MAX) throw damaged(file, 'its header has no such length')
  return bytes
}

/** The header from its fields. Throws FormatNewer, FormatUnreleased for another layout, FileInvalid where the fields are
 * damaged. */
export function decodeBackupHeader(file: string, fields: Buffer): BackupHeader {
  let items: unknown[]
  try {
    items = decodeItems(fields)
  } catch {
    throw damaged(file, 'its header cannot be read')
  }
  const [version, catalogId, commitNumber, timeMicros] = items
  if (typeof version === 'number') requireStored(file, "the backup's header", version)
  const sound =
    typeof catalogId === 'string' &&
    /^[0-9a-f]{32}$/.test(catalogId) &&
    Number.isSafeInteger(commitNumber) &&
    Number.isSafeInteger(timeMicros)
  if (!sound) throw damaged(file, 'its header cannot be read')
  return { catalogId, commitNumber, timeMicros } as BackupHeader
}

/** The bytes of rows, each as length of the key ‖ key ‖ length of the row ‖ row. */
export function encodeBackupRows(rows: readonly RawRow[]): Buffer {
  return Buffer.concat(
    rows.flatMap(({ key, framed }) => {
      const name = Buffer.from(key)
      return [lengthOf(name.length), name, lengthOf(framed.length), framed]
    }),
  )
}

/** The bytes between the last row and the digest. */
export function encodeBackupEnd(rows: number): Buffer {
  const end = Buffer.alloc(END_BYTES)
  end.writeBigUInt64BE(BigInt(rows), LENGTH_BYTES)
  return end
}

export const rowsOfEnd = (end: Buffer) => Number(end.readBigUInt64BE(LENGTH_BYTES))

/**
 * The row at `at`, and where the next one begins; null at the end of the rows; undefined where `bytes` do not
 * hold the whole row. Throws FileInvalid for lengths that no row has.
 */
export function decodeBackupRow(
  file: string,
  bytes: Buffer,
  at: number,
): { row: RawRow; next: number } | null | undefined {
  if (bytes.length < at + LENGTH_BYTES) return undefined
  const keyBytes = bytes.readUInt32BE(at)
  if (keyBytes === 0) return null
  if (keyBytes > ROW_KEY_BYTES_MAX) throw damaged(file, 'a key has no such length')
  const keyAt = at + LENGTH_BYTES
  const rowAt = keyAt + keyBytes + LENGTH_BYTES
  if (bytes.length < rowAt) return undefined
  const rowBytes = bytes.readUInt32BE(rowAt - LENGTH_BYTES)
  if (rowBytes > ROW_BYTES_MAX) throw damaged(file, 'a row has no such length')
  if (bytes.length < rowAt + rowBytes) return undefined
  const key = bytes.toString('utf8', keyAt, keyAt + keyBytes)
  const framed = Buffer.from(bytes.subarray(rowAt, rowAt + rowBytes))
  return { row: { key, framed }, next: rowAt + rowBytes }
}

export const damaged = (file: string, what: string) =>
  new FileInvalid([`${file}: the backup is damaged: ${what}`])
