// The CRC of two pieces put together, from the CRC of each and the length of the second. It gives the full
// checksum of a multipart object from those of its parts, without reading a byte. CRC(A‖B) = CRC(A)·x^(8·|B|) +
// CRC(B) modulo the polynomial. Initial and final values of all ones, as these CRCs have, cancel out.

export type CrcName = 'crc32' | 'crc32c' | 'crc64nvme'

interface Field {
  readonly width: bigint
  /** Reflected: the highest bit is the coefficient of x⁰. */
  readonly polynomial: bigint
}

const fields: Readonly<Record<CrcName, Field>> = {
  crc32: { width: 32n, polynomial: 0xedb88320n },
  crc32c: { width: 32n, polynomial: 0x82f63b78n },
  crc64nvme: { width: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
}

/** a·b modulo the polynomial, coefficients reflected. */
function multiply({ width, polynomial }: Field, a: bigint, b: bigint): bigint {
  let product = 0n
  let shifted = b
  for (let mask = 1n << (width - 1n); mask > 0n; mask >>= 1n) {
    if ((a & mask) !== 0n) product ^= shifted
    shifted = (shifted & 1n) === 0n ? shifted >> 1n : (shifted >> 1n) ^ polynomial
  }
  return product
}

// x^(8·2ᵏ) for k = 0, 1, … as far as lengths needed them. The last power is kept too, because parts mostly have
// one size, and an upload may have 10,000 of them.
const squares = new Map<CrcName, bigint[]>()
const last = new Map<CrcName, { length: number; power: bigint }>()

/** x^(8·length) modulo the polynomial. */
function power(name: CrcName, length: number): bigint {
  const known = last.get(name)
  if (known !== undefined && known.length === length) return known.power
  const field = fields[name]
  const table = squares.get(name) ?? [1n << (field.width - 9n)]
  squares.set(name, table)
  let product = 1n << (field.width - 1n)
  let rest = BigInt(length)
  for (let k = 0; rest > 0n; k++, rest >>= 1n) {
    if (k === table.length) table.push(multiply(field, table[k - 1]!, table[k - 1]!))
    if ((rest & 1n) === 1n) product = multiply(field, table[k]!, product)
  }
  last.set(name, { length, power: product })
  return product
}

const toBigInt = (crc: Buffer) => BigInt(`0x${crc.toString('hex')}`)

/** CRC of A‖B, from the CRCs (big-endian bytes) of A and B and B's length in bytes. */
export function combineCrc(name: CrcName, crcA: Buffer, crcB: Buffer, lengthB: number): Buffer {
  const field = fields[name]
  const combined = multiply(field, power(name, lengthB), toBigInt(crcA)) ^ toBigInt(crcB)
  return Buffer.from(combined.toString(16).padStart(Number(field.width) / 4, '0'), 'hex')
}
