// Objects as rows, sound and broken: what a reader makes of them. Each has one outcome and at most one thing wrong; a broken
// list of parts is soundly sealed, so that only the rule which it breaks can refuse it.
import { inFloat32, inFloat64, inInt64, Raw } from './cbor.ts'
import { seeded } from './make.ts'
import {
  type Case,
  corrupt,
  edited,
  envelope,
  flipped,
  framedOf,
  listAs,
  type ObjectOutcome,
  payloadOf,
  ROOT,
  runsOf,
  segment,
  sound,
  THREE,
  withLayout,
} from './objects-case.ts'
import { LISTS } from './objects-lists.ts'
import {
  CATALOG_ID,
  CUSTOMER_KEY,
  frame,
  makeObject,
  plainOfObject,
  ROOT_KEY,
  ROOT_KEY_ID,
  type Run,
  storedRows,
} from './objects-make.ts'
import { sha256 } from './vector.ts'

const SOUND: Record<string, Case> = {
  'one-piece': sound('One piece under a customer key.', {}),
  'one-piece-root': sound('One piece under a root key; its ETag is the sealed MD5.', ROOT),
  empty: sound('No bytes: one empty record.', { size: 0 }),
  parts: sound('Three parts in two runs; the wrap does not know the size.', THREE),
  'parts-root': sound('Parts under a root key; the ETag is not the sealed MD5.', {
    ...ROOT,
    parts: THREE.parts,
  }),
  'parts-size-known': sound('Parts whose total the wrap says, as a copy does.', {
    parts: THREE.parts,
  }),
  'part-single': sound('A single part is a list too.', { parts: [[5, 10]] }),
  'part-empty': sound('A part without bytes.', {
    parts: [
      [1, 10],
      [2, 0],
    ],
  }),
  'part-last-number': sound('Part 99,999.', { parts: [[99_999, 10]] }),
  pages: sound('251 parts: the second page has one.', {
    parts: Array.from({ length: 251 }, (_, i) => [i + 1, 1] as const),
  }),
  checksum: sound('A sealed CRC-32.', { ...ROOT, checksum: 'crc32' }),
  'integers-of-64-bits': sound('Integers in eight bytes, where one would do.', THREE, (rows) => {
    rows.version.size = inInt64(1100)
    rows.version.parts = inInt64(3)
    Object.assign(segment(rows), { size: inInt64(300), records: inInt64(1) })
    const { seal, pages } = rows.layout!
    const layout = edited(rows, 0, {}).map((run) => ({ ...run, size: inInt64(run.size) }))
    rows.layout = { layout: layout as unknown as Run[], seal, pages }
  }),
  'integers-as-floats': sound('Integers as floating-point numbers.', THREE, (rows) => {
    rows.version.timeMicros = inFloat64(1_700_000_000_000_000)
    rows.version.size = inFloat64(1100)
    rows.version.parts = inFloat32(3)
    Object.assign(segment(rows), { size: inFloat64(300), records: inFloat64(1) })
  }),
  'undefined-is-null': sound(
    'Undefined in the place of null, and a map without its null.',
    {},
    (rows) => {
      rows.version.checksum = undefined
      Object.assign(segment(rows), { volume: undefined, part: undefined })
    },
  ),
}

