// How rows lie in a backup file: a magic number, a header, every row as the catalog stores it, in byte order,
// and at the end their number and a SHA-256 of all before. Part of the format, see docs/format.md §13.
import { FileInvalid } from '../file-invalid.ts'
import { requireKnown, versionOfMagic } from '../format-version.ts'
import { ROW_KEY_BYTES_MAX } from '../names.ts'
import type { RawRow } from './catalog.ts'
import { decodeItems, encodeItems } from './cbor.ts'

const MAGIC = Buffer.from('coffer/v1 backup', 'latin1')
const VERSION = 1
const LENGTH_BYTES = 4
export const DIGEST_BYTES = 32
/** Zero where a row's key length would stand, then the number of rows. */
export const END_BYTES = LENGTH_BYTES + 8
export const START_BYTES = MAGIC.length + LENGTH_BYTES
/** Bounds that a damaged length would break: a key is made of names and ids, a row holds no body but a small one. */
const HEADER_BYTES_MAX = 4096
const ROW_BYTES_MAX = 64 << 20

export interface BackupHeader {
  /** 32 hex digits. */
  readonly catalogId: string
  /** The catalog's at the moment of the backup. */
  readonly commitNumber: number
  /** That moment, in microseconds since 1970. */
  readonly timeMicros: number
}

const lengthOf = (bytes: number) => {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(bytes)
  return length
}

/** Magic number, length of the header, header. */
export function encodeBackupHeader(header: BackupHeader): Buffer {
  const fields = encodeItems([VERSION, header.catalogId, header.commitNumber, header.timeMicros])
  return Buffer.concat([MAGIC, lengthOf(fields.length), fields])
}

/** Length of the header's fields, from the first START_BYTES. Throws FormatNewer, FileInvalid. */
export function headerBytesOf(file: string, start: Buffer): number {
  const version = versionOfMagic(start, 'backup')
  if (start.length < START_BYTES || version === undefined) {
    throw new FileInvalid([`${file}: is no backup of a coffer catalog`])
  }
  requireKnown(file, 'the backup', version, VERSION)
  const bytes = start.readUInt32BE(MAGIC.length)
  if (bytes === 0 || bytes > HEADER_BYTES_MAX) throw damaged(file, 'its header has no such length')
  return bytes
}

/** Throws FormatNewer, FileInvalid. */
export function decodeBackupHeader(file: string, fields: Buffer): BackupHeader {
  let items: unknown[]
  try {
    items = decodeItems(fields)
  } catch {
    throw damaged(file, 'its header cannot be read')
  }
  const [version, catalogId, commitNumber, timeMicros] = items
  if (typeof version === 'number') requireKnown(file, "the backup's header", version, VERSION)
  const sound =
    typeof catalogId === 'string' &&
    /^[0-9a-f]{32}$/.test(catalogId) &&
    Number.isSafeInteger(commitNumber) &&
    Number.isSafeInteger(timeMicros)
  if (!sound) throw damaged(file, 'its header cannot be read')
  return { catalogId, commitNumber, timeMicros } as BackupHeader
}

/** Rows, each as length of the key ‖ key ‖ length of the row ‖ row. */
export function encodeBackupRows(rows: readonly RawRow[]): Buffer {
  return Buffer.concat(
    rows.flatMap(({ key, framed }) => {
      const name = Buffer.from(key)
      return [lengthOf(name.length), name, lengthOf(framed.length), framed]
    }),
  )
}

/** What stands behind the last row, before the digest. */
export function encodeBackupEnd(rows: number): Buffer {
  const end = Buffer.alloc(END_BYTES)
  end.writeBigUInt64BE(BigInt(rows), LENGTH_BYTES)
  return end
}

export const rowsOfEnd = (end: Buffer) => Number(end.readBigUInt64BE(LENGTH_BYTES))

/**
 * The row at `at`, and where the next begins; null for the end of rows; undefined where `bytes` are too few
 * to tell. Throws FileInvalid for lengths that no row has.
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
