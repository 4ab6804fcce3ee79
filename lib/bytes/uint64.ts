// Safe integers as 8 bytes, big-endian, without a BigInt for each: records and lists of parts have many.

const TWO_32 = 2 ** 32

/** Writes 8 bytes big-endian; `value` is a safe integer. */
export function writeUint64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32BE(Math.floor(value / TWO_32), offset)
  target.writeUInt32BE(value % TWO_32, offset + 4)
}

/** Reads 8 bytes big-endian. Exact up to 2⁵³. */
export function readUint64(source: Buffer, offset: number): number {
  return source.readUInt32BE(offset) * TWO_32 + source.readUInt32BE(offset + 4)
}
