// SigV2 over HTTP: what a signature covers must be what the request is then taken for. Requests are signed
// here apart from lib/auth.
import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import {
  type Answer,
  accessKey,
  exchange,
  keyHeaders,
  secretKey,
  startNode,
  type TestNode,
} from '../../helpers/node.ts'
import { completeBody, customerKey, element, md5, outcome } from '../../helpers/s3.ts'

const hmac = (text: string) =>
  createHmac('sha1', secretKey).update(Buffer.from(text, 'latin1')).digest('base64')

interface Sent {
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly host?: string
}

async function ask(node: TestNode, method: string, path: string, sent: Sent = {}): Promise<Answer> {
  const { hostname, port, host } = new URL(node.http)
  const headers = { host: sent.host ?? host, ...sent.headers }
  return await exchange(
    { method, path, hostname, port, headers, setHost: false },
    Buffer.from(sent.body ?? ''),
  )
}

/** Signed by header; `resource` is what the client signs as the resource. */
async function signed(
  node: TestNode,
  method: string,
  path: string,
  resource: string,
  sent: Sent = {},
): Promise<Answer> {
  const date = new Date().toUTCString()
  const { 'content-md5': digest = '', 'content-type': type = '' } = sent.headers ?? {}
  const text = `${method}\n${digest}\n${type}\n${date}\n${resource}`
  const headers = { date, authorization: `AWS ${accessKey}:${hmac(text)}`, ...sent.headers }
  return await ask(node, method, path, { ...sent, headers })
}

const soon = () => Math.floor(Date.now() / 1000) + 300

/** The query of a URL presigned for a string to sign of `METHOD\nmd5\ntype\nEXPIRES\n<rest>`. */
function presigned(method: string, rest: string, head = '\n'): string {
  const expires = soon()
  const signature = encodeURIComponent(hmac(`${method}\n${head}\n${expires}\n${rest}`))
  return `AWSAccessKeyId=${accessKey}&Expires=${expires}&Signature=${signature}`
}

t.test('a subresource without a value is signed as its name, with `=` or without', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  for (const path of ['/bkt?uploads=', '/bkt?uploads']) {
    t.equal(outcome(await signed(node, 'GET', path, '/bkt/?uploads')), '200', path)
  }
  t.equal(outcome(await signed(node, 'GET', '/bkt?uploads=', '/bkt?uploads=')), '200')
  t.equal(
    outcome(await signed(node, 'GET', '/bkt?uploads=', '/bkt?acl')),
    '403 SignatureDoesNotMatch',
  )
})

t.test('a V2 client learns that a bucket has no policy, not that its key is wrong', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const asked = await signed(node, 'GET', '/bkt?policy=', '/bkt/?policy')
  t.equal(outcome(asked), '404 NoSuchBucketPolicy')
  const set = await signed(node, 'PUT', '/bkt?policy=', '/bkt/?policy', { body: '{}' })
  t.equal(outcome(set), '501 NotImplemented')
})

t.test('a V2 client uploads in parts, as minio-go does what has no known length', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const created = await signed(node, 'POST', '/bkt/o?uploads=', '/bkt/o?uploads')
  const id = element(created, 'UploadId')
  t.match(id, /^[0-9a-f]+$/)
  const query = `?partNumber=1&uploadId=${id}`
  const body = 'all of it'
  const headers = { 'content-md5': md5(body).digest('base64') }
  const part = await signed(node, 'PUT', `/bkt/o${query}`, `/bkt/o${query}`, { headers, body })
  t.equal(outcome(part), '200')
  const done = await signed(node, 'POST', `/bkt/o?uploadId=${id}`, `/bkt/o?uploadId=${id}`, {
    body: completeBody([[1, part.headers.etag!]]),
  })
  t.equal(outcome(done), '200')
  t.equal((await signed(node, 'GET', '/bkt/o', '/bkt/o')).text, body)
})

