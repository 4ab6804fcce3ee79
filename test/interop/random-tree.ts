// A large tree of files for the long run: sizes from nothing to hundreds of megabytes, random bytes, names
// with blanks, other scripts and deep paths. The same seed makes the same tree.
import { createCipheriv, createHash, hash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Random } from '../helpers/random.ts'

export interface TreeFile {
  readonly name: string
  readonly size: number
  /** SHA-256, hex. */
  readonly digest: string
}

export interface TreeShape {
  readonly files: number
  readonly bytes: number
  /** One file has this size, no other has more. */
  readonly largestBytes: number
}

const PIECE = Buffer.alloc(1 << 20)
/** Around what is kept in its row, a record, and a part of AWS's tools. */
const edges = [
  0,
  0,
  1,
  8191,
  8192,
  8193,
  65535,
  65536,
  65537,
  (8 << 20) - 1,
  8 << 20,
  (8 << 20) + 1,
]
const words = [
  'report 2026',
  'a+b & c',
  'Überblick',
  'данные',
  '写真',
  'x',
  "it's",
  '100% done',
  'e\u0301te\u0301',
  'plain-name',
  '🗝',
  'semi;colon,comma=equals',
]
const endings = ['.bin', '.txt', ' (copy).dat', '', '.tar.gz', '#1', '?v=2']

/** Sizes that add up to `bytes`: the edges, one largest, many small ones, and what is left in large ones. */
function sizesOf({ files, bytes, largestBytes }: TreeShape, random: Random): number[] {
  const sizes = [largestBytes, ...edges.filter((size) => size < largestBytes)]
  let left = bytes - sizes.reduce((sum, size) => sum + size, 0)
  const large = Math.ceil(files / 50)
  while (sizes.length < files - large) {
    const size = Math.floor(2 ** (random.integer(17_000) / 1000))
    sizes.push(size)
    left -= size
  }
  for (let rest = large; rest > 0; rest--) {
    const size = Math.max(0, Math.min(largestBytes, Math.ceil(left / rest)))
    // Not all alike, and the next ones make up for it.
    const varied = rest === 1 ? size : Math.floor(size * (0.5 + random.integer(1000) / 1000))
    sizes.push(Math.min(largestBytes, varied))
    left -= sizes.at(-1)!
  }
  return sizes
}

/** Writes the tree below `root` and gives its files in the order of their names. */
export async function makeTree(
  root: string,
  shape: TreeShape,
  random: Random,
): Promise<TreeFile[]> {
  const files: TreeFile[] = []
  for (const [i, size] of sizesOf(shape, random).entries()) {
    const depth = random.integer(i % 20 === 0 ? 15 : 4)
    const directories = Array.from({ length: depth }, () => random.pick(words))
    const name = [...directories, `${random.pick(words)} ${i}${random.pick(endings)}`].join('/')
    const file = join(root, name)
    mkdirSync(dirname(file), { recursive: true })
    files.push({ name, size, digest: await writeRandom(file, size, `${random.seed} ${name}`) })
  }
  return files.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

async function writeRandom(file: string, size: number, seed: string): Promise<string> {
  const stream = createCipheriv('aes-256-ctr', hash('sha256', seed, 'buffer'), Buffer.alloc(16))
  const digest = createHash('sha256')
  if (size <= PIECE.length) {
    const bytes = stream.update(PIECE.subarray(0, size))
    writeFileSync(file, bytes)
    return digest.update(bytes).digest('hex')
  }
  const out = createWriteStream(file)
  for (let left = size; left > 0; left -= PIECE.length) {
    const piece = stream.update(PIECE.subarray(0, Math.min(left, PIECE.length)))
    digest.update(piece)
    if (!out.write(piece)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
  return digest.digest('hex')
}

/** SHA-256 of a file, hex. */
export async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: PIECE.length }), digest)
  return digest.digest('hex')
}
