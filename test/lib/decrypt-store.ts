// A store made by hand for the decrypt program: rows, volumes and sealed bytes as docs/format.md lays them
// out, kept in maps until they are written, so that a test can damage any of them first.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { Encoder } from 'cbor-x'
import { ClassicLevel } from 'classic-level'
import { main } from '../../bin/decrypt.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import * as rows from '../../lib/catalog/rows.ts'
import type { Cipher, Keyring } from '../../lib/crypto/cipher.ts'
import { SHAPE_ONE_PIECE, SHAPE_PARTS } from '../../lib/crypto/envelope.ts'
import { deriveBlobKey, deriveCompletionKeys, randomBodyKey } from '../../lib/crypto/keys.ts'
import { PageDigests, sealList } from '../../lib/crypto/part-list.ts'
import { rowMacs } from '../../lib/crypto/row-mac.ts'
import { Sealer, sealSmall } from '../../lib/crypto/seal.ts'
import { randomId } from '../../lib/names.ts'

const cbor = new Encoder({ useRecords: false })

/** The root key k1 of the keyring under which a store's rows are. */
export const rootKey = Buffer.alloc(32, 0x5a)
export const ring: Keyring = { active: 'k1', key: (id) => (id === 'k1' ? rootKey : undefined) }

export function be64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function be32(value: number): Buffer {
  return be64(value).subarray(4)
}

/** A plain row as the catalog stores it. */
function framedRow(key: string, payload: Buffer): Buffer {
  const framed = Buffer.concat([Buffer.of(1), Buffer.alloc(16, 0xcc), payload])
  return withCrc(Buffer.from(key), framed)
}

function withCrc(before: Buffer, bytes: Buffer): Buffer {
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(bytes, crc32(before)))
  return Buffer.concat([bytes, crc])
}

/** Runs the program on a data directory, in this process and silently; gives its exit code. */
export async function exitOn(data: string, out: string, args: readonly string[]): Promise<number> {
  const { write } = process.stderr
  process.stderr.write = (() => true) as typeof write
  try {
    return await main(['--data', data, '--out', out, ...args])
  } finally {
    process.stderr.write = write
  }
}