t.test('a URL for one thing does not reach another by an escaped parameter', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  })
  const old = (await node.request('PUT', '/bkt/o', { body: 'old' })).headers['x-amz-version-id']
  await node.request('PUT', '/bkt/o', { body: 'new' })
  const refused = '403 SignatureDoesNotMatch'
  for (const name of ['versionId', '%76ersionId', 'version%49d', '%76%65rsionId']) {
    for (const method of ['GET', 'DELETE']) {
      const query = `${presigned(method, '/bkt/o')}&${name}=${old}`
      t.equal(outcome(await ask(node, method, `/bkt/o?${query}`)), refused, `${method} ${name}`)
    }
  }
  t.equal((await node.request('GET', `/bkt/o?versionId=${old}`)).text, 'old', 'nothing went')
  const typed = `${presigned('GET', '/bkt/o')}&%72esponse-content-type=text/html`
  t.equal(outcome(await ask(node, 'GET', `/bkt/o?${typed}`)), refused)
  const bucket = `${presigned('PUT', '/bkt')}&%76ersioning`
  t.equal(outcome(await ask(node, 'PUT', `/bkt?${bucket}`)), refused)
  const right = `${presigned('GET', `/bkt/o?versionId=${old}`)}&%76ersionId=${old}`
  t.equal((await ask(node, 'GET', `/bkt/o?${right}`)).text, 'old', 'signed decoded, it is the same')
})

t.test('a line break in a signed value makes no other request of it', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/mine', { body: 'mine' })
  await node.request('PUT', '/bkt/other', { body: 'other' })
  const until = soon() + 1000
  // A service that signs downloads takes the file's name from whoever asks.
  const name = `\n${until}\n/bkt/other`
  const resource = `/bkt/mine?response-content-disposition=${name}`
  const expires = soon()
  const signature = encodeURIComponent(hmac(`GET\n\n\n${expires}\n${resource}`))
  const as = `AWSAccessKeyId=${accessKey}&Signature=${signature}`
  const sent = `response-content-disposition=${encodeURIComponent(name)}`
  const honest = await ask(node, 'GET', `/bkt/mine?${as}&Expires=${expires}&${sent}`)
  t.equal(outcome(honest), '400 AuthorizationQueryParametersError')
  const type = encodeURIComponent(`\n${expires}\n/bkt/mine?response-content-disposition=`)
  for (const parameter of ['content-type', '%63ontent-type']) {
    const forged = `/bkt/other?${as}&Expires=${until}&${parameter}=${type}`
    t.equal(outcome(await ask(node, 'GET', forged)), '400 AuthorizationQueryParametersError')
  }
  const digest = encodeURIComponent(`\n\n${expires}`)
  const moved = `/bkt/other?${presigned('GET', '/bkt/other', `\n\n${expires}\n`)}`
  t.equal(
    outcome(await ask(node, 'GET', `${moved}&content-md5=${digest}`)),
    '400 AuthorizationQueryParametersError',
  )
  const amz = encodeURIComponent('a\nx-amz-acl:private')
  const lines = 'x-amz-meta-a:a\nx-amz-acl:private\n'
  const put = `/bkt/mine?${presigned('PUT', `${lines}/bkt/mine`)}&x-amz-meta-a=${amz}`
  t.equal(outcome(await ask(node, 'PUT', put)), '400 AuthorizationQueryParametersError')
})

t.test('a signed value that reads as another parameter is refused', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', { body: 'x' })
  const query = presigned('GET', '/bkt/o?response-content-disposition=a&response-content-type=b')
  const whole = `response-content-disposition=${encodeURIComponent('a&response-content-type=b')}`
  t.equal(
    outcome(await ask(node, 'GET', `/bkt/o?${query}&${whole}`)),
    '400 AuthorizationQueryParametersError',
  )
  const split = 'response-content-disposition=a&response-content-type=b'
  t.equal(outcome(await ask(node, 'GET', `/bkt/o?${query}&${split}`)), '200')
  const named = 'attachment; filename="Tom & Jerry.txt"'
  const other = presigned('GET', `/bkt/o?response-content-disposition=${named}`)
  const sent = `response-content-disposition=${encodeURIComponent(named)}`
  const got = await ask(node, 'GET', `/bkt/o?${other}&${sent}`)
  t.equal(got.headers['content-disposition'], named, 'an ampersand alone is nothing bad')
})

