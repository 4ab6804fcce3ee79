// Makes the rows of one object, so that a vector can break any of them: written from docs/format.md §4 and §5, and nothing
// of lib/ is used.
import { createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { encode } from './cbor.ts'
import { signRow } from './macs.ts'
import { be, blobKey, contextOf, expandKey, gcm, sealBlob, seeded } from './make.ts'
import { plainOf } from './vector.ts'

export const ACCOUNT = 'test'
export const CONTAINER = 'vectors'
/** The keys that readers are given: one under each kind. */
export const CUSTOMER_KEY = seeded('objects customer key', 32)
export const ROOT_KEY = seeded('objects root key', 32)
export const ROOT_KEY_ID = 'k1'
/** The catalog that the MACs of rows are bound to. */
export const CATALOG_ID = seeded('objects catalog', 16).toString('hex')

export interface Run {
  first: number
  count: number
  size: number
}

/** Fields of rows, which a vector may change into anything. */
type Fields = Record<string, unknown>

interface Segment extends Fields {
  blob: string
  size: number
  inline: Buffer | null
}

export interface ObjectRows {
  readonly name: string
  readonly bodyKey: Buffer
  readonly body: string
  version: Fields & { envelope: unknown; parts: unknown }
  /** By number. */
  readonly segments: Map<number, Segment>
  layout: { layout: Run[]; seal: unknown; pages: unknown } | undefined
  /** What stands behind the fields of each row: `more`, and where a vector says so something else. */
  readonly ends: { version: unknown[]; segment: unknown[]; layout: unknown[] }
  /** Changes the payload of a row, or its framed bytes, before they are written. */
  payload?: (key: string, payload: Buffer) => Buffer
  framed?: (key: string, value: Buffer) => Buffer
}

export interface ObjectRecipe {
  readonly kind?: 1 | 2
  /** Number and size of each part; absent for one piece of `size` bytes. */
  readonly parts?: readonly (readonly [number: number, size: number])[]
  readonly size?: number
  readonly isSizeUnknown?: boolean
  readonly md5?: boolean
  readonly checksum?: 'crc32' | 'sha256'
  /** MD5 and checksum are those of another content. */
  readonly isContentOther?: boolean
}

const PAGE_PARTS = 250

export const plainOfObject = (name: string, size: number) =>
  plainOf(seeded(`${name} plain`, 1)[0]!, size)

const hex = (label: string, bytes: number) => seeded(label, bytes).toString('hex')

const field = (bytes: Buffer) => Buffer.concat([be(bytes.length, 4), bytes])

const derive = (bodyKey: Buffer, label: string, body: string) =>
  createHmac('sha256', bodyKey)
    .update(Buffer.concat([Buffer.from(`coffer/v2 ${label}`), Buffer.from(body, 'hex')]))
    .digest()

export const completionKeyOf = (bodyKey: Buffer, body: string) =>
  derive(bodyKey, 'completion', body)
export const checksumKeyOf = (bodyKey: Buffer, body: string) => derive(bodyKey, 'checksum', body)

/** A sealed checksum. */
export function sealedChecksum(
  bodyKey: Buffer,
  body: string,
  about: { part: number; id: string; algorithm: string; type: string },
  text: string,
): Buffer {
  const fields = [be(about.part, 4), Buffer.from(about.id, 'hex')]
  const associated = [...fields, Buffer.from(about.algorithm), Buffer.from(about.type)].map(field)
  const nonce = seeded(`${body} ${about.part} nonce`, 12)
  const key = checksumKeyOf(bodyKey, body)
  return Buffer.concat([nonce, gcm(key, nonce, Buffer.from(text), Buffer.concat(associated))])
}

/** Pages of the segments that the runs name. */
export function pagesOf({ segments }: ObjectRows, runs: readonly Run[]): Buffer {
  const ids = runs.flatMap(({ first, count }) =>
    Array.from({ length: count }, (_, i) => segments.get(first + i)?.blob ?? ''),
  )
  const pages: Buffer[] = []
  for (let at = 0; at < ids.length; at += PAGE_PARTS) {
    const page = Buffer.from(ids.slice(at, at + PAGE_PARTS).join(''), 'hex')
    pages.push(createHash('sha256').update(page).digest())
  }
  return Buffer.concat(pages)
}

/** The seal over a list as it stands, whatever it says. */
export function sealOf(
  rows: ObjectRows,
  runs: readonly Run[],
  parts: number,
  pages: Buffer,
): Buffer {
  const total = runs.reduce((sum, { count, size }) => sum + BigInt(count) * BigInt(size), 0n)
  const each = runs.flatMap(({ first, count, size }) => [be(first, 4), be(count, 4), be(size, 8)])
  const head = [Buffer.from('coffer/v2 parts'), be(parts, 4), be(total, 8), be(runs.length, 4)]
  return createHmac('sha256', completionKeyOf(rows.bodyKey, rows.body))
    .update(Buffer.concat([...head, ...each, pages]))
    .digest()
}

/** The rows of a sound object. `name` is its name, and seeds its randomness. */
export function makeObject(name: string, recipe: ObjectRecipe): ObjectRows {
  const { kind = 2, parts, md5 = false } = recipe
  const pieces = parts ?? [[1, recipe.size ?? 300] as const]
  const total = pieces.reduce((sum, [, size]) => sum + size, 0)
  const plain = plainOfObject(name, total)
  const bodyKey = seeded(`${name} body key`, 32)
  const body = hex(`${name} body`, 16)
  const segments = new Map<number, Segment>()
  let at = 0
  for (const [number, size] of pieces) {
    const blob = hex(`${name} blob ${number}`, 16)
    const [inline] = sealBlob(blobKey(bodyKey, blob, number), plain.subarray(at, at + size))
    at += size
    const storedBytes = inline!.length
    const segment = {
      blob,
      size,
      records: 1,
      inline: inline!,
      volume: null,
      storedBytes,
      part: null,
    }
    segments.set(number, segment)
  }
  const digested = recipe.isContentOther ? Buffer.from('other') : plain
  const digest = createHash('md5').update(digested).digest()
  const head = {
    kind,
    rootKeyId: kind === 1 ? ROOT_KEY_ID : '',
    shape: parts === undefined ? 0 : 1,
    versionId: hex(`${name} version`, 16),
    account: ACCOUNT,
    container: CONTAINER,
    object: name,
  }
  const salt = seeded(`${name} salt`, 32)
  const okm = expandKey(kind === 1 ? ROOT_KEY : CUSTOMER_KEY, salt, contextOf(head))
  const size = recipe.isSizeUnknown ? 2n ** 64n - 1n : BigInt(total)
  const secret = Buffer.concat([bodyKey, be(size, 8), md5 ? digest : Buffer.alloc(0)])
  const { rootKeyId, shape } = head
  const wrapped = gcm(okm.subarray(0, 32), Buffer.alloc(12), secret)
  const envelope = { kind, rootKeyId, shape, salt, commitment: okm.subarray(32), wrapped }
  const rows: ObjectRows = {
    name,
    bodyKey,
    body,
    segments,
    layout: undefined,
    ends: { version: [{}, ROOT_KEY_ID], segment: [{}], layout: [] },
    version: {
      timeMicros: 1_700_000_000_000_000,
      size: total,
      etag: kind === 1 ? digest.toString('hex') : hex(`${name} etag`, 16),
      body,
      parts: parts?.length ?? 0,
      envelope,
      headers: { type: 'text/plain' },
      metadata: { colour: 'blue' },
      checksum: null,
      rights: { writer: 'test:tester' },
      deleteAtSeconds: null,
    },
  }
  if (recipe.checksum !== undefined) {
    const about = { part: 0, id: body, algorithm: recipe.checksum, type: 'FULL_OBJECT' }
    const sum =
      recipe.checksum === 'crc32'
        ? be(crc32(digested), 4)
        : createHash(recipe.checksum).update(digested).digest()
    const value = sealedChecksum(bodyKey, body, about, sum.toString('base64'))
    rows.version.checksum = { algorithm: about.algorithm, type: about.type, value }
  }
  if (parts !== undefined) relist(rows, runsOf(parts))
  return rows
}

/** Parts of one size with consecutive numbers make a run. */
function runsOf(parts: readonly (readonly [number: number, size: number])[]): Run[] {
  const runs: Run[] = []
  for (const [number, size] of parts) {
    const run = runs.at(-1)
    if (run?.size === size && run.first + run.count === number) run.count++
    else runs.push({ first: number, count: 1, size })
  }
  return runs
}

/** Gives the object another list of parts, soundly sealed, so that only the rule which it breaks can refuse it. */
export function relist(rows: ObjectRows, runs: Run[], pages = pagesOf(rows, runs)): void {
  const parts = runs.reduce((sum, { count }) => sum + count, 0)
  rows.layout = { layout: runs, seal: sealOf(rows, runs, parts, pages), pages }
}

/** A row as the catalog stores it. */
export function frame(key: string, payload: Buffer, format = 1): Buffer {
  const framed = Buffer.concat([Buffer.of(format), seeded(`${key} revision`, 16), payload])
  return Buffer.concat([framed, be(crc32(framed, crc32(Buffer.from(key))), 4)])
}

/** A payload that ends with a MAC. */
function signed(key: string, fields: readonly unknown[]): Buffer {
  const before = encode([2, ...fields, Buffer.alloc(16)]).subarray(0, -17)
  return signRow(ROOT_KEY, CATALOG_ID, key, before)
}

/** Keys and stored values of an object. */
export function storedRows(rows: ObjectRows): [key: string, value: Buffer][] {
  const { name, body, ends } = rows
  const versionId = hex(`${name} version`, 16)
  const path = `${ACCOUNT}/${CONTAINER}/${name}`
  const summary = { timeMicros: 0, size: 0, etag: '', type: 'text/plain', checksum: null }
  const items: [string, unknown[]][] = [
    [`object/${path}`, [versionId, versionId, summary]],
    [`version/${path}\0\u0001${versionId}`, [...Object.values(rows.version), ...ends.version]],
    ...[...rows.segments].map(([number, segment]): [string, unknown[]] => [
      `segment/${body}/${String(number).padStart(5, '0')}`,
      [...Object.values(segment), ...ends.segment],
    ]),
  ]
  if (rows.layout !== undefined) {
    items.push([`layout/${body}`, [...Object.values(rows.layout), ...ends.layout]])
  }
  // The counter of references: one version has the body.
  const references: [string, Buffer] = [`body/${body}`, frame(`body/${body}`, be(1, 8), 2)]
  const plain = items.map(([key, fields]): [string, Buffer] => {
    const payload = key.startsWith('version/') ? signed(key, fields) : encode([2, ...fields])
    const framed = frame(key, rows.payload?.(key, payload) ?? payload)
    return [key, rows.framed?.(key, framed) ?? framed]
  })
  return [...plain, references]
}
