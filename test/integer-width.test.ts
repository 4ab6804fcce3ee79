// A catalog whose integers another program wrote in another form of CBOR, as docs/format.md §5 lets it: every
// verb works on it as on coffer's own, and so do the command line and the decrypt program.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { main } from '../bin/decrypt.ts'
import { customerKey, type Expected } from './fixtures/expected.ts'
import { copyFixture, type Fixture, newestFixture } from './helpers/fixture.ts'
import { isBody, type Opened, openFixture, pathOf, readsAll } from './helpers/fixture-node.ts'
import { rewriteIntegers } from './helpers/integer-width.ts'
import { keyHeaders } from './helpers/node.ts'
import { run, scratch } from './helpers/process.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Sends a request of either dialect, which must succeed. */
async function succeeds(t: Test, ask: Opened['request'], ...request: Parameters<typeof ask>) {
  const answer = await ask(...request)
  const [method, path] = request
  t.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`)
  return answer
}

/** Changes what is there through each verb that reads rows before it writes them. */
async function changesAll(t: Test, node: Opened, { upload, versions }: Expected) {
  const s3 = (...request: Parameters<typeof node.request>) => succeeds(t, node.request, ...request)
  const swift = (...request: Parameters<typeof node.request>) =>
    succeeds(t, (...asked) => node.swift.request(...asked), ...request)
  for (const query of ['?list-type=2', '?versions', '?uploads']) await s3('GET', `/plain${query}`)
  await swift('GET', '/versions?versions&format=json')
  const path = pathOf(upload)
  t.match((await s3('GET', `${path}?uploadId=${upload.uploadId}`)).text, '<PartNumber>')
  const part = `<Part><PartNumber>${upload.part}</PartNumber><ETag>${upload.etag}</ETag></Part>`
  await s3('POST', `${path}?uploadId=${upload.uploadId}`, {
    body: `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`,
  })
  isBody(t, await s3('GET', path), upload, 'the upload is completed')
  const range = await s3('GET', '/plain/parts', { headers: { range: 'bytes=65530-65545' } })
  t.equal(range.body.length, 16)
  const copySource = { 'x-amz-copy-source': '/plain/large' }
  await s3('PUT', '/plain/copied', { headers: copySource })
  await s3('PUT', '/plain/resealed', {
    headers: { ...copySource, ...keyHeaders(customerKey(9)) },
  })
  await s3('PUT', '/plain/small.txt', { body: 'replaced' })
  await swift('POST', '/swift/note', { headers: { 'X-Delete-At': '4102444801' } })
  const [version] = versions
  await swift('PUT', `${pathOf(version!)}?version-id=${version!.versionId}`)
  await s3('DELETE', `${pathOf(version!)}?versionId=${version!.versionId}`)
  await s3('DELETE', '/plain/copy')
}

/** Every object under a key or the root key comes back without a server. */
async function decryptsAll(t: Test, { data, expected }: Fixture) {
  const directory = scratch(t)
  const keyFile = join(directory, 'key')
  for (const [i, object] of [...expected.objects, ...expected.versions].entries()) {
    const { key, versionId } = object
    if (key !== undefined) writeFileSync(keyFile, customerKey(key))
    const out = join(directory, `out${i}`)
    const code = await main([
      ...['--data', data, '--account', 'test', '--container', object.container],
      ...['--object', object.object, '--out', out],
      ...(versionId === undefined ? [] : ['--version', versionId]),
      ...(key === undefined ? ['--keyring', join(data, 'keyring')] : ['--key-file', keyFile]),
    ])
    t.equal(code, 0, `${object.object} is decrypted`)
    t.equal(sha256(readFileSync(out)), object.sha256)
  }
}

const kindsOfFixture = [
  ...['account', 'bucket', 'container', 'expiry', 'hidden', 'layout', 'meta', 'object'],
  ...['root-keys', 'segment', 'setting', 'upload', 'version', 'volume'],
]

for (const form of ['int64', 'float64'] as const) {
  t.test(`a catalog whose integers are written as ${form} is read and changed`, async (t) => {
    const fixture = copyFixture(t, newestFixture)
    const kinds = await rewriteIntegers(
      join(fixture.data, 'catalog'),
      join(fixture.data, 'keyring'),
      form,
    )
    t.same([...kinds.keys()].sort(), kindsOfFixture, 'rows of all kinds')
    await decryptsAll(t, fixture)
    const node = await openFixture(t, fixture)
    await readsAll(t, node, fixture)
    await changesAll(t, node, fixture.expected)
    await node.stop()
    const checked = await run(['fsck', ...fixture.args])
    t.equal(checked.code, 0, checked.stdout + checked.stderr)
  })
}