const ROWS: Record<string, Case> = {
  'row-flipped': corrupt(
    'A bit flip in a row: its crc32 does not hold.',
    framedOf('version/', (value) => flipped(value, 40)),
  ),
  'row-of-another-key': corrupt(
    'A row under another key: the crc32 covers the key.',
    framedOf('segment/', (value) => frame('segment/other', value.subarray(17, -4))),
  ),
  'row-cut': corrupt(
    'Four bytes.',
    framedOf('version/', (value) => value.subarray(-4)),
  ),
  'row-no-array': corrupt(
    'A row that is a number.',
    payloadOf('version/', () => Buffer.of(2)),
  ),
  'row-ends-early': corrupt(
    'A row that lacks its last byte.',
    payloadOf('version/', (payload) => payload.subarray(0, -1)),
  ),
  'row-goes-on': corrupt(
    'A byte behind the array.',
    payloadOf('version/', (payload) => Buffer.concat([payload, Buffer.of(0)])),
  ),
  'row-layout-1': {
    about: 'Layout 1, which was never released.',
    expect: 'other layout',
    recipe: {},
    change: payloadOf('version/', withLayout(1)),
  },
  'row-layout-3': {
    about: 'The layout of a later release.',
    expect: 'other layout',
    recipe: {},
    change: payloadOf('segment/', withLayout(3)),
  },
  'version-item-less': corrupt('An item less.', (rows) => rows.ends.version.pop()),
  'version-item-more': corrupt('An item more.', (rows) => rows.ends.version.push(null)),
  'segment-item-less': corrupt('An item less.', (rows) => rows.ends.segment.pop()),
  'segment-item-more': corrupt('An item more.', (rows) => rows.ends.segment.push(null)),
  'layout-item-more': corrupt('An item more.', (rows) => rows.ends.layout.push(null), THREE),
  'version-more': corrupt('A name in `more` that no reader knows.', (rows) => {
    rows.ends.version[0] = { later: 1 }
  }),
  'segment-more': corrupt('A name in `more` that no reader knows.', (rows) => {
    rows.ends.segment = [{ later: 1 }]
  }),
  'number-fraction': corrupt('A number that is no integer.', (rows) => {
    rows.version.timeMicros = inFloat64(0.5)
  }),
  'number-too-large': corrupt('2^53.', (rows) => {
    rows.version.timeMicros = inInt64(2 ** 53)
  }),
  'number-none': corrupt('Not a number.', (rows) => {
    rows.version.timeMicros = new Raw(Buffer.of(0xf9, 0x7e, 0))
  }),
}

const VERSIONS: Record<string, Case> = {
  'key-wrong': {
    about: 'A customer envelope under another key.',
    expect: 'wrong key',
    recipe: {},
    change: (rows) => Object.assign(envelope(rows), { commitment: seeded('other', 32) }),
  },
  'root-commitment': corrupt(
    'The same under a root key is damage: nobody chose that key.',
    (rows) => Object.assign(envelope(rows), { commitment: seeded('other', 32) }),
    ROOT,
  ),
  'envelope-missing': corrupt('A body without an envelope.', (rows) => {
    rows.version.envelope = null
  }),
  'envelope-no-map': corrupt('An envelope that is a number.', (rows) => {
    rows.version.envelope = 2
  }),
  'salt-missing': corrupt('An envelope without a salt.', (rows) => {
    delete envelope(rows).salt
  }),
  'wrapped-text': corrupt('A wrapped key that is a text of 56 characters.', (rows) => {
    envelope(rows).wrapped = 'w'.repeat(56)
  }),
  'kind-text': corrupt('A kind that is a text.', (rows) => {
    envelope(rows).kind = '2'
  }),
  'shape-against-parts': corrupt('One piece, and a number of parts.', (rows) => {
    rows.version.parts = 1
  }),
  'parts-against-shape': corrupt(
    'A body of parts, and none of them.',
    (rows) => {
      rows.version.parts = 0
    },
    THREE,
  ),
  'size-against-seal': corrupt(
    'Version and segment agree on a size that was not sealed.',
    (rows) => {
      rows.version.size = 299
      Object.assign(segment(rows), { size: 299 })
    },
  ),
  'size-against-segment': corrupt('A segment of another size than its version.', (rows) => {
    Object.assign(segment(rows), { size: 301 })
  }),
  'size-against-list': corrupt(
    'A version of another size than its list of parts.',
    (rows) => {
      rows.version.size = 1101
    },
    THREE,
  ),
  'size-known-against-list': corrupt(
    'A wrapped size that is not the total of the list.',
    (rows) => {
      rows.segments.set(8, { ...segment(rows, 7), blob: seeded('more', 16).toString('hex') })
      listAs(rows, [...runsOf(rows).slice(0, 2), { first: 7, count: 2, size: 300 }])
      rows.version.size = 1400
    },
    { parts: THREE.parts },
  ),
  'etag-against-seal': corrupt(
    'An ETag under a root key that is not the sealed MD5.',
    (rows) => {
      rows.version.etag = '0'.repeat(32)
    },
    ROOT,
  ),
  'checksum-flipped': corrupt(
    'A bit flip in a sealed checksum.',
    (rows) => {
      const checksum = rows.version.checksum as { value: Buffer }
      checksum.value = flipped(checksum.value, -1)
    },
    { checksum: 'sha256' },
  ),
  'checksum-of-another-type': corrupt(
    'A checksum of the other type: it is sealed with its value.',
    (rows) => Object.assign(rows.version.checksum as object, { type: 'COMPOSITE' }),
    { checksum: 'crc32' },
  ),
  'checksum-short': corrupt(
    'A sealed checksum that has no room for a tag.',
    (rows) => Object.assign(rows.version.checksum as object, { value: Buffer.alloc(27) }),
    { checksum: 'crc32' },
  ),
}

