// Decodes the CBOR of rows (RFC 8949), and no more of it than docs/format.md §5 permits: definite lengths, no tags,
// text keys, integers in any form. Whatever else a decoder of CBOR would take is damage here.

/** Nesting of a sound row is a few levels. */
const DEPTH_MAX = 16

/** Bytes that are no row. The message completes a sentence about the row. */
export class Malformed extends Error {}

/** The value that `bytes` are, all of them. Undefined counts as null. Throws Malformed. */
export function decodeCbor(bytes: Buffer): unknown {
  const reader = new Reader(bytes)
  const value = reader.value(0)
  if (reader.at !== bytes.length) throw new Malformed('has bytes behind its end')
  return value
}

class Reader {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  value(depth: number): unknown {
    if (depth > DEPTH_MAX) throw new Malformed('is nested too deep')
    const head = this.#take(1)[0]!
    const major = head >> 5
    const info = head & 31
    if (major === 7) return this.#simple(info)
    const argument = this.#argument(info)
    switch (major) {
      case 0:
        return argument
      case 1:
        return integer(-1 - argument)
      case 2:
        return Buffer.from(this.#take(argument))
      case 3:
        return this.#text(argument)
      case 4:
        return this.#items(argument, depth)
      case 5:
        return this.#map(argument, depth)
      default:
        throw new Malformed('has a tag')
    }
  }

  #take(length: number): Buffer {
    // A length beyond the end takes no memory.
    if (length > this.#bytes.length - this.at) throw new Malformed('ends too early')
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  #argument(info: number): number {
    if (info < 24) return info
    if (info > 27) throw new Malformed('has an indefinite length')
    const bytes = 1 << (info - 24)
    const taken = this.#take(bytes)
    return integer(bytes === 8 ? Number(taken.readBigUInt64BE()) : taken.readUIntBE(0, bytes))
  }

  #simple(info: number): unknown {
    if (info === 20 || info === 21) return info === 21
    if (info === 22 || info === 23) return null
    if (info === 25) return integer(halfOf(this.#take(2).readUInt16BE()))
    if (info === 26) return integer(this.#take(4).readFloatBE())
    if (info === 27) return integer(this.#take(8).readDoubleBE())
    throw new Malformed('has a value that rows do not have')
  }

  #text(length: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#take(length))
    } catch (error) {
      if (error instanceof Malformed) throw error
      throw new Malformed('has a text that is no UTF-8')
    }
  }

  #items(count: number, depth: number): unknown[] {
    const items: unknown[] = []
    for (let i = 0; i < count; i++) items.push(this.value(depth + 1))
    return items
  }

  #map(count: number, depth: number): Record<string, unknown> {
    const fields = new Map<string, unknown>()
    for (let i = 0; i < count; i++) {
      const name = this.value(depth + 1)
      if (typeof name !== 'string') throw new Malformed('has a map with a name that is no text')
      if (fields.has(name)) throw new Malformed('has a map with a name twice')
      fields.set(name, this.value(depth + 1))
    }
    return Object.fromEntries(fields)
  }
}

/** An integer, which may have been written as a floating-point number. */
function integer(value: number): number {
  if (!Number.isSafeInteger(value)) throw new Malformed('has a number beyond its range')
  return value === 0 ? 0 : value
}

/** A floating-point number of 16 bits (RFC 8949, appendix D). */
function halfOf(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const sign = bits & 0x8000 ? -1 : 1
  if (exponent === 31) return Number.NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}
