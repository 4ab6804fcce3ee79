// The development certificate: what clients check, what a second start keeps, when it is renewed.
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:https'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import t from 'tap'
import { developmentCertificate, readCertificate } from '../../lib/certificate.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'

const DAY_MS = 86_400_000

t.test('a first start makes a certificate for localhost and both loopbacks', async (t) => {
  const data = t.testdir()
  const { cert, key, file } = await developmentCertificate(data)
  t.equal(file, join(data, 'tls', 'cert.pem'))
  t.equal(readFileSync(file, 'utf8'), cert)
  t.equal(readFileSync(join(data, 'tls', 'key.pem'), 'utf8'), key)
  t.equal(statSync(join(data, 'tls', 'key.pem')).mode & 0o777, 0o600)
  t.equal(statSync(join(data, 'tls')).mode & 0o777, 0o700)
  const parsed = new X509Certificate(cert)
  t.equal(parsed.checkHost('localhost'), 'localhost')
  t.equal(parsed.checkIP('127.0.0.1'), '127.0.0.1')
  t.equal(parsed.checkIP('::1'), '::1')
  t.equal(parsed.checkHost('example.com'), undefined)
  t.ok(parsed.verify(parsed.publicKey), 'signed by itself')
  t.notOk(parsed.ca, 'its key cannot vouch for other names')
  const days = (parsed.validToDate.getTime() - Date.now()) / DAY_MS
  t.ok(days > 366 && days < 825, `${days} days`)
})

t.test('a client that trusts the file can connect, one that does not cannot', async (t) => {
  const { cert, key } = await developmentCertificate(t.testdir())
  const server = createServer({ cert, key }, (_req, res) => res.writeHead(204).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as { port: number }
  const status = (host: string, ca?: string) =>
    new Promise((resolve) => {
      const servername = host === 'localhost' ? host : ''
      get({ host: '127.0.0.1', servername, port, ca, agent: false }, (res) => {
        res.resume()
        resolve(res.statusCode)
      }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
  t.equal(await status('127.0.0.1', cert), 204)
  t.equal(await status('localhost', cert), 204)
  t.equal(await status('127.0.0.1'), 'DEPTH_ZERO_SELF_SIGNED_CERT')
})

t.test('a second start keeps the certificate', async (t) => {
  const data = t.testdir()
  const first = await developmentCertificate(data)
  t.same(await developmentCertificate(data), first)
})

t.test('a certificate that has ended, or soon will, is renewed', async (t) => {
  for (const [days, renewed] of [
    [700, false],
    [800, true],
    [900, true],
  ] as const) {
    const data = t.testdir()
    const first = await developmentCertificate(data)
    const later = new Date(Date.now() + days * DAY_MS)
    const second = await developmentCertificate(data, later)
    t.equal(second.cert !== first.cert, renewed, `after ${days} days`)
    if (renewed) t.ok(new X509Certificate(second.cert).validToDate > later)
  }
})

t.test('a pair that does not match, or cannot be read, is replaced', async (t) => {
  const data = t.testdir()
  const first = await developmentCertificate(data)
  const other = await developmentCertificate(join(data, 'other'))
  writeFileSync(join(data, 'tls', 'key.pem'), other.key)
  const second = await developmentCertificate(data)
  t.not(second.cert, first.cert)
  writeFileSync(join(data, 'tls', 'cert.pem'), 'torn')
  const third = await developmentCertificate(data)
  t.ok(new X509Certificate(third.cert).checkIP('127.0.0.1'))
})

t.test('files of one’s own are refused where they are no pair', async (t) => {
  const a = await developmentCertificate(join(t.testdir(), 'a'))
  const b = await developmentCertificate(join(t.testdirName, 'b'))
  const keyOf = (file: string) => join(file, '..', 'key.pem')
  t.match(readCertificate({ cert: b.file, key: keyOf(b.file) }), { key: b.key })
  const c = await developmentCertificate(join(t.testdirName, 'c'))
  t.throws(() => readCertificate({ cert: b.file, key: keyOf(c.file) }), {
    message: `${keyOf(c.file)}: is not the private key of ${b.file}`,
  })
  t.throws(() => readCertificate({ cert: keyOf(b.file), key: keyOf(b.file) }), FileInvalid)
  t.throws(() => readCertificate({ cert: b.file, key: b.file }), FileInvalid)
  t.throws(() => readCertificate({ cert: '/nowhere', key: '/nowhere' }), {
    message: '/nowhere: cannot be used: ENOENT',
  })
  t.notMatch(String(a), /PRIVATE KEY/)
})

t.test('files that TLS would not take are refused before a listener tries', async (t) => {
  const directory = t.testdir()
  const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  const short = await generate([{ name: 'commonName', value: 'short' }], { keySize: 1024 })
  writeFileSync(tls.cert, short.cert)
  writeFileSync(tls.key, short.private)
  const message = (code: string) => ({
    name: 'FileInvalid',
    message: `${tls.cert}: cannot be used: ${code}`,
  })
  t.throws(() => readCertificate(tls), message('ERR_SSL_EE_KEY_TOO_SMALL'))
  const good = await developmentCertificate(directory)
  writeFileSync(tls.key, good.key)
  writeFileSync(
    tls.cert,
    `${good.cert}\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
  )
  t.throws(
    () => readCertificate(tls),
    /cert\.pem: cannot be used: ERR_OSSL_/,
    'a chain that is torn',
  )
})
