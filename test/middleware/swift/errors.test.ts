// Errors as Swift's proxy says them: status, page or text, and headers. Nothing of a key is in any.
import t from 'tap'
import { type Code, CofferError, codes, type Details } from '../../../lib/errors.ts'
import { refuse } from '../../../middleware/errors.ts'
import type { Node } from '../../../middleware/node.ts'
import type { Context } from '../../../middleware/swift/context.ts'
import { swift } from '../../../middleware/swift/index.ts'
import { SwiftError } from '../../../middleware/swift/swift-error.ts'

interface Asked {
  readonly method?: string
  readonly token?: 'none' | 'valid' | 'invalid'
  readonly accountName?: string
}

function contextOf({ method = 'GET', token = 'none', accountName = 'AUTH_a' }: Asked) {
  const sent: Record<string, string> = { 'x-trans-id': 'tx1', connection: 'close', etag: 'stale' }
  const ctx = {
    method,
    response: { headers: sent },
    status: 0,
    message: '',
    body: undefined as string | undefined,
    set(name: string | Record<string, string>, value?: string) {
      if (typeof name === 'object') for (const [n, v] of Object.entries(name)) this.set(n, v)
      else sent[name.toLowerCase()] = value!
    },
    remove: (name: string) => void delete sent[name],
    state: { token, swift: { accountName } },
  }
  return { ctx: ctx as unknown as Context, sent }
}

const config = { swift: { resellers: [{ prefix: 'AUTH' }] } }
const speaker = swift({ config } as unknown as Node)

function render(error: unknown, asked: Asked = {}) {
  const { ctx, sent } = contextOf(asked)
  refuse(speaker, ctx, error)
  return { status: ctx.status, title: ctx.message, sent, body: ctx.body as string | undefined }
}

const coffer = (code: Code, details: Details = {}, asked?: Asked) =>
  render(new CofferError(code, details), asked)

const expected: readonly [Code, Details, number, string?][] = [
  ['BodyTruncated', {}, 499],
  ['BodyTooSlow', {}, 408],
  ['BodyTooLarge', {}, 413, 'Your request is too large.'],
  ['LengthMissing', {}, 411, 'Missing Content-Length header.'],
  ['DigestMismatch', { expected: 'a', computed: 'b' }, 422],
  ['ContainerMissing', { container: 'c' }, 404],
  ['ContainerNotEmpty', { container: 'c' }, 409],
  ['ContainerNotEmpty', { versions: 0 }, 409],
  ['ContainerNotEmpty', { versions: 2 }, 409, 'Delete all versions before deleting container.'],
  ['ObjectMissing', {}, 404],
  ['VersionMissing', {}, 404],
  ['VersionInvalid', { version: 'x' }, 400, 'Invalid version parameter'],
  ['ObjectNameTooLong', { size: 1025, limit: 1024 }, 400, '1025 bytes longer than 1024'],
  ['MetadataTooLarge', { size: 5000, limit: 4096 }, 400, 'Total metadata too large; max 4096'],
  ['MetadataTooMany', { count: 91, limit: 90 }, 400, 'Too many metadata items; max 90'],
  ['ObjectTooLarge', {}, 413, 'Your request is too large.'],
  ['KeyRequired', {}, 400, 'X-Object-Encryption-Customer-Key'],
  ['KeyWrong', {}, 403, 'not the key of this object'],
  ['KeyWrong', { status: 400 }, 400, 'not the key of this object'],
  ['KeyNotApplicable', {}, 400, 'not sealed'],
  ['KeyInvalid', { message: 'too short' }, 400, 'too short'],
  ['KeyAlgorithmInvalid', { value: 'AES128' }, 400, 'AES256'],
  ['KeyInsecure', { rule: 'over plain HTTP' }, 400, 'over plain HTTP'],
  ['StoreFull', {}, 503],
  ['StoreUnavailable', {}, 503],
  ['StoreCorrupt', {}, 500],
  ['NotSupported', { what: 'quotas' }, 501, 'quotas'],
  ['Internal', {}, 500],
]

