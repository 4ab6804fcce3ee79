// The canary: a customer key, a secret or a signature that a request carried is nowhere afterwards: not in
// the log, the audit, an error body, a catalog row or a file of the data directory.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { classicEngine } from '../../lib/level.ts'
import { exchange, keyHeaders, secretKey, startNode, type TestNode } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import { completeBody, createUpload, customerKey, md5, putPart, withKey } from '../helpers/s3.ts'

const key = Buffer.from('canary-key-7f3a91c2-canary-key-!')
const other = customerKey('o')

/** Every spelling in which the key could turn up; its MD5 is not stored either. */
const spellings = [
  key.toString('latin1'),
  key.toString('base64'),
  encodeURIComponent(key.toString('base64')),
  key.toString('base64url'),
  key.toString('hex'),
  key.toString('hex').toUpperCase(),
]
const digests = [
  md5(key).digest('hex'),
  md5(key).digest('base64'),
  md5(key).digest().toString('latin1'),
]

/** Does all that a key can be used for, rightly and wrongly; gives the bodies of every answer. */
async function useKey(node: TestNode): Promise<string> {
  const answers: string[] = []
  const ask = async (...args: Parameters<TestNode['request']>) => {
    const answer = await node.request(...args)
    answers.push(answer.text)
    return answer
  }
  await ask('PUT', '/bkt')
  for (const [name, size] of [
    ['small', 10],
    ['large', 300_000],
  ] as const) {
    await ask('PUT', `/bkt/${name}`, withKey(key, { body: Buffer.alloc(size, 'x') }))
    await ask('GET', `/bkt/${name}`, withKey(key))
    await ask('HEAD', `/bkt/${name}`, withKey(key))
    await ask('GET', `/bkt/${name}`, withKey(other))
    const copy = { 'x-amz-copy-source': `/bkt/${name}`, ...keyHeaders(key, 'x-amz-copy-source-') }
    await ask('PUT', `/bkt/${name}-copy`, withKey(key, { headers: copy }))
    await ask('PUT', `/bkt/${name}-open`, { tls: true, headers: copy })
  }
  const id = await createUpload(node, '/bkt/parts', withKey(key))
  const etag = await putPart(node, '/bkt/parts', id, 1, withKey(key, { body: 'part' }))
  const body = completeBody([[1, etag]])
  await ask('POST', `/bkt/parts?uploadId=${id}`, withKey(key, { body }))
  // Refusals: what is wrong is told, and the key is not.
  const name = 'x-amz-server-side-encryption-customer'
  await ask('PUT', '/bkt/o', withKey(key, { headers: { [`${name}-key-md5`]: 'wrong' }, body: 'x' }))
  await ask('PUT', '/bkt/o', withKey(key, { headers: { [`${name}-algorithm`]: 'X' }, body: 'x' }))
  await ask('PUT', '/bkt/o', withKey(key, { secret: 'not the secret', body: 'x' }))
  await ask('GET', '/bkt/small', {
    headers: { 'x-amz-meta-encryption-key': key.toString('base64') },
  })
  await ask('PUT', '/bkt/o', {
    headers: { 'x-amz-meta-encryption-key': key.toString('base64') },
    body: 'x',
  })
  // A presigned URL of SigV2 carries the key in its query; with a wrong signature too.
  const { hostname, port } = new URL(node.http)
  for (const secret of [secretKey, 'not the secret']) {
    const path = presignV2('GET', '/bkt/small', { secret, parameters: keyHeaders(key) })
    const answer = await exchange({ method: 'GET', path, hostname, port }, Buffer.alloc(0))
    answers.push(answer.text)
  }
  return answers.join('\n')
}

async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

t.test('no key that a request brought is found anywhere afterwards', async (t) => {
  const node = await startNode(t)
  const answers = await useKey(node)
  const check = (text: string, where: string, words = spellings) => {
    for (const word of words) t.notOk(text.includes(word), where)
  }
  check(answers, 'an answer')
  check(node.logged(), 'the log')
  check(JSON.stringify(node.audited), 'the audit')
  await node.coffer.close()
  for (const file of await filesUnder(node.dir)) {
    check((await readFile(file)).toString('latin1'), file, [...spellings, ...digests])
  }
  // Tables may be compressed: the rows themselves are looked at too.
  const catalog = await classicEngine.open(join(node.dir, 'catalog'), {
    keyEncoding: 'utf8',
    writeBufferBytes: 4 << 20,
    maxFileBytes: 2 << 20,
    cacheBytes: 1 << 20,
    create: false,
  })
  let rows = 0
  for await (const [name, value] of catalog.iterator()) {
    rows++
    check(name + value.toString('latin1'), `row ${name}`, [...spellings, ...digests])
  }
  await catalog.close()
  t.ok(rows > 20, 'there were rows to look at')
})

t.test('no signature is found in the log', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const { hostname, port } = new URL(node.http)
  const path = presignV2('GET', '/bkt/missing', { secret: secretKey })
  await exchange({ method: 'GET', path, hostname, port }, Buffer.alloc(0))
  const signature = /Signature=([^&]+)/.exec(path)![1]!
  t.match(node.logged(), '/bkt/missing')
  t.notMatch(node.logged(), signature)
  t.notMatch(node.logged(), decodeURIComponent(signature))
})