t.test('what comes twice in a signed URL is refused', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const put = (query: string) => ask(node, 'PUT', `/bkt/o?${query}`, { body: 'x' })
  const query = presigned('PUT', 'x-amz-meta-a:1\n/bkt/o')
  t.equal(outcome(await put(`${query}&x-amz-meta-a=1`)), '200')
  for (const twice of [
    `x-amz-meta-a=2&${query}&x-amz-meta-a=1`,
    `X-Amz-Meta-A=2&${query}&x-amz-meta-a=1`,
    `${query}&x-amz-meta-a=1&Expires=9`,
    `AWSAccessKeyId=nobody&${query}&x-amz-meta-a=1`,
  ]) {
    t.equal((await put(twice)).status, 400, twice)
  }
  t.equal((await node.request('HEAD', '/bkt/o')).headers['x-amz-meta-a'], '1')
})

t.test('the digest and the type that a URL was signed with hold for the body', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const digest = md5('right').digest('base64')
  const query = `${presigned('PUT', '/bkt/o', `${digest}\ntext/x`)}&content-md5=${encodeURIComponent(digest)}&content-type=text%2Fx`
  t.equal(outcome(await ask(node, 'PUT', `/bkt/o?${query}`, { body: 'wrong' })), '400 BadDigest')
  t.equal(outcome(await ask(node, 'PUT', `/bkt/o?${query}`, { body: 'right' })), '200')
  t.equal((await node.request('HEAD', '/bkt/o')).headers['content-type'], 'text/x')
})

t.test('a copy that a V2 URL asks for in its query is a copy', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/s', { body: 'source' })
  const query = `${presigned('PUT', 'x-amz-copy-source:/bkt/s\n/bkt/t')}&x-amz-copy-source=%2Fbkt%2Fs`
  const copied = await ask(node, 'PUT', `/bkt/t?${query}`)
  t.equal(outcome(copied), '200')
  t.match(copied.text, '<CopyObjectResult')
  t.equal((await node.request('GET', '/bkt/t')).text, 'source')
})

t.test('a host names one bucket, for the signature and for what is read', async (t) => {
  const node = await startNode(t, { domains: ['test.local', 's3.test.local'] })
  for (const bucket of ['bkt', 'bkt.s3']) {
    await node.request('PUT', `/${bucket}`)
    await node.request('PUT', `/${bucket}/o`, { body: `of ${bucket}` })
  }
  const host = 'bkt.s3.test.local'
  t.equal((await signed(node, 'GET', '/o', '/bkt/o', { host })).text, 'of bkt')
  t.equal(
    outcome(await signed(node, 'GET', '/o', '/bkt.s3/o', { host })),
    '403 SignatureDoesNotMatch',
  )
  t.equal(outcome(await signed(node, 'GET', '/o', '/o', { host })), '403 SignatureDoesNotMatch')
  t.equal((await signed(node, 'GET', '/o', '/bkt/o', { host: 'BKT.test.local:80' })).text, 'of bkt')
})

t.test('a second Host line names no other bucket than the first', async (t) => {
  const node = await startNode(t, { domains: ['test.local'] })
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/a/o', { body: 'secret' })
  const { hostname, port } = new URL(node.http)
  const headers = ['Host', 'bkt.test.local', 'Host', 'x']
  const path = `/a/o?${presigned('GET', '/a/o')}`
  const status = await new Promise((resolve, reject) => {
    httpRequest({ hostname, port, path, headers, setHost: false, agent: false }, (res) => {
      res.resume()
      resolve(res.statusCode)
    })
      .on('error', reject)
      .end()
  })
  t.match(String(status), /^40[03]$/)
})

t.test(
  'a customer key in the query of an unsigned or header-signed request is refused',
  async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    const key = new URLSearchParams(keyHeaders(customerKey('k')))
    const refused = '400 InvalidArgument'
    t.equal(outcome(await node.request('PUT', `/bkt/o?${key}`, { body: 'x' })), refused)
    t.equal(outcome(await signed(node, 'PUT', `/bkt/o?${key}`, '/bkt/o', { body: 'x' })), refused)
    t.equal(outcome(await ask(node, 'GET', `/bkt/o?${key}`)), refused)
    t.equal((await node.request('GET', '/bkt/o')).status, 404)
    for (const name of key.keys()) {
      const one = await node.request('PUT', `/bkt/o?${name}=AES256`, { body: 'x' })
      t.equal(outcome(one), refused, name)
    }
  },
)