t.test('each cause has its status and its text', async (t) => {
  for (const [code, details, status, text] of expected) {
    const { status: found, sent, body } = coffer(code, details)
    t.equal(found, status, code)
    if (text === undefined) {
      t.equal(sent['content-type'], 'text/html; charset=UTF-8', code)
      t.match(body, /^<html><h1>[A-Z].*<\/h1><p>[A-Z].*\.<\/p><\/html>$/, code)
    } else {
      t.equal(sent['content-type'], 'text/plain; charset=UTF-8', code)
      t.match(body, text, code)
    }
  }
})

t.test('every code has an answer, and none of them shows a key', async (t) => {
  const key = 'c2VjcmV0LWtleS1zZWNyZXQta2V5LXNlY3JldC1rZXk='
  for (const code of codes) {
    const { status, title, sent, body } = coffer(code, {
      value: key,
      accessKey: key,
      signature: key,
    })
    t.ok(status === 304 || (status >= 400 && status < 600), code)
    t.not(title, 'Unknown', code)
    t.notMatch(`${JSON.stringify(sent)} ${body}`, key, code)
  }
})

t.test('who is denied is 401 without a valid token, 403 with one', async (t) => {
  for (const token of ['none', 'invalid'] as const) {
    const { status, sent } = coffer('AccessDenied', {}, { token })
    t.equal(status, 401)
    t.equal(sent['www-authenticate'], 'Swift realm="AUTH_a"')
  }
  const known = coffer('AccessDenied', {}, { token: 'valid' })
  t.equal(known.status, 403)
  t.notOk(known.sent['www-authenticate'])
  t.equal(coffer('KeyWrong').status, 403, 'a wrong key is no question of tokens')
})

t.test('a realm cannot leave its quotes', async (t) => {
  const { sent } = coffer('AccessDenied', {}, { accountName: 'AUTH_"\r\né' })
  t.match(sent['www-authenticate'], /^Swift realm="[\w%]+"$/)
})

t.test(
  'headers that belong to a cause are set, and those of an answer that was begun are gone',
  async (t) => {
    const range = coffer('RangeUnsatisfiable', { size: 10 })
    t.equal(range.status, 416)
    t.equal(range.sent['content-range'], 'bytes */10')
    t.same(Object.keys(range.sent), ['x-trans-id', 'connection', 'content-type', 'content-range'])
    t.equal(coffer('StoreUnavailable').sent['retry-after'], '1')
    t.equal(coffer('ObjectMissing', { versioning: 'enabled' }).sent['x-object-version-id'], 'null')
    t.notOk(coffer('ObjectMissing').sent['x-object-version-id'])
    const marker = coffer('VersionIsMarker', { version: 'v1' })
    t.equal(marker.status, 404)
    t.equal(marker.sent['content-type'], 'application/x-deleted;swift_versions_deleted=1')
    t.equal(marker.sent['x-object-version-id'], 'v1')
  },
)

t.test('304 has headers alone', async (t) => {
  const { status, sent, body } = coffer('NotModified', { etag: 'e', modifiedMicros: 1_000_001 })
  t.equal(status, 304)
  t.equal(body, undefined)
  t.equal(sent.etag, 'e')
  t.equal(sent['last-modified'], 'Thu, 01 Jan 1970 00:00:02 GMT')
  t.notOk(sent['content-type'])
})

t.test('HEAD has no body, and a failed condition of a read none either', async (t) => {
  t.equal(coffer('ObjectMissing', {}, { method: 'HEAD' }).body, undefined)
  t.equal(coffer('PreconditionFailed', {}, { method: 'GET' }).body, '')
  t.match(coffer('PreconditionFailed', {}, { method: 'PUT' }).body, 'Precondition Failed')
})

t.test('the dialect’s own refusals say what they hold', async (t) => {
  const own = render(new SwiftError(405, undefined, { Allow: 'GET' }))
  t.match(own, { status: 405, title: 'Method Not Allowed', sent: { allow: 'GET' } })
  const text = render(new SwiftError(412, '<b>'))
  t.match(text, { status: 412, body: '<b>', sent: { 'content-type': 'text/plain; charset=UTF-8' } })
})

t.test('what nobody foresaw is 500 without a word of it', async (t) => {
  const { status, body } = render(new Error('secret'))
  t.equal(status, 500)
  t.notMatch(body, 'secret')
})
