// Reads the JSON of a new manifest, within bounds that hold before it is parsed: bytes, depth and number of values.
// Swift: swift/common/middleware/slo.py, parse_and_validate_input.
import { release } from '../../lib/bytes/release.ts'
import type { Source } from '../../lib/bytes/source.ts'
import { MANIFEST_ENTRIES_MAX } from '../../lib/service/manifest-list.ts'
import { spend } from '../../lib/turns.ts'
import { MANIFEST_BYTES_MAX } from './limits.ts'
import { SwiftError } from './swift-error.ts'

/** Arrays and objects within one another. A manifest has two, and what has more is refused with its place. */
const DEPTH_MAX = 8
/** Commas and colons in the document. Those of 1,000 entries that name objects and 9,000 with data are 26,000. */
const VALUES_MAX = 4 * MANIFEST_ENTRIES_MAX
/** Bytes that are looked at between two counts of a turn's steps, and the steps that they count. */
const SLICE_BYTES = 64 << 10
const SLICE_STEPS = 25

const tooLarge = () => new SwiftError(413, `Manifest File > ${MANIFEST_BYTES_MAX} bytes`)
const malformed = () => new SwiftError(400, 'Manifest must be valid JSON.\n')

/** Throws SwiftError 413 for a body that is announced to be too long. */
export function requireManifestLength(length: number | undefined): void {
  if ((length ?? 0) > MANIFEST_BYTES_MAX) throw tooLarge()
}

/** All of the body. Throws SwiftError 413 for one that turns out to be too long, and what the source throws. */
async function readAll(source: Source): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
    size += piece.length
    if (size > MANIFEST_BYTES_MAX) throw tooLarge()
    pieces.push(piece)
  }
  const bytes = Buffer.concat(pieces)
  for (const piece of pieces) release(piece)
  return bytes
}

/** Counts the structure of a JSON text outside of its strings, piece by piece. */
class Structure {
  depth = 0
  deepest = 0
  values = 1
  #inString = false
  #isEscaped = false

  add(bytes: Buffer): void {
    for (let i = 0; i < bytes.length; i++) {
      if (this.#inString) i = this.#skipString(bytes, i)
      else this.#count(bytes[i]!)
    }
  }

  #count(byte: number): void {
    if (byte === 0x22) this.#inString = true
    else if (byte === 0x5b || byte === 0x7b) this.deepest = Math.max(this.deepest, ++this.depth)
    else if (byte === 0x5d || byte === 0x7d) this.depth--
    else if (byte === 0x2c || byte === 0x3a) this.values++
  }

  /** The index of the string's end, or the last of the piece. */
  #skipString(bytes: Buffer, from: number): number {
    for (let i = from; i < bytes.length; i++) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (bytes[i] === 0x5c) this.#isEscaped = true
      else if (bytes[i] === 0x22) {
        this.#inString = false
        return i
      }
    }
    return bytes.length
  }
}

/** Throws SwiftError for a text that would cost more to parse than a manifest may. */
async function requireBounded(bytes: Buffer): Promise<void> {
  const structure = new Structure()
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    structure.add(bytes.subarray(at, at + SLICE_BYTES))
    if (structure.deepest > DEPTH_MAX) throw new SwiftError(400, 'Manifest is nested too deeply.\n')
    if (structure.values > VALUES_MAX) {
      throw new SwiftError(413, `Manifest has more than ${VALUES_MAX} commas and colons`)
    }
    const turn = spend(SLICE_STEPS)
    if (turn !== undefined) await turn
  }
}

/** The items of the list in the body. Throws SwiftError 400 for what is no JSON, or no list, and 413 beyond the bounds. */
export async function readManifestItems(source: Source): Promise<unknown[]> {
  const bytes = await readAll(source)
  await requireBounded(bytes)
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw malformed()
  }
  if (!Array.isArray(parsed)) throw new SwiftError(400, 'Manifest must be a list.\n')
  if (parsed.length > MANIFEST_ENTRIES_MAX) {
    throw new SwiftError(413, `Number of segments must be <= ${MANIFEST_ENTRIES_MAX}`)
  }
  return parsed
}
