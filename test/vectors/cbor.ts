// Writes CBOR (RFC 8949) in whatever form a vector is about, sound or not. Nothing of lib/ is used.

/** Bytes that stand in a row as they are. */
export class Raw {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}

const head = (major: number, argument: number): Buffer => {
  if (argument < 24) return Buffer.of((major << 5) | argument)
  const width = argument < 256 ? 0 : argument < 65536 ? 1 : argument < 2 ** 32 ? 2 : 3
  return Buffer.concat([Buffer.of((major << 5) | (24 + width)), wide(argument, 1 << width)])
}

function wide(value: number, bytes: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigUInt64BE(BigInt(value))
  return out.subarray(8 - bytes)
}

/** An integer in the 8 bytes that any integer may take. */
export const inInt64 = (value: number) => new Raw(Buffer.concat([Buffer.of(27), wide(value, 8)]))

/** A number as a floating-point number of 64 bits. */
export function inFloat64(value: number): Raw {
  const bytes = Buffer.alloc(9, 0xfb)
  bytes.writeDoubleBE(value, 1)
  return new Raw(bytes)
}

/** A number as a floating-point number of 32 bits. */
export function inFloat32(value: number): Raw {
  const bytes = Buffer.alloc(5, 0xfa)
  bytes.writeFloatBE(value, 1)
  return new Raw(bytes)
}

/** A value; numbers are integers in their shortest form. */
export function encode(value: unknown): Buffer {
  if (value instanceof Raw) return value.bytes
  if (value === null) return Buffer.of(0xf6)
  if (value === undefined) return Buffer.of(0xf7)
  if (typeof value === 'number') return head(0, value)
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  if (typeof value === 'string') {
    const text = Buffer.from(value)
    return Buffer.concat([head(3, text.length), text])
  }
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encode)])
  const fields = Object.entries(value as object)
  const pairs = fields.flatMap(([name, field]) => [encode(name), encode(field)])
  return Buffer.concat([head(5, fields.length), ...pairs])
}
