// Rows of the identity service and of the key manager: the page of the format names their keys and fields, and what they
// say does not depend on how their integers were written.
import { decode } from 'cbor-x'
import t from 'tap'
import { identityKeys } from '../../../lib/catalog/identity-keys.ts'
import * as rows from '../../../lib/catalog/identity-rows.ts'
import { withIntegersAs } from '../../helpers/integer-width.ts'
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

interface Codec {
  encode(row: object): Buffer
  decode(bytes: Buffer): object
  says(bytes: Buffer, row: object): boolean
}

t.test(
  'each row has the fields of the page, in that order, and says what was written',
  async (t) => {
    const echo = new Proxy({}, { get: (_, field) => field })
    for (const [name, [codec, sample]] of Object.entries(samples) as [string, [Codec, object]][]) {
      const [, ...fields] = decode(codec.encode(echo)) as unknown[]
      const names = fields.map((field) => (typeof field === 'string' ? field : 'more'))
      t.same(cellsOf('### Rows', name), [names.map((field) => `\`${field}\``).join(' ')], name)
      const plain = codec.encode(sample)
      t.strictSame(codec.decode(plain), sample, name)
      for (const form of ['int64', 'float64'] as const) {
        t.strictSame(codec.decode(withIntegersAs(form, Buffer.from(plain))), sample, `as ${form}`)
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
