// Manifests as rows, sound and broken: written from docs/format.md §4 and §5, and nothing of lib/ is used. A broken list is
// soundly sealed, so that only the rule which it breaks can refuse it.
import { createHash, createHmac } from 'node:crypto'
import { encode } from './cbor.ts'
import { be, blobKey, contextOf, expandKey, gcm, sealBlob, seeded } from './make.ts'
import { type Case, corrupt, envelope, flipped, segment } from './objects-case.ts'
import {
  ACCOUNT,
  CONTAINER,
  CUSTOMER_KEY,
  type Entry,
  type ManifestRecipe,
  type ObjectRows,
  plainOfObject,
  ROOT_KEY,
  ROOT_KEY_ID,
} from './objects-make.ts'
import { wrapUnderRoot } from './root-wraps.ts'

const md5 = (bytes: Buffer | string) => createHash('md5').update(bytes).digest()
const hex = (label: string, bytes: number) => seeded(label, bytes).toString('hex')

/** Objects that manifests name, of 300 bytes each. */
const ROOT_TARGET = 'one-piece-root'
const SEALED_TARGET = 'one-piece'
const SIZE = 300
const rootPlain = plainOfObject(ROOT_TARGET, SIZE)
const sealedPlain = plainOfObject(SEALED_TARGET, SIZE)
const OWN = Buffer.from('own')
const TIME = 1_700_000_000_000_000

const link = (object: string, etag: string, range: readonly [number, number] | null = null) => [
  CONTAINER,
  object,
  SIZE,
  etag,
  TIME,
  'text/plain',
  false,
  range?.[0] ?? null,
  range?.[1] ?? null,
]
const rootLink = (range: readonly [number, number] | null = null) =>
  link(ROOT_TARGET, md5(rootPlain).toString('hex'), range)

/** Of the entries, as a version's ETag has it. */
function etagOf({ entries, own = Buffer.alloc(0), md5s = [] }: ManifestRecipe): Buffer {
  const hash = createHash('md5')
  let at = 0
  let links = 0
  for (const entry of entries) {
    if (entry.length === 1) {
      const bytes = own.subarray(at, at + Number(entry[0]))
      at += bytes.length
      hash.update(md5(bytes).toString('hex'))
      continue
    }
    const [, , , etag, , , , first, length] = entry as [...unknown[]] as (string | number | null)[]
    const known = md5s[links++]?.toString('hex') ?? String(etag)
    const last = Number(first) + Number(length) - 1
    hash.update(first === null ? known : `${known}:${first}-${last};`)
  }
  return hash.digest()
}

