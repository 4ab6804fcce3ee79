// A disk as it may look after a power cut. The shim (disk-shim.ts) has recorded every change of a directory.
// This file replays the record up to a place in it, and separates what was synced by then from what was not. A
// random part of the unsynced changes reaches the disk. Of a file's writes these are all, none, the first ones
// with a torn last one, any of them with holes between, or any of their pages. Of a directory's changes of names they are the first
// ones in order: LevelDB relies on that order (it renames CURRENT without a sync), and journaling filesystems
// keep it. An fsync of a file makes its bytes durable, but its name only after an fsync of the directory
// (POSIX).
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Random } from './random.ts'

/** `enum` in disk-shim.c. */
const OPS = [
  '',
  'create',
  'write',
  'truncate',
  'sync',
  'syncDirectory',
  'rename',
  'unlink',
  'mkdir',
  'rmdir',
] as const

const HEAD_BYTES = 29
const PAGE_BYTES = 4096

interface Change {
  readonly op: (typeof OPS)[number]
  readonly inode: string
  readonly offset: number
  readonly path: string
  readonly other: string
  readonly data: Buffer
}

type Write = { readonly offset: number; readonly data: Buffer } | { readonly length: number }

class RecordedFile {
  readonly #durable = new Bytes()
  pending: Write[] = []

  sync(): void {
    this.#durable.apply(this.pending)
    this.pending = []
  }

  /** The file with a part of the unsynced writes. */
  cut(random: Random): Buffer {
    if (this.pending.length === 0) return this.#durable.view()
    const writes = random.pick([
      () => [],
      () => this.pending,
      () => torn(this.pending, random),
      () => this.pending.filter(() => random.integer(2) === 0),
      () => this.pending.flatMap(pagesOf).filter(() => random.integer(2) === 0),
    ])()
    const copy = new Bytes(this.#durable.view())
    copy.apply(writes)
    return copy.view()
  }
}

type Node = RecordedFile | RecordedDirectory
/** A change of names. A null removes the name. */
type Naming = readonly (readonly [name: string, node: Node | null])[]

class RecordedDirectory {
  readonly live = new Map<string, Node>()
  readonly durable = new Map<string, Node>()
  pending: Naming[] = []

  change(naming: Naming): void {
    name(this.live, naming)
    this.pending.push(naming)
  }

  sync(): void {
    for (const naming of this.pending) name(this.durable, naming)
    this.pending = []
  }

  /** The names, with the first ones of the unsynced changes. */
  cut(random: Random): Map<string, Node> {
    const names = new Map(this.durable)
    const all = this.pending.length
    const kept = random.pick([0, all, random.integer(all + 1)])
    for (const naming of this.pending.slice(0, kept)) name(names, naming)
    return names
  }
}

export class RecordedDisk {
  readonly #root: string
  readonly #top = new RecordedDirectory()
  readonly #files = new Map<string, RecordedFile>()
  readonly #log: Buffer
  #at = 0

  /** `log`: the shim's record of changes below `root`, which was empty and durable before. */
  constructor(root: string, log: Buffer) {
    this.#root = root
    this.#log = log
  }

  /** Replays the changes that end at or before that place in the record. */
  advance(end: number): void {
    for (;;) {
      const next = this.#changeAt(this.#at)
      if (next === undefined || next.end > end) return
      this.#apply(next.change)
      this.#at = next.end
    }
  }

  /** Writes the disk as a power cut may leave it at this place to an empty directory. */
  writeCut(directory: string, random: Random): void {
    this.#write(this.#top, directory, random)
  }

  #write(from: RecordedDirectory, directory: string, random: Random): void {
    mkdirSync(directory, { recursive: true })
    for (const [name, node] of from.cut(random)) {
      const path = join(directory, name)
      if (node instanceof RecordedDirectory) this.#write(node, path, random)
      else writeFileSync(path, node.cut(random), { mode: 0o600 })
    }
  }

