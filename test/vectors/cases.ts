// The vectors: which bodies are sealed, and what is done to them. Each file has one outcome and at
// most one thing wrong.
import { blobKey, breakVector, makeVector, type Recipe, sealRecord } from './make.ts'
import { plainOf, type Vector } from './vector.ts'

const SOUND: Record<string, Recipe> = {
  'worked-example': {
    about: 'The worked example of docs/format.md.',
    kind: 1,
    rootKeyId: 'k1',
    size: 16,
    md5: true,
  },
  'size-0': { about: 'An empty body is one empty record.' },
  'size-1': { about: 'One byte.', size: 1 },
  'size-65535': { about: 'One byte less than a record.', size: 65535, inline: false },
  'size-65536': { about: 'Exactly one record: no empty one follows.', size: 65536, inline: false },
  'size-65537': { about: 'One record and one byte.', size: 65537 },
  'size-131071': { about: 'One byte less than two records.', size: 131071, inline: false },
  'size-131072': { about: 'Exactly two records.', size: 131072, inline: false },
  'size-131073': { about: 'Two records and one byte.', size: 131073, inline: false },
  'size-1048577': { about: 'Sixteen records and one byte.', size: 1048577, inline: false },
  'size-unknown': {
    about: 'The wrap preceded the body, which has one part.',
    size: 5,
    wrappedSize: null,
  },
  'md5-sealed': { about: 'The wrap carries the MD5 of the content.', size: 100, md5: true },
  'md5-sealed-size-unknown': {
    about: 'An MD5, but no size, of a body of one part.',
    size: 9,
    md5: true,
    wrappedSize: null,
  },
  'root-key': { about: 'Wrapped under a root key.', kind: 1, rootKeyId: 'k1a2b3c4', size: 11 },
  'two-parts': {
    about: 'A multipart body: parts 1 and 2, the size unknown to the wrap.',
    parts: [
      [1, 70],
      [2, 30],
    ],
    wrappedSize: null,
  },
  'parts-with-gaps': {
    about: 'Parts 3, 7 and 10000, the second one empty.',
    parts: [
      [3, 4],
      [7, 0],
      [10000, 1],
    ],
    wrappedSize: null,
  },
  'parts-of-records': {
    about: 'Each part counts its records from 0 and has a final one.',
    parts: [
      [1, 131072],
      [2, 65537],
    ],
    wrappedSize: null,
    inline: false,
  },
  'part-number-99999': {
    about: 'The highest number that a part can have.',
    parts: [[99999, 9]],
    wrappedSize: null,
  },
  'name-of-1024-bytes': { about: 'The longest object name.', size: 3, object: 'n'.repeat(1024) },
  'name-beyond-ascii': {
    about: 'Names are UTF-8 bytes: two, three and four of them for a character.',
    size: 3,
    container: 'a\u0308lbum',
    object: '\u00fcber/\u65e5\u672c/\u{1f5dd}\ufe0f',
  },
  'name-with-zero-byte': {
    about: 'A name may hold any character.',
    size: 3,
    object: 'a\u0000b\nc',
  },
  'name-empty': { about: 'An empty field is hashed as a length of 0.', size: 3, container: '' },
}

/** `bytes` with its lowest bit at `index` flipped; from the end where `index` is negative. */
function flip(bytes: Buffer, index: number): Buffer {
  const flipped = Buffer.from(bytes)
  const at = index < 0 ? bytes.length + index : index
  flipped[at]! ^= 1
  return flipped
}

/** Another name, kind or key for the same envelope, and a damaged check of the key. */
function wrongKeys(): Record<string, Vector> {
  const customer = makeVector('wrong', { about: '', size: 20 })
  const root = makeVector('wrong root', { about: '', size: 20, kind: 1, rootKeyId: 'k1' })
  const accented = makeVector('accented', { about: '', size: 20, object: '\u00e9' })
  const wrong = (about: string, change: Partial<Vector>, of = customer) =>
    breakVector(of, about, 'wrong key', 0, change)
  return {
    'wrong-key': wrong('One bit of the key differs.', { key: flip(customer.key, 31) }),
    'wrong-kind': wrong(
      'A root-key envelope read as a customer one.',
      { kind: 2, rootKeyId: '' },
      root,
    ),
    'wrong-shape': wrong('One piece, read as parts.', { shape: 1 }),
    'wrong-version': wrong('The row of another version.', { versionId: '0'.repeat(32) }),
    'wrong-account': wrong('The row of another account.', { account: 'other' }),
    'wrong-container': wrong('The row of another container.', { container: 'other' }),
    'wrong-object': wrong('The row of another object.', { object: '2026/winter.jpg' }),
    'wrong-boundary': wrong('The same bytes, cut into other names.', {
      container: 'photos2',
      object: '026/summer.jpg',
    }),
    'wrong-normalisation': wrong(
      'The name decomposed: other bytes.',
      { object: 'e\u0301' },
      accented,
    ),
    'flipped-salt': wrong('A bit flip in the salt.', { salt: flip(customer.salt, 0) }),
    'flipped-commitment': wrong('A bit flip in the commitment.', {
      commitment: flip(customer.commitment, 31),
    }),
  }
}

