// s3cmd, which cannot send customer keys: plain objects, over TLS and without, signed by SigV4 and SigV2.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { clients, clientTest, program } from '../helpers/clients.ts'
import { s3cmdProgram } from './s3cmd.ts'
import { checkTree, contentOf, sizes, startSetting, tree, writeTree } from './setting.ts'

t.setTimeout(600_000)

const bySize = Object.fromEntries(sizes.map((size) => [`size-${size}`, size]))

for (const scheme of ['http', 'https'] as const) {
  clientTest(t, clients.s3cmd, `s3cmd works over ${scheme}`, async (t) => {
    const setting = await startSetting(t)
    const s3cmd = s3cmdProgram(setting, setting.node[scheme])
    await s3cmd.ok(['mb', 's3://bucket'])
    writeTree(setting.path('up'), bySize)
    const files = Object.keys(bySize).map((name) => setting.path('up', name))
    await s3cmd.ok(['put', ...files, 's3://bucket/sizes/'])
    for (const [name, size] of Object.entries(bySize)) {
      const out = setting.path('out')
      await s3cmd.ok(['get', '--force', `s3://bucket/sizes/${name}`, out])
      t.ok(readFileSync(out).equals(contentOf(name, size)), name)
    }
    const listed = await s3cmd.text(['ls', 's3://bucket/sizes/'])
    t.equal(listed.match(/\n/g)!.length, sizes.length)
    t.match(await s3cmd.text(['la']), 's3://bucket')
    const total = sizes.reduce((sum, size) => sum + size, 0)
    t.match(await s3cmd.text(['du', 's3://bucket']), new RegExp(`^ *${total} +${sizes.length} `))
    const info = await s3cmd.text(['info', 's3://bucket/sizes/size-8193'])
    t.match(info, /File size: +8193\n/)
    t.match(info, /MD5 sum: +[0-9a-f]{32}\n/)
    t.match(await s3cmd.text(['info', 's3://bucket']), /Location: +us-east-1\n/)
    await s3cmd.ok(['cp', 's3://bucket/sizes/size-8193', 's3://bucket/copy'])
    await s3cmd.ok(['mv', 's3://bucket/copy', 's3://bucket/moved'])
    const url = (await s3cmd.text(['signurl', 's3://bucket/moved', '+600'])).trim()
    const curl = program(clients.curl, ['--silent', '--fail', '--cacert', setting.ca])
    const fetched = await curl.ok([url.replace(/^https?:/, `${scheme}:`)])
    t.ok(fetched.equals(contentOf('size-8193', 8193)), 'signurl')
    await s3cmd.ok(['del', 's3://bucket/moved'])
    const gone = await s3cmd.fail(['get', '--force', 's3://bucket/moved', setting.path('x')])
    t.match(gone, 'does not exist')
    t.match(await s3cmd.fail(['rb', 's3://bucket']), 'BucketNotEmpty')
    await s3cmd.ok(['del', '--recursive', '--force', 's3://bucket'])
    await s3cmd.ok(['rb', 's3://bucket'])
  })
}

clientTest(t, clients.s3cmd, 's3cmd syncs a tree up and down', async (t) => {
  const setting = await startSetting(t)
  const s3cmd = s3cmdProgram(setting, setting.node.https)
  await s3cmd.ok(['mb', 's3://tree'])
  writeTree(setting.path('up'), tree)
  await s3cmd.ok(['sync', `${setting.path('up')}/`, 's3://tree/a b/'])
  await s3cmd.ok(['sync', 's3://tree/a b/', `${setting.path('down')}/`])
  checkTree(t, setting.path('down'), tree)
  const again = await s3cmd.text(['sync', `${setting.path('up')}/`, 's3://tree/a b/'])
  t.notMatch(again, 'upload:', 'a second sync finds nothing to send')
})

clientTest(t, clients.s3cmd, 's3cmd works with version 2 of signatures', async (t) => {
  const setting = await startSetting(t)
  const s3cmd = s3cmdProgram(setting, setting.node.http, ['--signature-v2'])
  await s3cmd.ok(['mb', 's3://bucket'])
  await s3cmd.ok(['put', setting.file('a b+c', 6 << 20), 's3://bucket'])
  await s3cmd.ok(['get', 's3://bucket/a b+c', setting.path('back')])
  t.ok(readFileSync(setting.path('back')).equals(contentOf('a b+c', 6 << 20)))
  t.match(await s3cmd.text(['ls', 's3://bucket']), 's3://bucket/a b+c\n')
  const forged = s3cmdProgram(setting, setting.node.http, ['--signature-v2', '--secret_key=wrong'])
  t.match(await forged.fail(['ls', 's3://bucket']), 'SignatureDoesNotMatch')
})

clientTest(t, clients.s3cmd, 's3cmd cannot open what a customer key seals', async (t) => {
  const setting = await startSetting(t)
  const s3cmd = s3cmdProgram(setting, setting.node.https)
  const name = 'x-amz-server-side-encryption-customer'
  await s3cmd.ok(['mb', 's3://bucket'])
  await setting.node.request('PUT', '/bucket/sealed', {
    tls: true,
    body: 'secret',
    headers: {
      [`${name}-algorithm`]: 'AES256',
      [`${name}-key`]: setting.key.base64,
      [`${name}-key-md5`]: setting.key.md5,
    },
  })
  t.match(await s3cmd.fail(['get', 's3://bucket/sealed', setting.path('out')]), '400')
  t.match(await s3cmd.text(['ls', 's3://bucket']), 's3://bucket/sealed', 'but list it')
  await s3cmd.ok(['del', 's3://bucket/sealed'])
})
