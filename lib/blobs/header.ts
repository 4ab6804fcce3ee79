// The header of a volume: record 0, and once more as its last record when it is sealed. It names the volume's
// catalog and that catalog's commit number, so that an old catalog cannot destroy newer blobs (D-OLD-CATALOG). The
// layout is part of the stored format (docs/format.md).
import { crc32 } from '../bytes/crc32.ts'
import { readUint64, writeUint64 } from '../bytes/uint64.ts'
import { requireStored, STORED_VERSION, versionOfMagic } from '../format-version.ts'
import { recordKey } from './record.ts'

const MAGIC = Buffer.from('coffer/v2 volume', 'latin1')
const BEGUN = 1
const SEALED = 2

// magic 16 ‖ state 1 ‖ volume id 8 ‖ catalog id 16 ‖ commit number 8 ‖ crc32 4
const STATE_AT = 16
const VOLUME_AT = 17
const CATALOG_AT = 25
const COMMIT_AT = 41
const CRC_AT = 49
const HEADER_BYTES = 53

export interface VolumeHeader {
  readonly sealed: boolean
  /** 16 hex digits. */
  readonly volume: string
  /** 32 hex digits. */
  readonly catalog: string
  /** The catalog's commit number when the header was written. */
  readonly commitNumber: number
}

/** The header as the value of record `number`. */
export function encodeHeader(header: VolumeHeader, number: number): Buffer {
  const value = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(value)
  value[STATE_AT] = header.sealed ? SEALED : BEGUN
  value.write(header.volume, VOLUME_AT, 'hex')
  value.write(header.catalog, CATALOG_AT, 'hex')
  writeUint64(value, header.commitNumber, COMMIT_AT)
  value.writeUInt32BE(sumOf(value, number), CRC_AT)
  return value
}

/** Reads record `number` as a header; undefined where it is none, or a damaged one. */
export function decodeHeader(value: Buffer, number: number): VolumeHeader | undefined {
  if (value.length !== HEADER_BYTES || !value.subarray(0, STATE_AT).equals(MAGIC)) return undefined
  if (value.readUInt32BE(CRC_AT) !== sumOf(value, number)) return undefined
  const state = value[STATE_AT]
  if (state !== BEGUN && state !== SEALED) return undefined
  return {
    sealed: state === SEALED,
    volume: value.toString('hex', VOLUME_AT, CATALOG_AT),
    catalog: value.toString('hex', CATALOG_AT, COMMIT_AT),
    commitNumber: readUint64(value, COMMIT_AT),
  }
}

/** As `decodeHeader`, for a volume at `location`. Throws FormatNewer where a later release has written
 * it, FormatUnreleased for version 1. */
export function readHeader(
  value: Buffer,
  number: number,
  location: string,
): VolumeHeader | undefined {
  requireStored(location, 'the volume', headerVersion(value) ?? STORED_VERSION)
  return decodeHeader(value, number)
}

/** The format version of a header; undefined where `value` is no header. The checksum is not verified, because
 * a later version may have moved it. */
export const headerVersion = (value: Buffer) => versionOfMagic(value, 'volume')

function sumOf(value: Buffer, number: number): number {
  return crc32(value.subarray(0, CRC_AT), crc32(recordKey(number)))
}
