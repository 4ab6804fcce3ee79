// User metadata of accounts, containers and objects: what is read, how it shows, and its limits.
import t from 'tap'
import { readMetadata, titleCase, writeMetadata } from '../../../middleware/swift/metadata.ts'
import { SwiftError } from '../../../middleware/swift/swift-error.ts'

type Headers = Record<string, string | string[]>

const asked = (headers: Headers) => ({ req: { headers } }) as never
const bytes = (text: string) => Buffer.from(text).toString('latin1')

function refusal(owner: 'account' | 'container' | 'object', headers: Headers): string | undefined {
  try {
    readMetadata(asked(headers), owner as 'object')
  } catch (error) {
    if (error instanceof SwiftError && error.status === 400) return error.text
    throw error
  }
  return 'taken'
}

t.test('a container takes changes: values, and what is removed', async (t) => {
  const headers = {
    'x-container-meta-a': '1',
    'x-container-meta-b_c': bytes('é'),
    x_container_meta_d: '2',
    'x-container-meta-empty': '',
    'x-remove-container-meta-gone': 'x',
    'x-container-meta-both': 'wins',
    'x-remove-container-meta-both': 'x',
    'x-container-meta-constructor': '',
    'x-account-meta-a': 'of another level',
    'x-object-meta-a': 'of another level',
  }
  t.same(readMetadata(asked(headers), 'container'), {
    a: '1',
    'b-c': bytes('é'),
    d: '2',
    empty: null,
    gone: null,
    both: 'wins',
    constructor: null,
  })
})

t.test('an object takes the whole set, in which an empty value is a value', async (t) => {
  const headers = {
    'x-object-meta-a': '',
    'x-object-meta-b': '\xff',
    'x-remove-object-meta-c': 'x',
  }
  t.same(readMetadata(asked(headers), 'object'), { a: '', b: '\xff' })
})

t.test('limits hold for one request', async (t) => {
  const name = (length: number) => ({ [`x-container-meta-${'n'.repeat(length)}`]: 'v' })
  t.equal(refusal('container', name(128)), 'taken')
  t.match(refusal('container', name(129)), 'Metadata name too long: x-container-meta-nnn')
  t.equal(refusal('container', { 'x-container-meta-': 'v' }), 'Metadata name cannot be empty')
  const value = (length: number) => ({ 'x-account-meta-n': 'v'.repeat(length) })
  t.equal(refusal('account', value(256)), 'taken')
  t.equal(refusal('account', value(257)), 'Metadata value longer than 256: x-account-meta-n')
  t.equal(refusal('account', { 'x-account-meta-n': bytes('é'.repeat(128)) }), 'taken')
  t.match(refusal('account', { 'x-account-meta-n': bytes('é'.repeat(129)) }), 'longer than 256')
  const items = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-object-meta-${i}`, 'v']))
  t.equal(refusal('object', items(90)), 'taken')
  t.equal(refusal('object', items(91)), 'Too many metadata items; max 90')
  // 16 items of 2 + 254 bytes.
  const full = (last: number) =>
    Object.fromEntries(
      Array.from({ length: 16 }, (_, i) => [
        `x-object-meta-${10 + i}`,
        'v'.repeat(i === 15 ? last : 254),
      ]),
    )
  t.equal(refusal('object', full(254)), 'taken')
  t.equal(refusal('object', full(255)), 'Total metadata too large; max 4096')
})

t.test('only objects may hold what is no UTF-8', async (t) => {
  const broken = (owner: string) => ({ [`x-${owner}-meta-a`]: '\xc3' })
  t.equal(refusal('container', broken('container')), 'Metadata must be valid UTF-8')
  t.equal(refusal('account', broken('account')), 'Metadata must be valid UTF-8')
  t.equal(refusal('object', broken('object')), 'taken')
})

t.test('names show in title case', async (t) => {
  t.equal(titleCase('x-object-meta-a1b-cd'), 'X-Object-Meta-A1B-Cd')
  const sent: [string, string][] = []
  const ctx = { set: (name: string, value: string) => void sent.push([name, value]) }
  writeMetadata(ctx as never, 'container', { 'temp-x': '1', UPPER_case: bytes('é') })
  t.same(sent, [
    ['X-Container-Meta-Temp-X', '1'],
    ['X-Container-Meta-Upper_Case', bytes('é')],
  ])
})