/** The key is right, but the envelope is not one. */
function corruptEnvelopes(): Record<string, Vector> {
  const sound = makeVector('envelope', { about: '', size: 20, md5: true })
  const root = makeVector('corrupt root', { about: '', size: 20, kind: 1, rootKeyId: 'k1' })
  const corrupt = (about: string, change: Partial<Vector>, of = sound) =>
    breakVector(of, about, 'corrupt envelope', 0, change)
  return {
    'root-key-id-changed': corrupt(
      'Another commitment under a root key, which nobody chose: the row is damaged.',
      { rootKeyId: 'k2' },
      root,
    ),
    'root-object-changed': corrupt(
      'A root-key envelope in the row of another object.',
      { object: '2026/winter.jpg' },
      root,
    ),
    'root-flipped-commitment': corrupt(
      'A bit flip in the commitment of a root-key envelope.',
      { commitment: flip(root.commitment, 31) },
      root,
    ),
    'flipped-wrapped-key': corrupt('A bit flip in the wrapped body key.', {
      wrapped: flip(sound.wrapped, 0),
    }),
    'flipped-wrapped-size': corrupt('A bit flip in the wrapped size.', {
      wrapped: flip(sound.wrapped, 39),
    }),
    'flipped-wrapped-tag': corrupt('A bit flip in the tag of the wrap.', {
      wrapped: flip(sound.wrapped, -1),
    }),
    'wrapped-short': corrupt('The wrap lost its last byte.', {
      wrapped: sound.wrapped.subarray(0, -1),
    }),
    'commitment-short': corrupt('A commitment of 31 bytes is no shorter comparison.', {
      commitment: sound.commitment.subarray(0, 31),
    }),
    'commitment-empty': corrupt('No commitment at all.', { commitment: Buffer.alloc(0) }),
    'salt-short': corrupt('A salt of 31 bytes.', { salt: sound.salt.subarray(0, 31) }),
    'kind-unknown': corrupt(
      'An unknown kind, soundly wrapped.',
      {},
      makeVector('kind 3', { about: '', kind: 3, size: 20 }),
    ),
    'customer-with-root-key-id': corrupt(
      'A customer envelope that names a root key, soundly wrapped.',
      {},
      makeVector('customer with id', { about: '', rootKeyId: 'k1', size: 20 }),
    ),
    'root-without-key-id': corrupt(
      'A root-key envelope that names no key, soundly wrapped.',
      {},
      makeVector('root without id', { about: '', kind: 1, size: 20 }),
    ),
    'shape-unknown': corrupt(
      'A shape that is not defined, soundly wrapped.',
      {},
      makeVector('shape 2', { about: '', shape: 2, size: 20 }),
    ),
    'size-unknown-in-one-piece': corrupt(
      'One piece whose size the wrap does not say, soundly wrapped.',
      {},
      makeVector('no size', { about: '', shape: 0, size: 20, wrappedSize: null }),
    ),
    'size-beyond-limit': corrupt(
      'A size of 2^53, which is neither a size nor "unknown".',
      {},
      makeVector('size limit', { about: '', size: 20, wrappedSize: 2n ** 53n }),
    ),
  }
}