  #changeAt(at: number): { change: Change; end: number } | undefined {
    const log = this.#log
    if (at + HEAD_BYTES > log.length) return undefined
    const [path, other, data] = [17, 21, 25].map((place) => log.readUInt32LE(at + place))
    const pathAt = at + HEAD_BYTES
    const otherAt = pathAt + path!
    const dataAt = otherAt + other!
    const end = dataAt + data!
    if (end > log.length) return undefined
    const change = {
      op: OPS[log[at]!]!,
      inode: String(log.readBigUInt64LE(at + 1)),
      offset: Number(log.readBigUInt64LE(at + 9)),
      path: log.toString('utf8', pathAt, otherAt),
      other: log.toString('utf8', otherAt, dataAt),
      data: log.subarray(dataAt, end),
    }
    return { change, end }
  }

  #apply({ op, inode, offset, path, other, data }: Change): void {
    if (op === 'create') {
      const file = new RecordedFile()
      // The inode number of a deleted file is used again.
      this.#files.set(inode, file)
      this.#directoryOf(path).change([[nameOf(path), file]])
    } else if (op === 'write') this.#files.get(inode)!.pending.push({ offset, data })
    else if (op === 'truncate') this.#files.get(inode)!.pending.push({ length: offset })
    else if (op === 'sync') this.#files.get(inode)!.sync()
    else if (op === 'syncDirectory') this.#directoryAt(path).sync()
    else if (op === 'mkdir')
      this.#directoryOf(path).change([[nameOf(path), new RecordedDirectory()]])
    else if (op === 'rename') this.#rename(path, other)
    else this.#directoryOf(path).change([[nameOf(path), null]])
  }

  #rename(path: string, other: string): void {
    const from = this.#directoryOf(path)
    const to = this.#directoryOf(other)
    const node = from.live.get(nameOf(path))
    // A name without a file is the node's socket.
    if (node === undefined) return
    if (from === to) {
      from.change([
        [nameOf(path), null],
        [nameOf(other), node],
      ])
    } else {
      to.change([[nameOf(other), node]])
      from.change([[nameOf(path), null]])
    }
  }

  #directoryOf(path: string): RecordedDirectory {
    return this.#directoryAt(dirname(path))
  }

  #directoryAt(path: string): RecordedDirectory {
    let directory = this.#top
    for (const name of relative(this.#root, path).split('/')) {
      if (name === '') continue
      const next = directory.live.get(name)
      if (!(next instanceof RecordedDirectory)) throw new Error(`${path} is no directory`)
      directory = next
    }
    return directory
  }
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

function name(names: Map<string, Node>, naming: Naming): void {
  for (const [key, node] of naming) {
    if (node === null) names.delete(key)
    else names.set(key, node)
  }
}

/** The first writes, of which the last may be cut anywhere. */
function torn(writes: readonly Write[], random: Random): Write[] {
  const kept = writes.slice(0, random.integer(writes.length + 1))
  const last = kept.at(-1)
  if (last !== undefined && 'data' in last) {
    kept[kept.length - 1] = {
      ...last,
      data: last.data.subarray(0, random.integer(last.data.length)),
    }
  }
  return kept
}

/** A write page by page, in which a disk may take it: with O_DIRECT no page waits for another. */
function pagesOf(write: Write): Write[] {
  if (!('data' in write)) return [write]
  const { offset, data } = write
  const pages: Write[] = []
  for (let at = 0; at < data.length; ) {
    const next = Math.min(data.length, at + PAGE_BYTES - ((offset + at) % PAGE_BYTES))
    pages.push({ offset: offset + at, data: data.subarray(at, next) })
    at = next
  }
  return pages
}

/** A file's bytes, which grow in place. */
class Bytes {
  #buffer: Buffer
  #size: number

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.#buffer = Buffer.from(content)
    this.#size = content.length
  }

  view(): Buffer {
    return this.#buffer.subarray(0, this.#size)
  }

  /** Bytes before a write that no write has set are zeros. */
  apply(writes: readonly Write[]): void {
    for (const write of writes) {
      const end = 'length' in write ? write.length : write.offset + write.data.length
      if (end > this.#buffer.length) this.#grow(end)
      if ('length' in write) {
        this.#buffer.fill(0, end)
        this.#size = end
      } else {
        write.data.copy(this.#buffer, write.offset)
        this.#size = Math.max(this.#size, end)
      }
    }
  }

  #grow(size: number): void {
    const buffer = Buffer.alloc(2 * size)
    this.#buffer.copy(buffer)
    this.#buffer = buffer
  }
}
