// Rows of the identity service and of the key manager: the page of the format names their keys and fields, and what they
// say does not depend on how their integers were written.
import { decode } from 'cbor-x'
import t from 'tap'
import type { Codec, SignedCodec } from '../../../lib/catalog/codec.ts'
import { identityKeys } from '../../../lib/catalog/identity-keys.ts'
import * as rows from '../../../lib/catalog/identity-rows.ts'
import { rowMacs } from '../../../lib/crypto/row-mac.ts'
import { withIntegersAs } from '../../helpers/integer-width.ts'
import { foreignMacs } from '../../helpers/macs.ts'
import { cellsOf } from '../../helpers/pages.ts'

const micros = 1_790_000_000_123_456
const bytes = Buffer.alloc(32, 5)
const sealed = { rootKeyId: 'k1', salt: bytes, commitment: bytes, wrapped: bytes }
const owner = { account: 'a', user: 'u', userId: 'i', createdMicros: micros }
const acl = { projectAccess: false, users: ['a:u'], createdMicros: micros, updatedMicros: micros }
const made = { createdMicros: micros, updatedMicros: micros, creator: 'a:u' }
const consumers = [{ name: 'n', url: 'https://example.com/' }]

const samples = {
  project: [rows.projectRow, { createdMicros: micros, description: 'd', enabled: true }],
  user: [
    rows.userRow,
    {
      ...{ id: 'i', createdMicros: micros, password: null, roles: ['member'], enabled: true },
      ...{ description: '', email: '' },
    },
  ],
  'ec2 credential': [rows.ec2CredentialRow, { ...owner, sealed }],
  'app credential': [
    rows.appCredentialRow,
    {
      ...{ ...owner, name: 'n', description: '', secret: 's', roles: ['member'] },
      ...{ expiresSeconds: 4_102_444_800, unrestricted: false },
    },
  ],
  revocation: [rows.revocationRow, { account: 'a', user: 'u' }],
  secret: [
    rows.secretRow,
    {
      ...{ ...made, name: 'n', type: 'opaque', algorithm: 'aes', bitLength: 256, mode: null },
      ...{ expiresMicros: micros, metadata: { a: 'b' }, acl, payloadType: 'text/plain' },
    },
  ],
  'secret payload': [rows.secretPayloadRow, { sealed }],
  'secret order': [
    rows.secretOrderRow,
    { createdMicros: micros, creator: 'a:u', type: 'key', meta: { bit_length: 256 }, secret: 'i' },
  ],
  'secret container': [
    rows.secretContainerRow,
    { ...made, name: 'n', type: 'generic', secrets: [{ name: 'n', secret: 'i' }], acl, consumers },
  ],
  'secret home': [rows.secretHomeRow, { kind: 'secret', project: 'p' }],
} as const

type Form = Codec<object> | SignedCodec<object>

const encode = (codec: Form, row: object) =>
  'read' in codec ? codec.encode('key', row, foreignMacs) : codec.encode(row)
const decodeAny = (codec: Form, bytes: Buffer) =>
  'read' in codec ? codec.decodeUnproven(bytes) : codec.decode(bytes)

t.test(
  'each row has the fields of the page, in that order, and says what was written',
  async (t) => {
    const echo = new Proxy({}, { get: (_, field) => field })
    for (const [name, [codec, sample]] of Object.entries(samples) as unknown as [
      string,
      [Form, object],
    ][]) {
      const [, ...fields] = decode(encode(codec, echo)) as unknown[]
      if ('read' in codec) fields.splice(-2, 2, 'rootKeyId', 'mac')
      const names = fields.map((field) => (typeof field === 'string' ? field : 'more'))
      t.same(cellsOf('### Rows', name), [names.map((field) => `\`${field}\``).join(' ')], name)
      const plain = encode(codec, sample)
      t.strictSame(decodeAny(codec, plain), sample, name)
      for (const form of ['int64', 'float64'] as const) {
        const rewritten = withIntegersAs(form, Buffer.from(plain))
        t.strictSame(decodeAny(codec, rewritten), sample, `as ${form}`)
      }
    }
    const exported = Object.keys(rows).filter((name) => name.endsWith('Row'))
    t.equal(exported.length, Object.keys(samples).length, 'of all kinds')
  },
)

t.test('each key is on the page', async (t) => {
  const made: Record<string, string> = {
    'project/<project>': identityKeys.project('P'),
    'user/<account>/<user>': identityKeys.user('A', 'U'),
    'ec2-credential/<access key>': identityKeys.ec2Credential('K'),
    'app-credential/<id>': identityKeys.appCredential('I'),
    'revocation/<second, 10 decimal digits>/<SHA-256 of the token>': identityKeys.revocation(
      7,
      'H',
    ),
    'identity-changes': identityKeys.identityChanges(),
    'secret/<project>/<id>': identityKeys.secret('P', 'I'),
    'secret-payload/<project>/<id>': identityKeys.secretPayload('P', 'I'),
    'secret-order/<project>/<id>': identityKeys.secretOrder('P', 'I'),
    'secret-container/<project>/<id>': identityKeys.secretContainer('P', 'I'),
    'secret-home/<id>': identityKeys.secretHome('I'),
    'secret-usage/<project>': identityKeys.secretUsage('P'),
  }
  for (const [pattern, key] of Object.entries(made)) {
    t.equal(cellsOf('### Keys', `\`${pattern}\``).length, 1, pattern)
    const expected = pattern
      .replace('<project>', 'P')
      .replace('<account>', 'A')
      .replace('<user>', 'U')
      .replace('<access key>', 'K')
      .replace('<id>', 'I')
      .replace('<second, 10 decimal digits>', '0000000007')
      .replace('<SHA-256 of the token>', 'H')
    t.equal(key, expected)
  }
  t.equal(Object.keys(identityKeys).length, Object.keys(made).length)
})

t.test('of a row whose MAC does not hold nothing is left that lets anybody in', async (t) => {
  const macs = rowMacs({ active: 'k1', key: () => Buffer.alloc(32, 1) }, 'a'.repeat(32))
  const bare = <T extends object>(codec: SignedCodec<T>, sample: unknown) => {
    const value = codec.encode('key', sample as T, macs)
    t.strictSame(codec.read({ key: 'key', value }, macs), { row: sample, holds: true })
    const { row, holds } = codec.read({ key: 'another key', value }, macs)
    t.equal(holds, false)
    return row
  }
  const of = (name: keyof typeof samples) => samples[name][1]
  t.strictSame(bare(rows.projectRow, of('project')), {
    ...{ createdMicros: micros, description: '', enabled: false },
  })
  const user = { ...of('user'), password: 'a hash', roles: ['admin'], email: 'e' }
  t.match(bare(rows.userRow, user), { id: 'i', password: null, roles: [], enabled: false })
  t.not(bare(rows.ec2CredentialRow, of('ec2 credential')).userId, owner.userId)
  t.match(bare(rows.appCredentialRow, of('app credential')), { userId: '-', roles: [] })
  const shut = { projectAccess: false, users: [] }
  const open = { ...of('secret'), acl: { ...acl, projectAccess: true } }
  const secret = { creator: '', acl: shut, expiresMicros: null, metadata: {}, name: '' }
  t.match(bare(rows.secretRow, open), { ...secret, payloadType: 'application/octet-stream' })
  t.match(bare(rows.secretRow, { ...open, payloadType: null }), { payloadType: null })
  t.match(bare(rows.secretOrderRow, of('secret order')), { creator: '', secret: '' })
  t.match(bare(rows.secretContainerRow, of('secret container')), {
    ...{ creator: '', secrets: [], consumers: [], acl: shut },
  })
})
