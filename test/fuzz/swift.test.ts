// What Swift's clients send, made of the pieces that it is made of: whatever comes, a parser answers or refuses
// in its own words, and what it answers holds together.
import t from 'tap'
import { AclInvalid, cleanAcl, parseAccountAcl, parseAcl } from '../../lib/auth/acl.ts'
import { makeTokens } from '../../lib/auth/tokens.ts'
import { makeUsers } from '../../lib/auth/users.ts'
import { isCode } from '../../lib/errors.ts'
import { chooseFormat } from '../../middleware/swift/accept.ts'
import { checkType } from '../../middleware/swift/content-type.ts'
import { detect, parseQuery } from '../../middleware/swift/detect.ts'
import { objectPageOf, versionPageOf } from '../../middleware/swift/listing-parameters.ts'
import { readMetadata } from '../../middleware/swift/metadata.ts'
import { parseAccount, parsePath, quotePath } from '../../middleware/swift/quote.ts'
import { swiftRanges } from '../../middleware/swift/ranges.ts'
import { SwiftError } from '../../middleware/swift/swift-error.ts'
import { users } from '../helpers/node.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { memoryRevocations } from '../helpers/revocations.ts'

const ROUNDS = 20_000

const noise = [
  ...'aZ0 \t,;:/="\\.*-+%&?#',
  'é',
  '\u00a0',
  '\u0000',
  '\u00ff',
  '%2F',
  '%00',
  '%ff',
  '%',
]

function textOf(random: Random, words: readonly string[], most = 12): string {
  return Array.from({ length: random.integer(most) }, () =>
    random.pick(random.integer(4) === 0 ? noise : words),
  ).join('')
}

/** What a parser answers; undefined where it refuses in a client's words. Anything else is an error. */
function answerOf<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof SwiftError && error.status >= 400 && error.status < 500) return undefined
    if (error instanceof AclInvalid || isCode(error, 'RangeUnsatisfiable')) return undefined
    throw error
  }
}

/** Tries `words` on a parser many times; `wrong` says what does not hold of an answer. */
function fuzz(
  name: string,
  words: readonly string[],
  wrong: (text: string, random: Random) => string | undefined,
): void {
  t.test(name, async (t) => {
    const random = randomFrom(seedOfRun())
    for (let round = 0; round < ROUNDS; round++) {
      const text = textOf(random, words)
      let found: string | undefined
      try {
        found = wrong(text, random)
      } catch (error) {
        found = `threw ${error}`
      }
      if (found !== undefined) {
        t.fail(`seed ${random.seed}: ${JSON.stringify(text)}: ${found}`)
        return
      }
    }
    t.pass(`${ROUNDS} texts`)
  })
}

const types = ['text/plain', 'application/json', 'application/xml', 'text/xml']
fuzz(
  'Accept and format choose one of the four types, or are refused',
  [...types, '*/*', 'text/*', ';q=', '0.5', '1', ',', ';', 'charset=', '"', 'json', 'xml'],
  (text, random) => {
    const format = random.integer(3) === 0 ? text : undefined
    const chosen = answerOf(() => chooseFormat(format, text))
    if (chosen === undefined) return undefined
    return types.includes(chosen.contentType.split(';')[0]!) ? undefined : chosen.contentType
  },
)

fuzz(
  'Range gives extents within the object, at most 50 of them',
  ['bytes=', '-', ',', '0', '1', '9', '10', '99999999999999999999', ' '],
  (text, random) => {
    const size = random.pick([0, 1, 10, 11, 1000])
    const extents = answerOf(() => swiftRanges(text)?.(size)) ?? []
    if (extents.length > 50) return `${extents.length} extents`
    const outside = extents.some(
      ({ offset, length }) =>
        !Number.isSafeInteger(offset) || offset < 0 || length < 0 || offset + length > size,
    )
    return outside ? JSON.stringify(extents) : undefined
  },
)

fuzz(
  'an access list that is taken is kept as it was cleaned',
  ['.r:', '.referrer:', '*', '.rlistings', 'AUTH_a', 'test', ':tester', '-', '.example.com', ','],
  (text, random) => {
    const kind = random.pick(['read', 'write'] as const)
    const clean = answerOf(() => cleanAcl(text, kind))
    if (clean === undefined) return undefined
    const again = answerOf(() => cleanAcl(clean, kind))
    parseAcl(clean)
    // A star before a host goes each time, as in Swift's clean_acl.
    return again === clean || text.includes('*')
      ? undefined
      : `${JSON.stringify(clean)}, then ${JSON.stringify(again)}`
  },
)

