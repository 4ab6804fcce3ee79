// A test vector: what one says, how it is written to a file, and how a file is read. Text header of
// `name: value` lines, a blank line, then the sealed records in base64. The form is that of the age test kit
// (C2SP/CCTV): one file, one outcome, at most one thing wrong. docs/format.md §10 describes it.
import { createHash } from 'node:crypto'

export const outcomes = [
  'success',
  'wrong key',
  'corrupt envelope',
  'corrupt record',
  'corrupt size',
] as const

export type Outcome = (typeof outcomes)[number]

export interface VectorBlob {
  readonly id: string
  readonly part: number
  /** Plaintext bytes and records that the segment's row claims. */
  readonly size: number
  readonly records: number
}

export interface Vector {
  readonly about: string
  readonly expect: Outcome
  readonly key: Buffer
  readonly kind: number
  readonly rootKeyId: string
  readonly shape: number
  readonly versionId: string
  readonly account: string
  readonly container: string
  readonly object: string
  readonly salt: Buffer
  readonly commitment: Buffer
  readonly wrapped: Buffer
  /** What the envelope holds; undefined where it must not open. */
  readonly secret: { bodyKey: Buffer; size: number | null; md5: Buffer | null } | undefined
  /** Plaintext of the whole body: its seed and length; see `plainOf`. */
  readonly plain: { readonly seed: number; readonly size: number }
  /** Plaintext bytes that a streaming reader may have given out before the failure. */
  readonly released: number
  readonly blobs: readonly VectorBlob[]
  /** Records of each blob; undefined where a reader makes them by sealing the plaintext. */
  readonly sealed: readonly (readonly Buffer[])[] | undefined
  /** SHA-256 of each blob's records, one behind the other. */
  readonly sealedSha256: readonly string[]
}

/** The plaintext: byte i is (seed + i + 7⌊i/256⌋ + 11⌊i/65536⌋) mod 256, so records and pages differ. */
export function plainOf(seed: number, size: number): Buffer {
  const plain = Buffer.alloc(size)
  for (let i = 0; i < size; i++) plain[i] = seed + i + 7 * (i >> 8) + 11 * (i >> 16)
  return plain
}

export const sha256 = (...bytes: readonly Buffer[]) =>
  createHash('sha256').update(Buffer.concat(bytes)).digest('hex')

/** JSON with everything beyond ASCII escaped, so that no editor normalises a name. */
const quote = (text: string) =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

export function printVector(vector: Vector): string {
  const { plain, secret } = vector
  const lines = [
    'coffer/v2 vector',
    `about: ${vector.about}`,
    `expect: ${vector.expect}`,
    `key: ${vector.key.toString('hex')}`,
    `kind: ${vector.kind}`,
    `root-key-id: ${quote(vector.rootKeyId)}`,
    `shape: ${vector.shape}`,
    `version-id: ${quote(vector.versionId)}`,
    `account: ${quote(vector.account)}`,
    `container: ${quote(vector.container)}`,
    `object: ${quote(vector.object)}`,
    `salt: ${vector.salt.toString('hex')}`,
    `commitment: ${vector.commitment.toString('hex')}`,
    `wrapped: ${vector.wrapped.toString('hex')}`,
  ]
  if (secret !== undefined) {
    lines.push(
      `body-key: ${secret.bodyKey.toString('hex')}`,
      `size: ${secret.size ?? 'unknown'}`,
      `md5: ${secret.md5?.toString('hex') ?? 'none'}`,
    )
  }
  lines.push(
    `plain: seed=${plain.seed} size=${plain.size} sha256=${sha256(plainOf(plain.seed, plain.size))}`,
    `released: ${vector.released}`,
    ...vector.blobs.map(
      (blob, i) =>
        `blob: id=${blob.id} part=${blob.part} size=${blob.size} records=${blob.records} sealed=${vector.sealedSha256[i]}`,
    ),
    `records: ${vector.sealed === undefined ? 'made' : 'inline'}`,
    '',
  )
  for (const [blob, records] of (vector.sealed ?? []).entries()) {
    for (const record of records) {
      lines.push(`record ${blob} ${record.length}`)
      lines.push(...(record.toString('base64').match(/.{1,76}/g) ?? []))
    }
  }
  return `${lines.join('\n').trimEnd()}\n`
}

const fieldsOf = (text: string) =>
  Object.fromEntries(text.split(' ').map((pair) => pair.split('=') as [string, string]))

export function parseVector(text: string): Vector {
  const [head = '', body = ''] = text.split('\n\n')
  const lines = head.trimEnd().split('\n')
  if (lines.shift() !== 'coffer/v2 vector') throw new Error('this is no coffer/v2 vector')
  const blobs: VectorBlob[] = []
  const sealedSha256: string[] = []
  const values = new Map<string, string>()
  for (const line of lines) {
    const at = line.indexOf(': ')
    const [name, value] = [line.slice(0, at), line.slice(at + 2)]
    if (name === 'blob') {
      const { id, part, size, records, sealed } = fieldsOf(value)
      blobs.push({ id: id!, part: Number(part), size: Number(size), records: Number(records) })
      sealedSha256.push(sealed!)
    } else values.set(name, value)
  }
  const value = (name: string) => {
    const found = values.get(name)
    if (found === undefined) throw new Error(`the vector has no ${name}`)
    return found
  }
  const hex = (name: string) => Buffer.from(value(name), 'hex')
  const quoted = (name: string) => JSON.parse(value(name)) as string
  const plain = fieldsOf(value('plain'))
  const opens = values.has('body-key')
  return {
    about: value('about'),
    expect: outcomes.find((outcome) => outcome === value('expect'))!,
    key: hex('key'),
    kind: Number(value('kind')),
    rootKeyId: quoted('root-key-id'),
    shape: Number(value('shape')),
    versionId: quoted('version-id'),
    account: quoted('account'),
    container: quoted('container'),
    object: quoted('object'),
    salt: hex('salt'),
    commitment: hex('commitment'),
    wrapped: hex('wrapped'),
    secret: opens
      ? {
          bodyKey: hex('body-key'),
          size: value('size') === 'unknown' ? null : Number(value('size')),
          md5: value('md5') === 'none' ? null : hex('md5'),
        }
      : undefined,
    plain: { seed: Number(plain.seed), size: Number(plain.size) },
    released: Number(value('released')),
    blobs,
    sealed: value('records') === 'made' ? undefined : parseRecords(body, blobs.length),
    sealedSha256,
  }
}

function parseRecords(body: string, blobs: number): Buffer[][] {
  const sealed: Buffer[][] = Array.from({ length: blobs }, () => [])
  for (const section of body.split(/^(?=record )/m)) {
    const [title = '', ...base64] = section.split('\n')
    const [, blob, bytes] = title.split(' ')
    const record = Buffer.from(base64.join(''), 'base64')
    if (record.length !== Number(bytes)) throw new Error(`${title}: ${record.length} bytes`)
    sealed[Number(blob)]!.push(record)
  }
  return sealed
}