/** The rows of a manifest. */
export function makeManifest(name: string, kind: 1 | 2, recipe: ManifestRecipe): ObjectRows {
  const { entries, plain, md5s = [], own = Buffer.alloc(0) } = recipe
  const bodyKey = seeded(`${name} body key`, 32)
  const body = hex(`${name} body`, 16)
  const versionId = hex(`${name} version`, 16)
  const listKey = createHmac('sha256', bodyKey)
    .update(Buffer.concat([Buffer.from('coffer/v2 list'), Buffer.from(body, 'hex')]))
    .digest()
  const links = entries.filter((entry) => entry.length > 1).length
  const sums = Array.from({ length: links }, (_, i) => md5s[i] ?? Buffer.alloc(16))
  const list = encode([2, entries])
  const stored = [
    [1, Buffer.concat([...sums, own]), bodyKey],
    [2, recipe.listed === undefined ? list : encode(recipe.listed), listKey],
  ] as const
  const segments: ObjectRows['segments'] = new Map()
  for (const [number, bytes, key] of stored) {
    const blob = hex(`${name} blob ${number}`, 16)
    const [inline] = sealBlob(blobKey(key, blob, number), bytes)
    segments.set(number, {
      blob,
      size: bytes.length,
      records: 1,
      inline: inline!,
      volume: null,
      storedBytes: inline!.length,
      part: null,
    })
  }
  const etag = etagOf(recipe)
  const names = { account: ACCOUNT, container: CONTAINER, object: name }
  const rootKeyId = kind === 1 ? ROOT_KEY_ID : ''
  const head = { kind, rootKeyId, shape: 2, versionId, ...names }
  const salt = seeded(`${name} salt`, 32)
  const okm = expandKey(kind === 1 ? ROOT_KEY : CUSTOMER_KEY, salt, contextOf(head))
  const digest = createHash('sha256').update(list).digest()
  const secret = Buffer.concat([bodyKey, be(plain.length, 8), etag, digest])
  const wrapped = gcm(okm.subarray(0, 32), Buffer.alloc(12), secret)
  const shown = kind === 1 ? etag.toString('hex') : hex(`${name} etag`, 16)
  const manifest = {
    bytes: 100,
    etag: hex(`${name} manifest`, 16),
    sizes: recipe.sizes ?? stored.map(([, bytes]) => bytes.length),
    listKey: wrapUnderRoot(
      { context: 'coffer/v2 list context', wrap: 'coffer/v2 list key', salt: `${name} list salt` },
      ROOT_KEY_ID,
      ROOT_KEY,
      [versionId, body, ...Object.values(names)],
      listKey,
    ),
  }
  return {
    name,
    bodyKey,
    body,
    segments,
    layout: undefined,
    ends: { version: [{ manifest }, ROOT_KEY_ID], segment: [{}], layout: [] },
    version: {
      timeMicros: TIME,
      size: plain.length,
      etag: `${shown}-${entries.length}`,
      body,
      parts: 0,
      envelope: { kind, rootKeyId, shape: 2, salt, commitment: okm.subarray(32), wrapped },
      headers: { type: 'text/plain' },
      metadata: {},
      checksum: null,
      rights: { writer: 'test:tester' },
      deleteAtSeconds: null,
    },
  }
}

const manifestOf = (rows: ObjectRows) =>
  (rows.ends.version[0] as { manifest: Record<string, unknown> }).manifest

const MIXED: ManifestRecipe = {
  entries: [rootLink(), [OWN.length], rootLink([10, 20])],
  md5s: [md5(rootPlain), md5(rootPlain)],
  own: OWN,
  plain: Buffer.concat([rootPlain, OWN, rootPlain.subarray(10, 30)]),
}
const SEALED: ManifestRecipe = {
  entries: [link(SEALED_TARGET, hex(`${SEALED_TARGET} etag`, 16)), [OWN.length]],
  own: OWN,
  plain: Buffer.concat([sealedPlain, OWN]),
}

const gatheringOf = (prefix: string) => {
  return { gathers: { container: CONTAINER, prefix, sent: `${CONTAINER}/${prefix}` } }
}
const recipeOf = (manifest: ManifestRecipe, kind: 1 | 2 = 1) => ({ kind, manifest })
const sound = (about: string, manifest: ManifestRecipe, kind?: 1 | 2): Case => {
  return { about, expect: 'success', recipe: recipeOf(manifest, kind) }
}
const listed = (about: string, manifest: ManifestRecipe, kind?: 1 | 2): Case => {
  return { about, expect: 'corrupt', recipe: recipeOf(manifest, kind) }
}
const broken = (about: string, entry: Entry): Case => {
  const plain = Buffer.alloc(SIZE)
  return { about, expect: 'link broken', recipe: recipeOf({ entries: [entry], plain }) }
}
const withEntry = (entry: Entry): ManifestRecipe => ({ entries: [entry], plain: rootPlain })
const changed = (about: string, change: (rows: ObjectRows) => unknown): Case =>
  corrupt(about, (rows) => void change(rows), recipeOf(MIXED))