/** Envelope and size are right, records are not. The wraps know no size, so that only the records tell. */
function corruptRecords(): Record<string, Vector> {
  const small = makeVector('small', { about: '', size: 40, wrappedSize: null })
  const one = makeVector('one', { about: '', size: 65536, wrappedSize: null })
  const two = makeVector('two', { about: '', size: 65546, wrappedSize: null })
  const three = makeVector('three', { about: '', size: 131082, wrappedSize: null })
  const parts = makeVector('parts', {
    about: '',
    wrappedSize: null,
    parts: [
      [1, 30],
      [2, 30],
    ],
  })
  const record = small.sealed![0]![0]!
  const [a, b, c] = three.sealed![0] as [Buffer, Buffer, Buffer]
  const corrupt = (of: Vector, about: string, released: number, change: Partial<Vector>) =>
    breakVector(of, about, 'corrupt record', released, change)
  const rowOf = (vector: Vector, change: object) => [{ ...vector.blobs[0]!, ...change }]
  const resealed = (vector: Vector, finals: readonly boolean[], sizes: readonly number[]) => {
    const { id, part } = vector.blobs[0]!
    const key = blobKey(vector.secret!.bodyKey, id, part)
    const plain = plainOf(vector.plain.seed, vector.plain.size)
    let at = 0
    return [
      finals.map((final, index) => {
        const piece = plain.subarray(at, at + sizes[index]!)
        at += sizes[index]!
        return sealRecord(key, index, final, piece)
      }),
    ]
  }
  return {
    'flipped-record': corrupt(small, 'A bit flip in a record.', 0, {
      sealed: [[flip(record, 7)]],
    }),
    'flipped-record-tag': corrupt(small, 'A bit flip in the tag of a record.', 0, {
      sealed: [[flip(record, -1)]],
    }),
    'flipped-second-record': corrupt(two, 'A bit flip in the second record.', 65536, {
      sealed: [[two.sealed![0]![0]!, flip(two.sealed![0]![1]!, 0)]],
    }),
    'truncated-in-record': corrupt(small, 'A record lost a byte, and the row agrees.', 0, {
      sealed: [[record.subarray(0, -1)]],
      blobs: rowOf(small, { size: 39 }),
    }),
    'truncated-at-record': corrupt(two, 'The last record is gone, and the row agrees.', 0, {
      sealed: [[two.sealed![0]![0]!]],
      blobs: rowOf(two, { size: 65536, records: 1 }),
    }),
    'truncated-to-nothing': corrupt(small, 'An empty record in place of the blob.', 0, {
      sealed: [[record.subarray(-16)]],
      blobs: rowOf(small, { size: 0 }),
    }),
    'record-missing': corrupt(two, 'The row names a second record that is not there.', 65536, {
      sealed: [[two.sealed![0]![0]!]],
    }),
    'extended-in-record': corrupt(small, 'A record grew by a byte, and the row agrees.', 0, {
      sealed: [[Buffer.concat([record, Buffer.alloc(1)])]],
      blobs: rowOf(small, { size: 41 }),
    }),
    'extended-by-record': corrupt(one, 'A record follows the final one, and the row agrees.', 0, {
      sealed: [[one.sealed![0]![0]!, record]],
      blobs: rowOf(one, { size: 65576, records: 2 }),
    }),
    'reordered-records': corrupt(three, 'The first two records changed places.', 0, {
      sealed: [[b, a, c]],
    }),
    'repeated-record': corrupt(three, 'The first record twice.', 65536, { sealed: [[a, a, c]] }),
    'parts-out-of-order': corrupt(parts, 'Two parts changed places.', 0, {
      blobs: [
        { ...parts.blobs[0]!, id: parts.blobs[1]!.id },
        { ...parts.blobs[1]!, id: parts.blobs[0]!.id },
      ],
      sealed: [parts.sealed![1]!, parts.sealed![0]!],
    }),
    'part-number-changed': corrupt(small, 'The blob of part 1 as part 2.', 0, {
      blobs: rowOf(small, { part: 2 }),
    }),
    'blob-id-changed': corrupt(small, 'The record under another blob id.', 0, {
      blobs: rowOf(small, { id: '0'.repeat(32) }),
    }),
    'final-flag-missing': corrupt(small, 'The last record without the final flag.', 0, {
      sealed: resealed(small, [false], [40]),
    }),
    'final-flag-early': corrupt(two, 'The final flag on the first of two records.', 0, {
      sealed: resealed(two, [true, true], [65536, 10]),
    }),
    'empty-last-record': corrupt(one, 'An empty record behind a full one, soundly sealed.', 65536, {
      sealed: resealed(one, [false, true], [65536, 0]),
      blobs: rowOf(one, { records: 2 }),
    }),
    'short-first-record': corrupt(two, 'A first record that is not full, soundly sealed.', 0, {
      sealed: resealed(two, [false, true], [65535, 11]),
    }),
    'long-record': corrupt(two, 'One record of more than 65,536 bytes, soundly sealed.', 0, {
      sealed: resealed(two, [true], [65546]),
      blobs: rowOf(two, { records: 1 }),
    }),
  }
}

/** Envelope and records are right, but the body is not as long as the wrap says: no byte is given out. */
function corruptSizes(): Record<string, Vector> {
  const parts = [
    [1, 30],
    [2, 30],
  ] as const
  const longer = makeVector('longer', { about: '', parts: parts.slice(0, 1), wrappedSize: 60 })
  const shorter = makeVector('shorter', { about: '', parts, wrappedSize: 30 })
  return {
    'size-too-small': breakVector(
      longer,
      'The last segment is not in the layout.',
      'corrupt size',
      0,
      {},
    ),
    'size-too-large': breakVector(
      shorter,
      'A segment more than was wrapped.',
      'corrupt size',
      0,
      {},
    ),
  }
}

/** Every vector, by name. */
export function allVectors(): [name: string, Vector][] {
  const sound = Object.entries(SOUND).map(([name, recipe]): [string, Vector] => [
    name,
    makeVector(name, recipe),
  ])
  const broken = [wrongKeys(), corruptEnvelopes(), corruptRecords(), corruptSizes()]
  return [...sound, ...broken.flatMap((group) => Object.entries(group))]
}
