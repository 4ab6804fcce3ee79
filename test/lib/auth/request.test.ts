// Canonical paths, queries, header values and dates, by table.
import t from 'tap'
import { readBasicDate, readHttpDate, writeBasicDate } from '../../../lib/auth/dates.ts'
import {
  canonicalEncode,
  canonicalPath,
  canonicalQuery,
  headerFields,
  isSecretName,
  queryParameters,
} from '../../../lib/auth/request.ts'

t.test('paths are encoded once and never normalised', async (t) => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['/b/a//./../k/', '/b/a//./../k/'],
    ['/b/a b', '/b/a%20b'],
    ['/b/a%20b', '/b/a%20b'],
    ['/b/a+b', '/b/a%2Bb'],
    ['/b/a%2fb', '/b/a%2Fb'],
    ['/b/%41%7E~', '/b/A~~'],
    ['/b/%zz%4', '/b/%25zz%254'],
    ['/b/\u00c3\u00a9', '/b/%C3%A9'],
    ["/b/!'()*", '/b/%21%27%28%29%2A'],
    ['/b/%25', '/b/%25'],
  ]
  for (const [raw, canonical] of cases) t.equal(canonicalPath(raw), canonical, raw)
})

t.test('every byte is encoded as AWS does, whichever way it came', async (t) => {
  for (let byte = 0; byte < 256; byte++) {
    const char = String.fromCharCode(byte)
    const hex = byte.toString(16).padStart(2, '0')
    const wanted = /[A-Za-z0-9._~-]/.test(char) ? char : `%${hex.toUpperCase()}`
    const found = [`%${hex}`, `%${hex.toUpperCase()}`, char].map(canonicalEncode)
    t.strictSame(found, [wanted, wanted, char === '%' ? '%25' : wanted], hex)
  }
})

t.test('queries are sorted by encoded name, then by encoded value', async (t) => {
  const cases: [string, string][] = [
    ['', ''],
    ['&&', ''],
    ['acl', 'acl='],
    ['b=2&a=2&a=1', 'a=1&a=2&b=2'],
    ['a-b=1&a=2', 'a=2&a-b=1'],
    ['x=a+b', 'x=a%20b'],
    ['x=a%2Bb', 'x=a%2Bb'],
    ['x=a=b', 'x=a%3Db'],
    ['B=1&a=1', 'B=1&a=1'],
    ['prefix=%c3%a9', 'prefix=%C3%A9'],
  ]
  for (const [raw, canonical] of cases)
    t.equal(canonicalQuery(queryParameters(raw)), canonical, raw)
})

t.test('header values are trimmed and collapsed by ASCII blanks only', async (t) => {
  const fields = headerFields([
    ['X-A', '  a \t b  '],
    ['x-a', 'c'],
    ['X-Letter', '\u00c3\u00a0'],
    ['X-Empty', ' '],
  ])
  t.equal(fields.get('x-a'), 'a b,c')
  t.equal(fields.get('x-letter'), '\u00c3\u00a0', 'the UTF-8 of à ends with a byte 0xA0')
  t.equal(fields.get('x-empty'), '')
})

t.test('keys, tokens and signatures are secret names', async (t) => {
  for (const name of [
    'X-Amz-Server-Side-Encryption-Customer-Key',
    'x-amz-server-side-encryption-customer-key-MD5',
    'x-amz-copy-source-server-side-encryption-customer-key',
    'x-amz-meta-encryption-key',
    'X-Object-Encryption-Customer-Key',
    'X-Object-Meta-Encryption-Key',
    'X-Amz-Security-Token',
    'X-Amz-Signature',
    'X-Auth-Token',
    'X-Storage-Pass',
    'Authorization',
  ]) {
    t.ok(isSecretName(name), name)
  }
  for (const name of [
    'x-amz-server-side-encryption-customer-algorithm',
    'x-amz-server-side-encryption-aws-kms-key-id',
    'x-amz-signedheaders',
    'x-amz-meta-key',
  ]) {
    t.notOk(isSecretName(name), name)
  }
})

t.test('dates are read strictly', async (t) => {
  t.equal(readBasicDate('20130524T000000Z'), Date.UTC(2013, 4, 24))
  t.equal(writeBasicDate(Date.UTC(2013, 4, 24, 1, 2, 3, 999)), '20130524T010203Z')
  t.equal(readHttpDate('Fri, 24 May 2013 00:00:00 GMT'), Date.UTC(2013, 4, 24))
  t.equal(readHttpDate('Tue, 27 Mar 2007 19:36:42 +0000'), Date.UTC(2007, 2, 27, 19, 36, 42))
  for (const wrong of [
    '20130230T000000Z',
    '20130524T250000Z',
    '20130524T0000Z',
    '2013-05-24',
    '',
  ]) {
    t.equal(readBasicDate(wrong), undefined, wrong)
  }
  for (const wrong of [
    'Fri, 24 Foo 2013 00:00:00 GMT',
    '24 May 2013',
    'Fri, 24 May 2013 00:00:61 GMT',
  ]) {
    t.equal(readHttpDate(wrong), undefined, wrong)
  }
})
