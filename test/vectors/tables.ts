// Vectors of what lies beside objects: locators, headers of volumes, what an upload's completion needs, sealed checksums and
// part seals, and backups. Written from docs/format.md §4, §6 and §13; nothing of lib/ is used.
import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { encode } from './cbor.ts'
import { be, gcm, seeded } from './make.ts'
import { checksumKeyOf, completionKeyOf, frame, sealedChecksum } from './objects-make.ts'

const hex = (bytes: Buffer) => bytes.toString('hex')

function leb128(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

/** A piece from pairs: distance from the end of the run before, numbers in the run. */
const pieceOf = (...pairs: readonly (readonly [number, number])[]) =>
  Buffer.concat(pairs.flat().map(leb128))

function locators() {
  const sound = (about: string, piece: Buffer, runs: number[][]) => {
    return { about, expect: 'success', piece: hex(piece), runs }
  }
  const corrupt = (about: string, piece: Buffer) => ({
    about,
    expect: 'corrupt',
    piece: hex(piece),
  })
  return [
    sound('One record.', pieceOf([1, 1]), [[1, 1]]),
    sound('A run of 4,096, a whole piece.', pieceOf([1, 4096]), [[1, 4096]]),
    sound(
      'Runs with gaps: each begins behind the end of the one before.',
      pieceOf([5, 2], [293, 3], [1000, 1]),
      [
        [5, 2],
        [300, 3],
        [1303, 1],
      ],
    ),
    sound('A run directly behind another, which a writer would join.', pieceOf([1, 1], [0, 1]), [
      [1, 1],
      [2, 1],
    ]),
    sound('A number of 2^40.', pieceOf([2 ** 40, 2]), [[2 ** 40, 2]]),
    corrupt('The end within a number.', Buffer.of(1, 0x80)),
    corrupt('A distance without a length.', Buffer.of(1)),
    corrupt('A run of no numbers.', Buffer.of(1, 0)),
    corrupt('A longer form than a number needs.', Buffer.of(0x81, 0, 1)),
    corrupt('A distance of 2^53.', Buffer.concat([leb128(2 ** 53), Buffer.of(1)])),
    corrupt('Distances whose sum is 2^53.', pieceOf([2 ** 53 - 2, 1], [1, 1])),
    corrupt('A number without an end.', Buffer.alloc(20, 0xff)),
    corrupt('4,097 records in one run.', pieceOf([1, 4097])),
    corrupt('4,097 records in two runs.', pieceOf([1, 4096], [1, 1])),
  ]
}

const VOLUME = hex(seeded('volume', 8))
const CATALOG = hex(seeded('catalog', 16))

function headerOf(state: number, number: number, magic = 'coffer/v2 volume'): Buffer {
  const fields = [Buffer.from(magic), Buffer.of(state), Buffer.from(VOLUME, 'hex')]
  const head = Buffer.concat([...fields, Buffer.from(CATALOG, 'hex'), be(4711, 8)])
  return Buffer.concat([head, be(crc32(head, crc32(be(number, 8))), 4)])
}

function headers() {
  const says = (sealed: boolean) => ({
    sealed,
    volume: VOLUME,
    catalog: CATALOG,
    commitNumber: 4711,
  })
  const header = (about: string, number: number, value: Buffer, expect: string, more = {}) => {
    return { about, expect, number, value: hex(value), ...more }
  }
  const begun = headerOf(1, 0)
  const flipped = (at: number) => {
    const value = Buffer.from(begun)
    value[at]! ^= 1
    return value
  }
  return [
    header('The first value of a volume.', 0, begun, 'success', says(false)),
    header('The last value of a sealed one.', 12, headerOf(2, 12), 'success', says(true)),
    header('A header under another number: the crc32 covers the key.', 1, begun, 'damaged'),
    header('State 3.', 0, headerOf(3, 0), 'damaged'),
    header('A bit flip in the id of the catalog.', 0, flipped(25), 'damaged'),
    header('A bit flip in the crc32.', 0, flipped(52), 'damaged'),
    header('A byte less.', 0, begun.subarray(0, -1), 'damaged'),
    header('A byte more.', 0, Buffer.concat([begun, Buffer.of(0)]), 'damaged'),
    header('No bytes.', 0, Buffer.alloc(0), 'damaged'),
    header(
      'Version 1, which was never released.',
      0,
      headerOf(1, 0, 'coffer/v1 volume'),
      'other version',
    ),
    header('A later version.', 0, headerOf(1, 0, 'coffer/v3 volume'), 'other version'),
  ]
}

const field = (bytes: Buffer) => Buffer.concat([be(bytes.length, 4), bytes])

/** `late` of an upload's row. */
function lateVectors() {
  const rootKey = seeded('late root key', 32)
  const keys = [seeded('late completion key', 32), seeded('late checksum key', 32)] as const
  const about = {
    uploadId: hex(seeded('upload', 24)),
    body: hex(seeded('late body', 16)),
    account: 'test',
    container: 'photos',
    object: '2026/\u00fcber.jpg',
  }
  const salt = seeded('late salt', 32)
  const names = ['k1', ...Object.values(about)].map((name) => field(Buffer.from(name)))
  const context = createHash('sha256')
    .update(Buffer.concat([Buffer.from('coffer/v2 late context'), ...names]))
    .digest()
  const info = Buffer.concat([Buffer.from('coffer/v2 late'), context])
  const okm = Buffer.from(hkdfSync('sha256', rootKey, salt, info, 64))
  const sound = {
    rootKeyId: 'k1',
    salt: hex(salt),
    commitment: hex(okm.subarray(32)),
    wrapped: hex(gcm(okm.subarray(0, 32), Buffer.alloc(12), Buffer.concat(keys))),
    ...about,
  }
  const corrupt = (what: string, change: object) => ({
    about: what,
    expect: 'corrupt',
    ...sound,
    ...change,
  })
  const flipped = (digits: string) => `${digits.slice(0, -1)}${digits.endsWith('0') ? '1' : '0'}`
  const success = {
    about: 'What a completion without a key uses.',
    expect: 'success',
    ...sound,
    completionKey: hex(keys[0]),
    checksumKey: hex(keys[1]),
  }
  return {
    rootKeys: { k1: hex(rootKey), k2: hex(rootKey) },
    vectors: [
      success,
      corrupt('The id of another key.', { rootKeyId: 'k2' }),
      corrupt('A flip in the salt.', { salt: flipped(sound.salt) }),
      corrupt('A flip in the commitment.', { commitment: flipped(sound.commitment) }),
      corrupt('A flip in what is wrapped.', { wrapped: flipped(sound.wrapped) }),
      corrupt('A byte less.', { wrapped: sound.wrapped.slice(0, -2) }),
      corrupt('A commitment of 31 bytes.', { commitment: sound.commitment.slice(0, -2) }),
      corrupt('Another upload.', { uploadId: flipped(about.uploadId) }),
      corrupt('Another body.', { body: flipped(about.body) }),
      corrupt('Another account.', { account: 'tes' }),
      corrupt('Another container.', { container: 'photo' }),
      corrupt('Another object.', { object: '2026/u\u0308ber.jpg' }),
    ],
  }
}

/** Sealed checksums, and the seals of parts: what hangs on the body key beside content. */
function sealVectors() {
  const bodyKey = seeded('seals body key', 32)
  const body = hex(seeded('seals body', 16))
  const blob = hex(seeded('seals blob', 16))
  const whole = { part: 0, id: body, algorithm: 'crc64nvme', type: 'FULL_OBJECT' }
  const ofPart = { part: 3, id: blob, algorithm: 'sha256', type: '' }
  const texts = ['q8YQ0KQ5m0A=', seeded('digest', 32).toString('base64')] as const
  const values = [
    sealedChecksum(bodyKey, body, whole, texts[0]),
    sealedChecksum(bodyKey, body, ofPart, texts[1]),
  ] as const
  const success = (about: string, context: object, value: Buffer, text: string) => {
    return { about, expect: 'success', ...context, value: hex(value), text }
  }
  const corrupt = (about: string, context: object, value: Buffer) => {
    return { about, expect: 'corrupt', ...context, value: hex(value) }
  }
  const seal = { part: 3, size: 70_000, blob, etag: hex(seeded('seals etag', 16)) }
  const message = [
    be(seal.part, 4),
    be(seal.size, 8),
    Buffer.from(blob, 'hex'),
    Buffer.from(seal.etag),
  ]
  const completionKey = completionKeyOf(bodyKey, body)
  const partSeal = createHmac('sha256', completionKey)
    .update(Buffer.concat([Buffer.from('coffer/v2 part'), ...message]))
    .digest()
  return {
    bodyKey: hex(bodyKey),
    body,
    completionKey: hex(completionKey),
    checksumKey: hex(checksumKeyOf(bodyKey, body)),
    partSeals: [{ about: 'The seal of a part.', ...seal, seal: hex(partSeal) }],
    vectors: [
      success('Of a whole body.', whole, values[0], texts[0]),
      success('Of a part.', ofPart, values[1], texts[1]),
      corrupt('As the other type.', { ...whole, type: 'COMPOSITE' }, values[0]),
      corrupt('As another algorithm.', { ...whole, algorithm: 'crc32' }, values[0]),
      corrupt('As that of a part.', { ...whole, part: 1 }, values[0]),
      corrupt('Of another blob.', { ...ofPart, id: body }, values[1]),
      corrupt('Of another part.', { ...ofPart, part: 4 }, values[1]),
      corrupt('Cut.', whole, values[0].subarray(0, -1)),
      corrupt('No room for a tag.', whole, Buffer.alloc(27)),
      corrupt('Nothing.', whole, Buffer.alloc(0)),
    ],
  }
}

type BackupRow = readonly [key: string, value: Buffer]

/** A backup file; `end` and `digest` as they should be unless given. */
function backupOf(
  rows: readonly BackupRow[],
  {
    magic = 'coffer/v2 backup',
    header = [2, CATALOG, 4711, 1_700_000_000_000_000] as unknown[],
    count = rows.length,
    tail = Buffer.alloc(0),
  } = {},
): Buffer {
  const fields = encode(header)
  const parts = [Buffer.from(magic), field(fields)]
  for (const [key, value] of rows) parts.push(field(Buffer.from(key)), field(value))
  const all = Buffer.concat([...parts, be(0, 4), be(count, 8)])
  return Buffer.concat([all, createHash('sha256').update(all).digest(), tail])
}

function backups() {
  const row = (key: string, text: string): BackupRow => [key, frame(key, encode([2, text]))]
  const rows = [row('bucket/a', 'one'), row('bucket/b', 'two'), row('bucket/\u{1f5dd}', 'three')]
  const sound = backupOf(rows)
  const backup = (about: string, expect: string, file: Buffer, more = {}) => {
    return { about, expect, file: hex(file), ...more }
  }
  const corrupt = (about: string, file: Buffer) => backup(about, 'corrupt', file)
  const flipped = (at: number) => {
    const file = Buffer.from(sound)
    file[at]! ^= 1
    return file
  }
  const [a, b, c] = rows as [BackupRow, BackupRow, BackupRow]
  const wrongSum: BackupRow = [
    b[0],
    Buffer.concat([b[1].subarray(0, -1), Buffer.of(b[1].at(-1)! ^ 1)]),
  ]
  const says = {
    catalogId: CATALOG,
    rows: Object.fromEntries(rows.map(([key, value]) => [key, hex(value)])),
  }
  return [
    backup('Three rows.', 'success', sound, says),
    backup('No rows.', 'success', backupOf([]), { catalogId: CATALOG, rows: {} }),
    corrupt('A bit flip in the number of commits.', flipped(60)),
    corrupt('A bit flip in the digest.', flipped(sound.length - 1)),
    corrupt('A byte less.', sound.subarray(0, -1)),
    corrupt('Cut in a row.', sound.subarray(0, 150)),
    corrupt('Cut behind the last row.', sound.subarray(0, -44)),
    corrupt('A byte more.', backupOf(rows, { tail: Buffer.of(0) })),
    corrupt(
      'A row that does not hold its crc32, in a file that holds its digest.',
      backupOf([a, wrongSum, c]),
    ),
    corrupt('Rows in another order.', backupOf([b, a, c])),
    corrupt('A row twice.', backupOf([a, a, c])),
    corrupt('Another number of rows.', backupOf(rows, { count: 4 })),
    corrupt('The row `meta`.', backupOf([a, row('meta', 'x')])),
    corrupt('The row of an unfinished copy.', backupOf([a, row('unfinished-copy', 'x')])),
    corrupt('A header without an id of a catalog.', backupOf(rows, { header: [2, 'x', 1, 1] })),
    backup(
      'Version 1, which was never released.',
      'other version',
      backupOf(rows, { magic: 'coffer/v1 backup' }),
    ),
    backup('A later version.', 'other version', backupOf(rows, { magic: 'coffer/v3 backup' })),
    backup('A later header.', 'other version', backupOf(rows, { header: [3, CATALOG, 1, 1] })),
  ]
}

/** Tables of vectors, by the name of their file. */
export function tables(): Record<string, object> {
  return {
    locators: { format: 'coffer/v2 locators', vectors: locators() },
    headers: { format: 'coffer/v2 headers', vectors: headers() },
    late: { format: 'coffer/v2 late', ...lateVectors() },
    seals: { format: 'coffer/v2 seals', ...sealVectors() },
    backups: { format: 'coffer/v2 backups', vectors: backups() },
  }
}