const SEGMENTS: Record<string, Case> = {
  'segment-missing': corrupt('No segment.', (rows) => rows.segments.clear()),
  'segment-records': corrupt('Two records for 300 bytes.', (rows) => {
    Object.assign(segment(rows), { records: 2 })
  }),
  'segment-no-records': corrupt(
    'No record for an empty segment.',
    (rows) => {
      Object.assign(segment(rows), { records: 0 })
    },
    { size: 0 },
  ),
  'segment-nowhere': corrupt('A segment that lies nowhere.', (rows) => {
    Object.assign(segment(rows), { inline: null })
  }),
  'segment-in-two-places': corrupt('A segment that lies in its row and in a volume.', (rows) => {
    Object.assign(segment(rows), { volume: '00000000000000aa' })
  }),
  'segment-record-short': corrupt('An inline record of another length.', (rows) => {
    const { inline } = segment(rows)
    Object.assign(segment(rows), { inline: inline!.subarray(1) })
  }),
  'segment-record-flipped': corrupt('A bit flip in an inline record.', (rows) => {
    const { inline } = segment(rows)
    Object.assign(segment(rows), { inline: flipped(inline!, 0) })
  }),
  'segment-blob-changed': corrupt('Another blob id.', (rows) => {
    Object.assign(segment(rows), { blob: '0'.repeat(32) })
  }),
  'segment-blob-null': corrupt('No blob id.', (rows) => {
    Object.assign(segment(rows), { blob: null })
  }),
}

const CONTENTS: Record<string, Case> = {
  'content-md5': {
    about: 'A sealed MD5 that is not the content’s.',
    expect: 'content',
    recipe: { md5: true, isContentOther: true },
  },
  'content-checksum': {
    about: 'A sealed checksum that is not the content’s.',
    expect: 'content',
    recipe: { checksum: 'sha256', isContentOther: true },
  },
}

export interface ObjectVector {
  readonly name: string
  readonly about: string
  readonly expect: ObjectOutcome
  /** Which key a reader is given. */
  readonly kind: 'root' | 'customer'
  /** Of the content of a sound one. */
  readonly size?: number
  readonly sha256?: string
  /** Stored values in hex, by key. */
  readonly rows: Readonly<Record<string, string>>
}

/** Every object, in the form of objects.json. */
export function objectVectors(): object {
  const cases = { ...SOUND, ...ROWS, ...VERSIONS, ...SEGMENTS, ...LISTS, ...CONTENTS }
  const vectors = Object.entries(cases).map(([name, { about, expect, recipe, change }]) => {
    const rows = makeObject(name, recipe)
    change?.(rows)
    const sizes = recipe.parts?.map(([, size]) => size) ?? [recipe.size ?? 300]
    const size = sizes.reduce((sum, each) => sum + each, 0)
    const content = { size, sha256: sha256(plainOfObject(name, size)) }
    const stored = storedRows(rows).map(([key, value]) => [key, value.toString('hex')])
    return {
      name,
      about,
      expect,
      kind: recipe.kind === 1 ? 'root' : 'customer',
      ...(expect === 'success' ? content : {}),
      rows: Object.fromEntries(stored),
    }
  })
  return {
    format: 'coffer/v2 objects',
    account: 'test',
    container: 'vectors',
    catalogId: CATALOG_ID,
    customerKey: CUSTOMER_KEY.toString('hex'),
    rootKeys: { [ROOT_KEY_ID]: ROOT_KEY.toString('hex') },
    objects: vectors,
  }
}