function leb128(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

/** Runs of numbers as a locator piece. */
export function locatorOf(numbers: readonly number[]): Buffer {
  const out: Buffer[] = []
  let end = 0
  for (let at = 0; at < numbers.length; ) {
    let length = 1
    while (numbers[at + length] === numbers[at]! + length) length++
    out.push(leb128(numbers[at]! - end), leb128(length))
    end = numbers[at]! + length
    at += length
  }
  return Buffer.concat(out)
}

interface ObjectSpec {
  readonly account?: string
  readonly container?: string
  readonly object: string
  readonly versionId?: string
  readonly cipher: Cipher
  /** Bytes of each part, in order. */
  readonly parts: readonly Buffer[]
  /** Numbers of the parts of an upload; absent for a plain body. */
  readonly numbers?: readonly number[]
  readonly inline?: boolean
  readonly volume?: string
  readonly md5?: Buffer
  /** What the wrap says of the size; the truth unless given. */
  readonly size?: number | null
  readonly hidden?: boolean
}

export class HandStore {
  readonly catalogId = randomId()
  /** Signs under the root key k1 of `ring`. */
  readonly macs = rowMacs(ring, this.catalogId)
  /** Payloads of plain rows by key. */
  readonly catalog = new Map<string, Buffer>()
  /** Values by record number, by volume. */
  readonly volumes = new Map<string, Map<number, Buffer>>()
  /** Highest number of each volume so far. */
  readonly #last = new Map<string, number>()

  constructor() {
    this.catalog.set('meta', cbor.encode([2, this.catalogId, 7]))
  }

  volume(id: string): Map<number, Buffer> {
    let volume = this.volumes.get(id)
    if (volume === undefined) {
      volume = new Map([[0, this.header(id, 1)]])
      this.volumes.set(id, volume)
      this.#last.set(id, 0)
    }
    return volume
  }

  header(id: string, state: number, catalogId = this.catalogId): Buffer {
    const fields = [Buffer.from('coffer/v2 volume'), Buffer.of(state), Buffer.from(id, 'hex')]
    const rest = [Buffer.from(catalogId, 'hex'), be64(7)]
    return withCrc(be64(0), Buffer.concat([...fields, ...rest]))
  }

  /** Adds a version of an object, made its current one (or none, where hidden). Gives its id. */
  async add(spec: ObjectSpec): Promise<string> {
    const { account = 'test', container = 'photos', object, cipher, parts } = spec
    const versionId = spec.versionId ?? randomId()
    const body = randomId()
    const bodyKey = randomBodyKey()
    const total = parts.reduce((sum, { length }) => sum + length, 0)
    const size = spec.size === undefined ? total : spec.size
    const shape = spec.numbers === undefined ? SHAPE_ONE_PIECE : SHAPE_PARTS
    const secret = { bodyKey, size, md5: spec.md5 ?? null, shape } as const
    const envelope = cipher.wrap({ versionId, account, container, object }, secret)
    const version: rows.VersionRow = {
      timeMicros: 1_700_000_000_000_000,
      size: total,
      etag: spec.md5?.toString('hex') ?? randomId(),
      body,
      parts: spec.numbers?.length ?? 0,
      envelope,
      headers: { type: 'image/jpeg' },
      metadata: {},
      checksum: null,
      rights: { writer: 'test:tester' },
      deleteAtSeconds: null,
    }
    const versionKey = rowKeys.version(account, container, object, versionId)
    this.catalog.set(versionKey, rows.versionRow.encode(versionKey, version, this.macs))
    const key = spec.hidden ? rowKeys.hidden : rowKeys.object
    const current = spec.hidden ? null : versionId
    const row = { current, nullVersion: versionId, summary: null }
    this.catalog.set(key(account, container, object), rows.objectRow.encode(row))
    const pages = new PageDigests()
    for (const [i, plain] of parts.entries()) {
      pages.add(await this.#addSegment(body, bodyKey, spec.numbers?.[i] ?? 1, plain, spec))
    }
    if (spec.numbers !== undefined) {
      const layout = spec.numbers.map((first, i) => ({ first, count: 1, size: parts[i]!.length }))
      const list = { parts: parts.length, size: total, layout, pages: pages.finish() }
      const { completionKey } = deriveCompletionKeys(bodyKey, body)
      const sealed = { ...list, seal: sealList(completionKey, list) }
      this.catalog.set(rowKeys.layout(body), rows.layoutRow.encode(sealed))
    }
    return versionId
  }

  async #addSegment(body: string, bodyKey: Buffer, part: number, plain: Buffer, spec: ObjectSpec) {
    const blob = randomId()
    const key = deriveBlobKey(bodyKey, blob, part)
    const segment = { blob, size: plain.length, storedBytes: 0, part: null }
    let row: rows.SegmentRow
    if (spec.inline) {
      const inline = sealSmall(key, plain)
      row = { ...segment, records: 1, inline, volume: null }
    } else {
      const volume = spec.volume ?? '00000000000000aa'
      const numbers = await this.#store(volume, blob, key, plain)
      for (let piece = 0; piece * 4096 < numbers.length; piece++) {
        const locator = locatorOf(numbers.slice(piece * 4096, (piece + 1) * 4096))
        this.catalog.set(rowKeys.blob(blob, piece), locator)
      }
      row = { ...segment, records: numbers.length, inline: null, volume }
    }
    this.catalog.set(rowKeys.segment(body, part), rows.segmentRow.encode(row))
    return blob
  }

  /** Seals into a volume; leaves a gap behind each third record, as other streams do. */
  async #store(volumeId: string, blob: string, key: Buffer, plain: Buffer): Promise<number[]> {
    const volume = this.volume(volumeId)
    const numbers: number[] = []
    const sealer = new Sealer(key, {
      write: (slab, length) => {
        const gap = numbers.length % 3 === 2 ? 200 : 1
        const number = this.#last.get(volumeId)! + gap
        this.#last.set(volumeId, number)
        const head = [be64(number), Buffer.from(blob, 'hex'), be64(numbers.length)]
        volume.set(number, withCrc(Buffer.concat(head), slab.subarray(0, length)))
        numbers.push(number)
        return undefined
      },
    })
    if (plain.length > 0) sealer.write(plain)
    await sealer.finish()
    return numbers
  }

  /** Writes the databases below `data`. `generation` is that of every volume. */
  async write(data: string, options: { device?: string; generation?: number } = {}): Promise<void> {
    const { device = join(data, 'volumes'), generation = 1 } = options
    mkdirSync(device, { recursive: true })
    const catalog = new ClassicLevel<string, Buffer>(join(data, 'catalog'), {
      valueEncoding: 'buffer',
      compression: false,
    })
    for (const [key, payload] of this.catalog) await catalog.put(key, framedRow(key, payload))
    await catalog.close()
    for (const [id, records] of this.volumes) {
      const volume = new ClassicLevel<Buffer, Buffer>(join(device, `${id}.g${generation}`), {
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
        compression: false,
      })
      for (const [number, value] of records) await volume.put(be64(number), value)
      await volume.close()
    }
  }

  /** Writes the catalog's log to a table. */
  async compact(data: string): Promise<void> {
    const catalog = new ClassicLevel<string, Buffer>(join(data, 'catalog'), { compression: false })
    await catalog.compactRange('', '~')
    await catalog.close()
  }

  /** Writes the catalog as a backup. */
  writeBackup(path: string): void {
    const fields = cbor.encode([2, this.catalogId, 7, 1_700_000_000_000_000])
    const parts = [Buffer.from('coffer/v2 backup'), be32(fields.length), fields]
    const keys = [...this.catalog.keys()]
      .filter((key) => key !== 'meta')
      .map((key) => Buffer.from(key))
    for (const key of keys.sort(Buffer.compare)) {
      const row = framedRow(key.toString(), this.catalog.get(key.toString())!)
      parts.push(be32(key.length), key, be32(row.length), row)
    }
    const all = Buffer.concat([...parts, be32(0), be64(keys.length)])
    writeFileSync(path, Buffer.concat([all, createHash('sha256').update(all).digest()]))
  }
}
