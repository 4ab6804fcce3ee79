// What `aws s3api` does, for both versions of awscli: single operations, and what they print.
import { hash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { type Client, clients, clientTest, program } from '../helpers/clients.ts'
import { awsProgram } from './awscli.ts'
import { type CustomerKeyFile, contentOf, curlKey, type Setting, startSetting } from './setting.ts'

const sealed = (key: CustomerKeyFile) => [
  '--sse-customer-algorithm',
  'AES256',
  '--sse-customer-key',
  `fileb://${key.file}`,
]

const source = (key: CustomerKeyFile) => [
  '--copy-source-sse-customer-algorithm',
  'AES256',
  '--copy-source-sse-customer-key',
  `fileb://${key.file}`,
]

/** For operations whose key awscli passes on as it is, without encoding it. */
const encoded = (key: CustomerKeyFile) => [
  '--sse-customer-algorithm',
  'AES256',
  '--sse-customer-key',
  key.base64,
  '--sse-customer-key-md5',
  key.md5,
]

/** `aws s3api` on one bucket; answers are the parsed JSON. */
async function startApi(t: Parameters<typeof startSetting>[0], client: Client) {
  const setting = await startSetting(t)
  const aws = awsProgram(client, setting)
  const api = async (operation: string, ...args: readonly string[]) => {
    const text = await aws.text(['s3api', operation, '--bucket', 'bucket', ...args])
    return text.trim() === '' ? {} : JSON.parse(text)
  }
  const refused = (operation: string, ...args: readonly string[]) =>
    aws.fail(['s3api', operation, '--bucket', 'bucket', ...args])
  await api('create-bucket')
  return { setting, aws, api, refused }
}

export function testS3Api(client: Client): void {
  const isVersion1 = client === clients.awscliPypi

  clientTest(t, client, `${client.name}: an object carries what was sent with it`, async (t) => {
    const { setting, api, refused } = await startApi(t, client)
    const { key, other } = setting
    const body = setting.file('body', 70_000)
    const put = ['--key', 'o', '--body', body, '--content-type', 'text/x-test']
    const more = ['--metadata', 'colour=blue', '--cache-control', 'max-age=5']
    const answer = await api('put-object', ...put, ...more, ...sealed(key))
    t.equal(answer.SSECustomerAlgorithm, 'AES256')
    t.equal(answer.SSECustomerKeyMD5, key.md5)
    const head = await api('head-object', '--key', 'o', ...sealed(key))
    t.match(head, {
      ContentLength: 70_000,
      ContentType: 'text/x-test',
      CacheControl: 'max-age=5',
      Metadata: { colour: 'blue' },
      ETag: answer.ETag,
      SSECustomerKeyMD5: key.md5,
    })
    const out = setting.path('out')
    const range = ['--key', 'o', '--range', 'bytes=65530-65545', out]
    const part = await api('get-object', ...range, ...sealed(key))
    t.equal(part.ContentRange, 'bytes 65530-65545/70000')
    t.ok(readFileSync(out).equals(contentOf('body', 70_000).subarray(65530, 65546)))
    t.match(
      await refused('get-object', '--key', 'o', out),
      /\(InvalidRequest\).*correct parameters/,
    )
    const wrong = await refused('get-object', '--key', 'o', out, ...sealed(other))
    t.match(wrong, /\(AccessDenied\).*correct secret key/)
    t.match(await refused('head-object', '--key', 'o'), /\(400\)/)
    t.match(await refused('head-object', '--key', 'o', ...sealed(other)), /\(403\)/)
    const about = ['get-object-attributes', '--key', 'o', '--object-attributes'] as const
    const attributes = await api(
      ...about,
      'ETag',
      'Checksum',
      'ObjectSize',
      'StorageClass',
      ...encoded(key),
    )
    t.equal(attributes.ObjectSize, 70_000)
    t.equal(attributes.ETag, JSON.parse(answer.ETag))
    t.equal(attributes.StorageClass, 'STANDARD')
    t.match(await refused(...about, 'ETag'), /\(InvalidRequest\)/)
    await api(
      'copy-object',
      '--key',
      'copy',
      '--copy-source',
      'bucket/o',
      ...source(key),
      ...sealed(other),
    )
    const copied = await api('get-object', '--key', 'copy', out, ...sealed(other))
    t.match(copied.Metadata, { colour: 'blue' })
    t.ok(readFileSync(out).equals(contentOf('body', 70_000)))
    const rotate = ['--key', 'o', '--copy-source', 'bucket/o', ...source(key), ...sealed(other)]
    await api('copy-object', ...rotate)
    t.match(await refused('get-object', '--key', 'o', out, ...sealed(key)), /\(AccessDenied\)/)
    await api('get-object', '--key', 'o', out, ...sealed(other))
    t.ok(readFileSync(out).equals(contentOf('body', 70_000)), 'the key was rotated')
  })

  clientTest(
    t,
    client,
    `${client.name}: checksums of every algorithm are verified and kept`,
    async (t) => {
      const { setting, api, refused } = await startApi(t, client)
      const body = setting.file('body', 70_000)
      const content = contentOf('body', 70_000)
      const algorithms = ['CRC32', 'CRC32C', 'SHA1', 'SHA256', ...(isVersion1 ? ['CRC64NVME'] : [])]
      for (const algorithm of algorithms) {
        const put = ['--key', algorithm, '--body', body, '--checksum-algorithm', algorithm]
        const answer = await api('put-object', ...put, ...sealed(setting.key))
        const value = answer[`Checksum${algorithm}`]
        t.type(value, 'string', `${algorithm} is answered`)
        const mode = ['--key', algorithm, '--checksum-mode', 'ENABLED']
        const got = await api('get-object', ...mode, setting.path('out'), ...sealed(setting.key))
        t.equal(got[`Checksum${algorithm}`], value)
      }
      const sha256 = hash('sha256', content, 'base64')
      const stated = ['--key', 'stated', '--body', body, '--checksum-sha256']
      t.equal((await api('put-object', ...stated, sha256)).ChecksumSHA256, sha256)
      const bad = hash('sha256', 'something else', 'base64')
      t.match(await refused('put-object', ...stated, bad), /\(BadDigest\)/)
      const md5 = hash('md5', 'something else', 'base64')
      const digest = ['--key', 'digest', '--body', body, '--content-md5', md5]
      t.match(await refused('put-object', ...digest), /\(BadDigest\)/)
      t.match(await refused('head-object', '--key', 'digest'), /\(404\)/)
    },
  )

  clientTest(
    t,
    client,
    `${client.name}: listings page and fold, deletes come in bulk`,
    async (t) => {
      const { setting, aws, api } = await startApi(t, client)
      const names = ['a/1', 'a/2', 'b', 'c d', 'e+f', 'g%20h', 'z', 'ï/ö', 'ï/ü']
      for (const name of names) {
        await setting.node.request(
          'PUT',
          `/bucket/${encodeURIComponent(name).replaceAll('%2F', '/')}`,
        )
      }
      const keysOf = (page: { Contents?: { Key: string }[] }) =>
        page.Contents?.map(({ Key }) => Key)
      t.same(keysOf(await api('list-objects-v2', '--page-size', '2')), names, 'pages of two')
      t.same(keysOf(await api('list-objects', '--page-size', '4')), names, 'v1, pages of four')
      const first = await api('list-objects-v2', '--max-items', '5')
      t.same(keysOf(first), names.slice(0, 5))
      const rest = await api('list-objects-v2', '--starting-token', first.NextToken)
      t.same(keysOf(rest), names.slice(5))
      const folded = await api('list-objects-v2', '--delimiter', '/')
      t.same(keysOf(folded), ['b', 'c d', 'e+f', 'g%20h', 'z'])
      const prefixes = folded.CommonPrefixes.map(({ Prefix }: { Prefix: string }) => Prefix)
      t.same(prefixes, ['a/', 'ï/'])
      t.same(keysOf(await api('list-objects-v2', '--prefix', 'ï/')), ['ï/ö', 'ï/ü'])
      t.same(keysOf(await api('list-objects-v2', '--start-after', 'g%20h')), ['z', 'ï/ö', 'ï/ü'])
      const doomed = ['a/1', 'g%20h', 'ï/ö', 'never there'].map((Key) => ({ Key }))
      const request = ['--delete', JSON.stringify({ Objects: doomed })]
      const { Deleted } = await api('delete-objects', ...request)
      t.same(
        Deleted.map(({ Key }: { Key: string }) => Key).sort(),
        doomed.map(({ Key }) => Key).sort(),
      )
      t.same(
        keysOf(await api('list-objects-v2')),
        names.filter((name) => !doomed.some(({ Key }) => Key === name)),
      )
      const { Buckets } = JSON.parse(await aws.text(['s3api', 'list-buckets']))
      t.same(
        Buckets.map(({ Name }: { Name: string }) => Name),
        ['bucket'],
      )
      await api('head-bucket')
      t.equal((await api('get-bucket-location')).LocationConstraint, null)
    },
  )

  clientTest(t, client, `${client.name}: an upload goes part by part`, async (t) => {
    const { setting, api, refused } = await startApi(t, client)
    const { key, other } = setting
    const size = 5 << 20
    await api(
      'put-object',
      '--key',
      'source',
      '--body',
      setting.file('source', size),
      ...sealed(other),
    )
    const { UploadId } = await api('create-multipart-upload', '--key', 'm', ...sealed(key))
    const at = ['--key', 'm', '--upload-id', UploadId]
    const one = ['upload-part', ...at, '--part-number', '1'] as const
    const first = setting.file('one', size + 1)
    t.match(await refused(...one, '--body', first), /\(InvalidRequest\).*encryption parameters/)
    t.match(await refused(...one, '--body', first, ...sealed(other)), /did not match/)
    const part1 = await api(...one, '--body', first, ...sealed(key))
    const copy = [
      'upload-part-copy',
      ...at,
      '--part-number',
      '2',
      '--copy-source',
      'bucket/source',
    ] as const
    const part2 = await api(...copy, ...source(other), ...sealed(key))
    const last = ['--part-number', '3', '--body', setting.file('three', 7)]
    const part3 = await api('upload-part', ...at, ...last, ...sealed(key))
    const { Parts } = await api('list-parts', ...at, '--page-size', '2')
    t.same(
      Parts.map((part: { Size: number }) => part.Size),
      [size + 1, size, 7],
    )
    const { Uploads } = await api('list-multipart-uploads')
    t.same(
      Uploads.map((upload: { UploadId: string }) => upload.UploadId),
      [UploadId],
    )
    const etags = [part1.ETag, part2.CopyPartResult.ETag, part3.ETag]
    const list = { Parts: etags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })) }
    writeFileSync(setting.path('parts.json'), JSON.stringify(list))
    const parts = ['--multipart-upload', `file://${setting.path('parts.json')}`]
    const complete = await api('complete-multipart-upload', ...at, ...parts)
    t.match(complete.ETag, /-3"$/)
    const whole = Buffer.concat([
      contentOf('one', size + 1),
      contentOf('source', size),
      contentOf('three', 7),
    ])
    await api('get-object', '--key', 'm', setting.path('out'), ...sealed(key))
    t.ok(readFileSync(setting.path('out')).equals(whole))
    const second = ['--key', 'm', '--part-number', '3', setting.path('out')]
    t.equal((await api('get-object', ...second, ...sealed(key))).PartsCount, 3)
    t.ok(readFileSync(setting.path('out')).equals(contentOf('three', 7)))
    const begun = await api('create-multipart-upload', '--key', 'aborted')
    const abort = ['--key', 'aborted', '--upload-id', begun.UploadId]
    await api('abort-multipart-upload', ...abort)
    t.match(await refused('list-parts', ...abort), /\(NoSuchUpload\)/)
  })

  const both = [client, clients.curl]
  clientTest(
    t,
    both,
    `${client.name}: what it presigns, curl fetches with the key in headers`,
    async (t) => {
      const { setting, aws, api } = await startApi(t, client)
      await api(
        'put-object',
        '--key',
        'a b',
        '--body',
        setting.file('x', 70_000),
        ...sealed(setting.key),
      )
      await api('put-object', '--key', 'plain', '--body', setting.path('x'))
      const curl = program(clients.curl, [
        '--silent',
        '--cacert',
        setting.ca,
        '-w',
        '%{stderr}%{http_code}',
      ])
      const statusOf = async (...args: string[]) => (await curl.run(args)).stderr
      const forms = { default: {}, v4: signedWith(setting, 's3v4') }
      for (const [form, env] of Object.entries(forms)) {
        const presign = async (name: string) =>
          (await aws.text(['s3', 'presign', `s3://bucket/${name}`], { env })).trim()
        const url = await presign('a b')
        if (form === 'v4') t.match(url, 'X-Amz-Signature=')
        const got = await curl.run([url, ...curlKey(setting.key)])
        t.equal(got.stderr, '200', form)
        t.ok(got.stdout.equals(contentOf('x', 70_000)), form)
        t.equal(await statusOf(url), '400', `${form}, no key`)
        t.equal(await statusOf(url, ...curlKey(setting.other)), '403', `${form}, another key`)
        t.equal(await statusOf(await presign('plain')), '200', `${form}, plain`)
        t.equal(await statusOf(`${url}0`), '403', `${form}, changed`)
      }
      const byDefault = await aws.text(['s3', 'presign', 's3://bucket/plain'])
      t.match(byDefault, isVersion1 ? /[?&]AWSAccessKeyId=/ : /[?&]X-Amz-Signature=/)
    },
  )
}

/** An environment in which aws signs URLs as told. */
function signedWith(setting: Setting, version: 's3' | 's3v4'): Record<string, string> {
  const file = setting.path(`config-${version}`)
  writeFileSync(file, `[default]\ns3 =\n  signature_version = ${version}\n`)
  return { AWS_CONFIG_FILE: file }
}
