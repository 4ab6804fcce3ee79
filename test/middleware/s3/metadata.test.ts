// User metadata, in and out.
import t from 'tap'
import type { Context } from '../../../middleware/s3/context.ts'
import { decodeValue, encodeValue, readMetadata } from '../../../middleware/s3/metadata.ts'

const bytes = (text: string) => Buffer.from(text).toString('latin1')
const read = (headers: Record<string, string>) =>
  readMetadata({ req: { headers } } as unknown as Context)

t.test('ASCII passes both ways as it is', async (t) => {
  for (const value of ['', 'plain', 'a = b', '"quoted"', '=?broken', 'x=?UTF-8?B?']) {
    t.equal(decodeValue(value), value)
    t.equal(encodeValue(value), value)
  }
})

t.test('what is not ASCII is shown as an RFC 2047 word and read back from one', async (t) => {
  t.equal(encodeValue(bytes('Grüße €')), '=?UTF-8?B?R3LDvMOfZSDigqw=?=')
  t.equal(decodeValue('=?UTF-8?B?R3LDvMOfZSDigqw=?='), bytes('Grüße €'))
  t.equal(decodeValue('=?utf-8?q?Gr=C3=BC_x?= end'), bytes('Grü x end'))
  t.equal(decodeValue('=?ISO-8859-1?Q?Gr=FC?='), bytes('Grü'))
  t.equal(decodeValue('=?UTF-8?B?w7w=?= =?UTF-8?B?w7w=?='), bytes('üü'), 'blanks between words')
  t.equal(decodeValue(bytes('Grüße')), bytes('Grüße'), 'raw bytes are the value')
})

t.test('bytes that are no UTF-8 go out as they came', async (t) => {
  t.equal(encodeValue('Hello World\xe9'), 'Hello World\xe9')
})

t.test(
  'a word that cannot be read, or that hides a control character, stays as sent',
  async (t) => {
    for (const value of [
      '=?UTF-8?B?/w==?=',
      '=?KOI8-R?B?w7w=?=',
      '=?UTF-8?B?DQpYOiB5?=',
      '=?UTF-8?Q?a=0D=0Ab?=',
      '=?UTF-8?Q?a=00?=',
    ]) {
      t.equal(decodeValue(value), value)
    }
  },
)

t.test('names lose their prefix; other headers are not metadata', async (t) => {
  t.same(read({ 'x-amz-meta-a': '1', 'x-amz-meta-': '2', 'x-amz-acl': 'private' }), {
    a: '1',
    '': '2',
  })
})

t.test('2,048 bytes of names and values fit, one more does not', async (t) => {
  t.equal(read({ 'x-amz-meta-a': 'x'.repeat(2047) }).a?.length, 2047)
  t.throws(() => read({ 'x-amz-meta-a': 'x'.repeat(2048) }), {
    code: 'MetadataTooLarge',
    details: { size: 2049, limit: 2048 },
  })
})

t.test('a key sent as metadata is refused and not repeated', async (t) => {
  const key = Buffer.alloc(32, 1).toString('base64')
  const names = [
    'x-amz-meta-encryption-key',
    'x-amz-meta-x-amz-server-side-encryption-customer-key',
    'x-amz-meta-object-encryption-customer-key-md5',
  ]
  for (const name of names) {
    try {
      read({ [name]: key })
      t.fail('accepted')
    } catch (error) {
      t.match(error, { code: 'InvalidArgument', status: 400, elements: { ArgumentName: name } })
      t.notOk(JSON.stringify(error).includes(key))
    }
  }
})
