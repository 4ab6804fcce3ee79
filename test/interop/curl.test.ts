// curl, which signs by itself (--aws-sigv4), fetches presigned URLs and waits for 100 Continue.
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { clients, clientTest, program } from '../helpers/clients.ts'
import { accessKey, secretKey } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import { presignV4 } from './presign.ts'
import { contentOf, curlKey, headersOf, type Setting, startSetting } from './setting.ts'

t.setTimeout(600_000)

/** Credentials stand in a file: an access key may hold a colon, which --user would split at. */
function curlOn(setting: Setting) {
  const { host } = new URL(setting.node.https)
  const login = encodeURIComponent(accessKey)
  // S3 wants this header, and curl 7.88 does not send it by itself.
  const unhashed = ['-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD']
  const sign = ['--aws-sigv4', 'aws:amz:us-east-1:s3', ...unhashed]
  const fixed = ['--silent', '--show-error', '--cacert', setting.ca, '-w', '%{stderr}%{http_code}']
  const curl = program(clients.curl, fixed, { cwd: setting.path('.') })
  return {
    curl,
    /** Status and body of a request to `path`, signed by curl. */
    signed: async (path: string, ...args: readonly string[]) => {
      const url = `https://${login}:${secretKey}@${host}${path}`
      const { stderr, stdout } = await curl.run([...sign, ...args, url])
      return { status: stderr, body: stdout, text: stdout.toString() }
    },
    /** Status and body of a request to a whole URL, not signed. */
    bare: async (url: string, ...args: readonly string[]) => {
      const { stderr, stdout } = await curl.run([...args, url])
      return { status: stderr, body: stdout, text: stdout.toString() }
    },
  }
}

clientTest(t, clients.curl, 'curl signs puts, gets, ranges and deletes', async (t) => {
  const setting = await startSetting(t)
  const { signed } = curlOn(setting)
  const key = curlKey(setting.key)
  t.equal((await signed('/bucket', '-X', 'PUT')).status, '200')
  for (const size of [0, 1, 65537, 3 << 20]) {
    const file = setting.file(`f-${size}`, size)
    t.equal((await signed('/bucket/o', '-T', file, ...key)).status, '200', `${size} bytes up`)
    const got = await signed('/bucket/o', ...key)
    t.equal(got.status, '200')
    t.ok(got.body.equals(contentOf(`f-${size}`, size)), `${size} bytes down`)
  }
  const ranged = await signed('/bucket/o', '-r', '65530-65545', ...key)
  t.equal(ranged.status, '206')
  t.ok(ranged.body.equals(contentOf('f-3145728', 3 << 20).subarray(65530, 65546)))
  t.equal((await signed('/bucket/o')).status, '400', 'no key')
  t.equal((await signed('/bucket/o', ...curlKey(setting.other))).status, '403', 'another key')
  const head = await signed('/bucket/o', '-I', ...key)
  t.match(head.text, /^content-length: 3145728\r$/im)
  t.match((await signed('/bucket')).text, '<Key>o</Key>')
  t.equal((await signed('/bucket/o', '-X', 'DELETE')).status, '204')
  t.equal((await signed('/bucket/o', ...key)).status, '404')
})

clientTest(t, clients.curl, 'curl fetches presigned URLs with the key in headers', async (t) => {
  const setting = await startSetting(t)
  const { bare, signed } = curlOn(setting)
  const { https } = setting.node
  const key = curlKey(setting.key)
  await signed('/bucket', '-X', 'PUT')
  const file = setting.file('f', 70_000)
  const headers = headersOf(key)
  const put = await presignV4('PUT', https, '/bucket/a%20b', headers)
  t.equal((await bare(put, '-T', file)).status, '403', 'the key that was signed must come')
  t.equal((await bare(put, '-T', file, ...key)).status, '200')
  const unsignedPut = await presignV4('PUT', https, '/bucket/other')
  t.equal((await bare(unsignedPut, '-T', file, ...key)).status, '403', 'an unsigned key to write')
  for (const url of [
    await presignV4('GET', https, '/bucket/a%20b'),
    await presignV4('GET', https, '/bucket/a%20b', headers),
    `${https}${presignV2('GET', '/bucket/a%20b')}`,
  ]) {
    const got = await bare(url, ...key)
    t.equal(got.status, '200')
    t.ok(got.body.equals(contentOf('f', 70_000)))
    t.not((await bare(url)).status, '200', 'no key')
    t.equal((await bare(url, ...curlKey(setting.other))).status, '403', 'another key')
  }
  t.notMatch(setting.node.logged(), setting.key.base64, 'no key in the log')
})

clientTest(t, clients.curl, 'curl sends no body that will be refused', async (t) => {
  const setting = await startSetting(t)
  const { curl, signed } = curlOn(setting)
  const { https } = setting.node
  await signed('/bucket', '-X', 'PUT')
  const file = setting.file('f', 3 << 20)
  const send = async (url: string, ...args: readonly string[]) => {
    const count = ['-w', '%{stderr}%{http_code} %{size_upload}', '-H', 'Expect: 100-continue']
    // Long enough that curl would not give up the wait and send.
    const patient = ['--expect100-timeout', '60', '-o', setting.path('answer')]
    return (await curl.run([...count, ...patient, '-T', file, ...args, url])).stderr
  }
  t.equal(await send(`${https}/bucket/o`), '403 0', 'anonymous')
  const absent = await presignV4('PUT', https, '/absent-bucket/o')
  t.equal(await send(absent), '404 0', 'no such bucket')
  const allowed = await presignV4('PUT', https, '/bucket/o')
  t.equal(await send(allowed), `200 ${3 << 20}`)
  t.ok((await signed('/bucket/o')).body.equals(contentOf('f', 3 << 20)))
})

clientTest(t, clients.curl, 'curl sends a pipe, whose length it does not know', async (t) => {
  const setting = await startSetting(t)
  const { curl, signed } = curlOn(setting)
  await signed('/bucket', '-X', 'PUT')
  const key = curlKey(setting.key)
  const headers = headersOf(key)
  for (const size of [0, 1, 200_000]) {
    const input = contentOf('piped', size)
    const url = await presignV4('PUT', setting.node.https, '/bucket/piped', headers)
    t.equal((await curl.run(['-T', '-', ...key, url], { input })).stderr, '200', `${size} bytes`)
    t.ok((await signed('/bucket/piped', ...key)).body.equals(input))
  }
})

clientTest(t, clients.curl, 'curl without a signature is refused', async (t) => {
  const setting = await startSetting(t)
  const { bare, signed } = curlOn(setting)
  const { https, http } = setting.node
  await signed('/bucket', '-X', 'PUT')
  writeFileSync(setting.path('small'), 'x')
  await signed('/bucket/o', '-T', setting.path('small'))
  for (const path of ['/', '/bucket', '/bucket/o', '/bucket/absent']) {
    for (const base of [https, http]) {
      const { status, text } = await bare(base + path)
      t.equal(status, '403', path)
      t.match(text, '<Code>AccessDenied</Code>', path)
    }
  }
  t.equal((await bare(`${https}/bucket/o`, '-X', 'DELETE')).status, '403')
  t.equal((await bare(`${https}/bucket/new`, '-T', setting.path('small'))).status, '403')
  t.equal((await signed('/bucket/o')).text, 'x')
})
