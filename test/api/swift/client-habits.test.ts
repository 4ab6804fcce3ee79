// What unmodified clients send along without meaning much by it, and need to be taken as they mean it.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

const algorithm = { 'X-Object-Encryption-Customer-Algorithm': 'AES256' }
const key = {
  ...algorithm,
  'X-Object-Encryption-Customer-Key': Buffer.alloc(32, 'k').toString('base64'),
}

async function start(t: Parameters<typeof startNode>[0]) {
  const swift = await login(await startNode(t))
  await swift.request('PUT', '/c')
  await swift.request('PUT', '/c/plain', { body: 'plain' })
  await swift.request('PUT', '/c/sealed', { tls: true, headers: key, body: 'sealed' })
  return swift
}

t.test('a POST may send back the algorithm that HEAD showed, as rclone does', async (t) => {
  const swift = await start(t)
  for (const name of ['plain', 'sealed']) {
    const headers = { ...algorithm, 'X-Object-Meta-Mtime': '1.5' }
    t.equal((await swift.request('POST', `/c/${name}`, { headers })).status, 202)
    const { headers: shown } = await swift.request('HEAD', `/c/${name}`)
    t.equal(shown['x-object-meta-mtime'], '1.5')
    t.equal(
      shown['x-object-encryption-customer-algorithm'],
      name === 'sealed' ? 'AES256' : undefined,
    )
  }
  t.equal((await swift.request('GET', '/c/sealed', { tls: true, headers: key })).text, 'sealed')
})

t.test('an algorithm without a key is refused wherever it could mean something', async (t) => {
  const swift = await start(t)
  const other = { 'X-Object-Encryption-Customer-Algorithm': 'AES128' }
  const asked = [
    ['PUT', algorithm],
    ['GET', algorithm],
    ['HEAD', algorithm],
    ['POST', other],
    ['POST', { ...algorithm, 'X-Object-Encryption-Customer-Key-MD5': 'eA==' }],
    ['COPY', { ...algorithm, Destination: 'c/copy' }],
  ] as const
  for (const [method, headers] of asked) {
    const { status } = await swift.request(method, '/c/sealed', {
      tls: true,
      headers: { ...headers },
    })
    t.equal(status, 400, `${method} ${JSON.stringify(headers)}`)
  }
  t.equal((await swift.request('GET', '/c/sealed', { tls: true, headers: key })).text, 'sealed')
  t.equal((await swift.request('HEAD', '/c/copy')).status, 404)
})