fuzz(
  "an account's access list has lists of names, or is refused",
  ['{', '}', '"admin"', '"read-only"', ':', '[', ']', '"a"', ',', '1', 'null', '"__proto__"'],
  (text) => {
    const acl = answerOf(() => parseAccountAcl(text))
    if (acl === undefined) return undefined
    const lists = [acl.admin, acl.readOnly, acl.readWrite]
    return lists.every(Array.isArray) ? undefined : JSON.stringify(acl)
  },
)

fuzz(
  'a path and a query name an operation, or are refused',
  ['/', '/v1', '/v1.0', '/AUTH_a', '/c', '/o', '?', 'versions', '&', '=', 'version-id=', 'symlink'],
  (text, random) => {
    const [path = '', query = ''] = `/v1${text}`.split(/\?(.*)/s)
    const method = random.pick(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'COPY', 'OPTIONS', 'X'])
    const request = answerOf(() => detect(method, { path, query }, {}, 'AUTH'))
    return request === undefined || request.operation ? undefined : JSON.stringify(request)
  },
)

fuzz(
  'a listing has at most 10,000 entries, or is refused',
  [
    'limit',
    'prefix',
    'delimiter',
    'marker',
    'end_marker',
    'path',
    'reverse',
    '=',
    '&',
    '10001',
    '9',
  ],
  (text) => {
    const query = answerOf(() => parseQuery(text))
    if (query === undefined) return undefined
    const pages = [answerOf(() => objectPageOf(query)), answerOf(() => versionPageOf(query))]
    const limits = pages.map((page) => page?.limit ?? 0)
    return limits.every((limit) => limit <= 10_000) ? undefined : String(limits)
  },
)

fuzz(
  'metadata that is taken is within its limits, and text',
  ['a', '-', '_', 'é', 'constructor', '__proto__', 'x'.repeat(129), 'y'.repeat(300), 'z', ' '],
  (text, random) => {
    const names = [text, textOf(random, ['a', 'b', '-'])].map((name) => name.toLowerCase())
    const headers = Object.fromEntries(
      names.map((name) => [`x-object-meta-${name}`, textOf(random, ['v', 'w', 'é'])]),
    )
    const metadata = answerOf(() => readMetadata({ req: { headers } } as never, 'object'))
    if (metadata === undefined) return undefined
    const bytes = Object.entries(metadata).flat().join('').length
    return bytes <= 4096 + 1024 &&
      Object.values(metadata).every((value) => typeof value === 'string')
      ? undefined
      : JSON.stringify(metadata)
  },
)

fuzz(
  'a path in a header has container and object, and quoting brings it back',
  ['/', 'c', 'o', '%20', '%C3%A9', '..', '//'],
  (text) => {
    const path = answerOf(() => parsePath('X-Copy-From', text))
    answerOf(() => parseAccount(text))
    answerOf(() => checkType(text))
    if (path === undefined) return undefined
    const again = parsePath('X-Copy-From', quotePath(`${path.container}/${path.object}`))
    return again.container === path.container && again.object === path.object
      ? undefined
      : JSON.stringify([path, again])
  },
)

t.test('no changed token is taken', async (t) => {
  const random = randomFrom(seedOfRun())
  const key = random.bytes(32)
  const keyring = { active: 'k1', key: (id: string) => (id === 'k1' ? key : undefined) }
  const logouts = memoryRevocations()
  const tokens = makeTokens(keyring, logouts, { prefix: 'AUTH', lifeSeconds: 60 })
  const known = makeUsers(users)
  const { token } = (await tokens.issue(known, known.byName('test', 'tester')!, 0))!
  t.ok(await tokens.open(known, token, 0))
  let taken = 0
  for (let round = 0; round < ROUNDS; round++) {
    const at = random.integer(token.length + 1)
    const changed = random.pick([
      token.slice(0, at),
      token.slice(0, at) + textOf(random, [...'AQgw_-=']) + token.slice(at),
      token.slice(0, at) + textOf(random, [...'AQgw_-=']) + token.slice(at + 1),
      token + textOf(random, ['=', 'A']),
      `AUTH_tk${textOf(random, ['e30', 'W10', 'AAAA'])}`,
    ])
    if (changed !== token && (await tokens.open(known, changed, 0)) !== undefined) taken++
  }
  t.equal(taken, 0, `seed ${random.seed}`)
})
