// A node on the copy of a fixture, and checks of all that the fixture must contain.
import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { customerKey, type ExpectedObject } from '../fixtures/expected.ts'
import type { Fixture } from './fixture.ts'
import { type Answer, keyHeaders, type SentRequest, send } from './node.ts'
import { start } from './process.ts'
import { login, type Session } from './swift.ts'

const encoded = (object: string) => object.split('/').map(encodeURIComponent).join('/')
export const pathOf = ({ container, object }: { container: string; object: string }) =>
  `/${container}/${encoded(object)}`

function swiftKey(key: number | undefined): Record<string, string> {
  if (key === undefined) return {}
  const name = 'X-Object-Encryption-Customer'
  return {
    [`${name}-Algorithm`]: 'AES256',
    [`${name}-Key`]: customerKey(key).toString('base64'),
  }
}

export interface Opened {
  request(method: string, path: string, options?: SentRequest): Promise<Answer>
  readonly swift: Session
  stop(): Promise<void>
}

/** Runs the present release on a copy of the fixture. */
export async function openFixture(t: Test, { args }: Fixture): Promise<Opened> {
  const { http, child, exited } = await start(t, args)
  const request = (method: string, path: string, options: SentRequest = {}) =>
    send(http, method, path, options, '')
  return {
    request,
    swift: await login({ request }),
    async stop() {
      child.kill('SIGTERM')
      const { code, stderr } = await exited
      t.equal(code, 0, stderr)
    },
  }
}

export function isBody(t: Test, answer: Answer, expected: ExpectedObject, name: string): void {
  t.equal(answer.status, 200, name)
  t.equal(answer.body.length, expected.size, `${name}: size`)
  t.equal(createHash('sha256').update(answer.body).digest('hex'), expected.sha256, name)
}

/** Reads the whole fixture through both dialects. */
export async function readsAll(t: Test, { request, swift }: Opened, { expected }: Fixture) {
  const { objects, versions, markers } = expected
  for (const each of [...objects, ...versions]) {
    const { key, versionId } = each
    const sealed = key === undefined ? {} : keyHeaders(customerKey(key))
    const path = pathOf(each)
    const query = (name: string) => (versionId === undefined ? '' : `?${name}=${versionId}`)
    const s3 = await request('GET', path + query('versionId'), { headers: sealed })
    isBody(t, s3, each, `S3 ${path}${query('versionId')}`)
    const read = { headers: swiftKey(key) }
    isBody(t, await swift.request('GET', path + query('version-id'), read), each, `Swift ${path}`)
    if (key === undefined) continue
    const other = { headers: keyHeaders(customerKey(key + 100)) }
    t.equal((await request('GET', path, other)).status, 403, `${path} under another key`)
  }
  for (const marker of markers) {
    const plain = await request('GET', pathOf(marker))
    t.equal(plain.status, 404)
    t.equal(plain.headers['x-amz-delete-marker'], 'true')
    const byId = await request('HEAD', `${pathOf(marker)}?versionId=${marker.versionId}`)
    t.equal(byId.status, 405)
  }
  const small = await request('GET', '/plain/small.txt')
  t.match(small.headers, { 'x-amz-meta-colour': 'blue' })
  t.equal(small.headers['content-type'], 'text/plain; charset=utf-8')
  const note = await swift.request('HEAD', '/swift/note')
  t.match(note.headers, { 'x-object-meta-shape': 'round', 'x-delete-at': '4102444800' })
  const container = await swift.request('HEAD', '/swift')
  t.match(container.headers, { 'x-container-meta-season': 'summer' })
  t.equal(container.headers['x-container-read'], '.r:*,.rlistings')
  t.equal(container.headers['x-container-object-count'], '2')
  t.equal((await swift.request('HEAD', '')).headers['x-account-meta-town'], 'Ulm')
  const anonymous = await request('GET', '/v1/AUTH_test/swift/note', { sign: false })
  t.equal(anonymous.status, 200, 'the ACL holds')
  const state = await request('GET', '/versions?versioning')
  t.match(state.text, '<Status>Suspended</Status>')
  const listed = await swift.request('GET', '/plain')
  const names = objects.filter((each) => each.container === 'plain').map(({ object }) => object)
  t.same(listed.text.trimEnd().split('\n'), names.sort())
}