export const MANIFESTS: Record<string, Case> = {
  'manifest-root': sound('An object, bytes of its own, and a range of the object.', MIXED),
  manifest: sound('Under a customer key, of an object whose MD5 is not known.', SEALED, 2),
  'manifest-empty': sound('Of nothing.', { entries: [], plain: Buffer.alloc(0) }),
  gathers: {
    about: 'An object that gathers one of 300 bytes, whose name is the prefix.',
    expect: 'success',
    recipe: { kind: 1, md5: true, size: 3, reads: rootPlain },
    change: (rows) => {
      rows.ends.version[0] = gatheringOf(ROOT_TARGET)
    },
  },
  'gathers-wrong': corrupt('Something that an object cannot gather.', (rows) => {
    rows.ends.version[0] = { gathers: { container: CONTAINER, prefix: 1, sent: 'vectors/1' } }
  }),
  'manifest-list-flipped': changed('A bit flip in the list’s record.', (rows) =>
    Object.assign(segment(rows, 2), { inline: flipped(segment(rows, 2).inline!, 0) }),
  ),
  'manifest-list-replaced': listed(
    'Another list under the right key, as whoever has a root key can seal it.',
    { ...SEALED, listed: [2, [...SEALED.entries].reverse()] },
    2,
  ),
  'manifest-list-missing': changed('No segment 2.', (rows) => rows.segments.delete(2)),
  'manifest-own-missing': changed('No segment 1.', (rows) => rows.segments.delete(1)),
  'manifest-missing': changed('Shape 2 without a manifest.', (rows) => {
    rows.ends.version[0] = {}
  }),
  'manifest-against-shape': changed('A manifest, and one piece.', (rows) =>
    Object.assign(envelope(rows), { shape: 0 }),
  ),
  'manifest-parts': changed('A manifest with a number of parts.', (rows) => {
    rows.version.parts = 3
  }),
  'manifest-wrapped-short': changed('No digest of a list in the wrap.', (rows) => {
    const { wrapped } = envelope(rows) as { wrapped: Buffer }
    Object.assign(envelope(rows), { wrapped: wrapped.subarray(32) })
  }),
  'manifest-etag': changed('An ETag that is not the sealed MD5.', (rows) => {
    rows.version.etag = `${'0'.repeat(32)}-3`
  }),
  'manifest-size': changed('A version of another size than was sealed.', (rows) => {
    rows.version.size = 322
  }),
  'manifest-size-against-list': listed('A sealed size that is not the list’s.', {
    ...MIXED,
    plain: MIXED.plain.subarray(1),
  }),
  'manifest-sizes': listed('Sizes of segments that they do not have.', {
    ...MIXED,
    sizes: [36, 200],
  }),
  'manifest-sizes-three': changed('Three sizes.', (rows) =>
    Object.assign(manifestOf(rows), { sizes: [1, 2, 3] }),
  ),
  'manifest-own-short': listed('Fewer bytes of its own than the list says.', {
    ...MIXED,
    own: OWN.subarray(1),
  }),
  'manifest-entry-short': listed('An entry that lacks an item.', withEntry(rootLink().slice(1))),
  'manifest-entry-nameless': listed('An entry without a name.', withEntry(link('', 'etag'))),
  'manifest-entry-half-a-range': listed(
    'An entry with half a range.',
    withEntry([...rootLink().slice(0, 7), 0, null]),
  ),
  'manifest-range-beyond': listed(
    'A range that ends behind its object.',
    withEntry(rootLink([1, SIZE])),
  ),
  'manifest-range-empty': listed('A range of no bytes.', withEntry(rootLink([1, 0]))),
  'manifest-own-empty': listed('An entry of no bytes.', withEntry([0])),
  'manifest-target-missing': broken('An object that is not there.', link('none', 'etag')),
  'manifest-target-changed': broken(
    'An object of another ETag.',
    link(ROOT_TARGET, '0'.repeat(32)),
  ),
  'manifest-target-size': broken(
    'An object of another size.',
    link('parts-root', md5(plainOfObject('parts-root', 1100)).toString('hex')),
  ),
}
