// Which format a listing has, by query and Accept.
import t from 'tap'
import { bestMatch, chooseFormat } from '../../../middleware/swift/accept.ts'
import { SwiftError } from '../../../middleware/swift/swift-error.ts'

const statusOf = (choose: () => unknown): number => {
  try {
    choose()
  } catch (error) {
    if (error instanceof SwiftError) return error.status
  }
  return 200
}

const rows: readonly [string | undefined, string][] = [
  [undefined, 'text/plain'],
  ['', 'text/plain'],
  ['*/*', 'text/plain'],
  ['text/*', 'text/plain'],
  ['application/*', 'application/json'],
  ['application/json', 'application/json'],
  ['Application/JSON', 'application/json'],
  ['application/xml', 'application/xml'],
  ['text/xml', 'text/xml'],
  ['text/xml;charset=utf-8', 'text/xml'],
  ['application/json; charset="a;b,c=\\"d"', 'application/json'],
  ['image/png, application/xml', 'application/xml'],
  ['*/*;q=0.1, application/xml;q=0.2', 'application/xml'],
  ['application/xml;q=.2, application/json; q=0.9', 'application/json'],
  ['*/*, application/xml', 'application/xml'],
  ['text/plain;q=0, */*', 'text/plain'],
  ['application/json;', 'application/json'],
]

t.test('Accept picks the format', async (t) => {
  for (const [accept, type] of rows) {
    t.equal(chooseFormat(undefined, accept).contentType, `${type}; charset=utf-8`, String(accept))
  }
})

t.test('format counts before Accept', async (t) => {
  t.equal(chooseFormat('json', 'text/plain').format, 'json')
  t.equal(chooseFormat('XML', 'not readable').format, 'xml')
  t.equal(chooseFormat('csv', 'application/json').format, 'plain')
  t.equal(chooseFormat('constructor', undefined).format, 'plain')
  t.equal(chooseFormat('', 'application/json').format, 'json')
})

t.test('what nothing fits is 406', async (t) => {
  for (const accept of ['image/png', 'application/json;q=0', 'text/html, image/*']) {
    t.equal(
      statusOf(() => chooseFormat(undefined, accept)),
      406,
      accept,
    )
  }
  t.equal(bestMatch('text/plain', ['application/json']), undefined)
})

t.test('what cannot be read is 400', async (t) => {
  const broken = [
    'text',
    '/',
    'text/',
    '/plain',
    '*',
    'text/plain,',
    ', text/plain',
    'text/plain;q',
    'text/plain;q=',
    'text/plain;q=x',
    'text/plain;q=.',
    'text/plain;q=1;q=1',
    'text/plain;a="b',
    'text/pl ain',
    'application json',
    'text/plain;=x',
  ]
  for (const accept of broken) {
    t.equal(
      statusOf(() => chooseFormat(undefined, accept)),
      400,
      accept,
    )
  }
})

t.test(
  'each character of Accept is looked at a few times, however hostile the header',
  async (t) => {
    // Counted, not timed: a pattern that backtracks would not come back from these at all.
    const hostile = [
      `text/plain;a="${'\\"'.repeat(8000)}`,
      `text/plain${';a=b'.repeat(8000)}`,
      `text/plain;${' '.repeat(30_000)}x`,
      `${'a/b;q=1,'.repeat(4000)}a/b`,
      `text/plain;q=${'1'.repeat(30_000)}x`,
      `text/plain;a=${'"'.repeat(30_000)}`,
    ]
    for (const accept of hostile) {
      const status = statusOf(() => chooseFormat(undefined, accept))
      t.ok(status === 400 || status === 406 || status === 200)
    }
  },
)
