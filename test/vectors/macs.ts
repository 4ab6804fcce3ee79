// Vectors for MACs of rows, made from the words of docs/format.md §5.1 with Node's own HMAC: rows of every kind that has a
// MAC, and what is done to them.
import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { Encoder } from 'cbor-x'

/** A row, and whether its MAC holds for whoever has `rootKeys`. Keys, ids and payloads are hex. */
export interface MacVector {
  readonly name: string
  readonly about: string
  readonly expect: 'holds' | 'does not hold'
  readonly rootKeys: Readonly<Record<string, string>>
  readonly catalogId: string
  readonly rowKey: string
  readonly payload: string
}

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
const seeded = (label: string, length: number) =>
  createHash('sha512').update(`coffer/v2 macs ${label}`).digest().subarray(0, length)
const id = (label: string) => seeded(label, 16).toString('hex')

const rootKeys = { k1: seeded('k1', 32).toString('hex'), k2: seeded('k2', 32).toString('hex') }
const catalogId = id('catalog')
const MAC_BYTES = 16

/** Items before the root key id. */
const rows: Record<string, readonly [key: string, about: string, ...items: unknown[]]> = {
  account: [
    'account/test',
    'An account that lets readers in.',
    1_700_000_000_000_000,
    { colour: 'blue' },
    { admin: [], readWrite: [], readOnly: ['other'] },
    {},
  ],
  container: [
    'container/test/photos',
    'A container with lists, and the digest of a setting.',
    ...[id('container'), 1_700_000_000_000_000, 1_700_000_000_000_001],
    { read: '.r:*,.rlistings', write: 'other:*' },
    'enabled',
    { metadata: seeded('setting', 32) },
    {},
  ],
  user: [
    'user/test/tester',
    'A user of the identity service, with a password and a role.',
    ...[id('user'), 1_700_000_000_000_000, '$scrypt$16384$8$1$c2FsdA==$aGFzaA=='],
    ...[['admin'], true, '', ''],
    {},
  ],
  secret: [
    'secret/test/01890a5d-ac96-774b-bcce-b302099a8057',
    'A secret of the key manager, whose list lets in one more user.',
    ...[1_700_000_000_000_000, 1_700_000_000_000_001, 'test:tester', 'key', 'opaque', 'aes', 256],
    ...['cbc', null, {}],
    {
      ...{ projectAccess: false, users: ['other:other'] },
      ...{ createdMicros: 1_700_000_000_000_001, updatedMicros: 1_700_000_000_000_001 },
    },
    'application/octet-stream',
    {},
  ],
  bucket: ['bucket/photos', 'A row without `more`.', 'test'],
  version: [
    'version/test/photos/gr\u00fc\u00dfe\u0000\u0002\u0000\u0001b5d4328ffbbcc7f6622862bec0063e80',
    'A delete marker of a name with a zero byte, and letters beyond ASCII.',
    ...[1_700_000_000_000_000, 0, '', null, 0, null, {}, {}, null],
    { writer: 'test:tester' },
    null,
    {},
  ],
}

const field = (bytes: Buffer) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

const sign = (rowKey: string, before: Buffer, rootKeyId: keyof typeof rootKeys) =>
  signRow(Buffer.from(rootKeys[rootKeyId], 'hex'), catalogId, rowKey, before)

/** A payload with its MAC: `before` is all of it but the last item. */
export function signRow(rootKey: Buffer, catalog: string, rowKey: string, before: Buffer): Buffer {
  const rightsKey = Buffer.from(hkdfSync('sha256', rootKey, '', 'coffer/v2 rights', 32))
  const mac = createHmac('sha256', rightsKey)
    .update(field(Buffer.from(catalog, 'hex')))
    .update(field(Buffer.from(rowKey)))
    .update(field(before))
    .digest()
  return Buffer.concat([before, Buffer.of(0x50), mac.subarray(0, MAC_BYTES)])
}

/** The payload before the MAC: all of the array but its last item. */
function beforeMac(items: readonly unknown[], rootKeyId: string): Buffer {
  const whole = cbor.encode([2, ...items, rootKeyId, Buffer.alloc(MAC_BYTES)])
  return whole.subarray(0, -1 - MAC_BYTES)
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at < 0 ? copy.length + at : at]! ^= 1
  return copy
}

function cases(): MacVector[] {
  const made: MacVector[] = []
  const add = (
    name: string,
    about: string,
    expect: MacVector['expect'],
    rowKey: string,
    payload: Buffer,
    more: Partial<MacVector> = {},
  ) =>
    made.push({
      name,
      about,
      expect,
      rootKeys,
      catalogId,
      rowKey,
      payload: payload.toString('hex'),
      ...more,
    })
  for (const [kind, [key, about, ...items]] of Object.entries(rows)) {
    add(kind, about, 'holds', key, sign(key, beforeMac(items, 'k1'), 'k1'))
  }
  const [key, , ...items] = rows.container!
  const before = beforeMac(items, 'k1')
  const sound = sign(key, before, 'k1')
  add(
    'another-key',
    'Under the other key of the keyring.',
    'holds',
    key,
    sign(key, beforeMac(items, 'k2'), 'k2'),
  )
  const wide = Buffer.concat([Buffer.of(0x99, 0, before[0]! & 0x1f), before.subarray(1)])
  add(
    'wide-head',
    'The head of the array in another form of CBOR, as it was signed.',
    'holds',
    key,
    sign(key, wide, 'k1'),
  )
  const wrong = (name: string, about: string, payload = sound, more: Partial<MacVector> = {}) =>
    add(name, about, 'does not hold', more.rowKey ?? key, payload, more)
  wrong('flipped-mac', 'A bit flip in the MAC.', flip(sound, -1))
  wrong('flipped-list', 'A bit flip in a list.', flip(sound, sound.indexOf('.rlistings') + 1))
  wrong('other-row', 'The row of another container.', sound, { rowKey: 'container/test/other' })
  wrong('other-catalog', 'A row of another catalog.', sound, { catalogId: id('other catalog') })
  wrong('key-missing', 'Its root key is not in the keyring.', sound, {
    rootKeys: { k2: rootKeys.k2 },
  })
  wrong(
    'key-named-other',
    'It names another key than the one it was signed under.',
    sign(key, beforeMac(items, 'k2'), 'k1'),
  )
  wrong(
    'other-form',
    'What was signed, its head in another form.',
    Buffer.concat([wide, sound.subarray(before.length)]),
  )
  wrong(
    'mac-in-another-form',
    'The MAC in the form 58 10.',
    Buffer.concat([before, Buffer.of(0x58, MAC_BYTES), sound.subarray(-MAC_BYTES)]),
  )
  wrong('mac-of-32-bytes', 'The whole HMAC.', cbor.encode([2, ...items, 'k1', seeded('long', 32)]))
  wrong('no-mac', 'Null in the place of the MAC.', cbor.encode([2, ...items, 'k1', null]))
  return made
}

/** The text of macs.json. */
export const macVectors = () => `${JSON.stringify(cases(), null, 2)}\n`
