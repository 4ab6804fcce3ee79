// What one client wrote under a customer key, every other client reads with the same key.

import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import { clients, clientTest, type Program, program } from '../helpers/clients.ts'
import { accessKey, secretKey } from '../helpers/node.ts'
import { awsProgram, sseC } from './awscli.ts'
import { presignV4 } from './presign.ts'
import { contentOf, curlKey, headersOf, type Setting, startSetting } from './setting.ts'
import { pythonProgram } from './warm.ts'

/** How a client sends a file to an object of the bucket `shared`, and reads one. */
interface Hand {
  put(name: string, file: string): Promise<unknown>
  get(name: string): Promise<Buffer>
}

function awsHand(aws: Program, { key }: Setting): Hand {
  const at = (name: string) => `s3://shared/${name}`
  return {
    put: (name, file) => aws.ok(['s3', 'cp', file, at(name), ...sseC(key)]),
    get: (name) => aws.ok(['s3', 'cp', at(name), '-', ...sseC(key)]),
  }
}

function rcloneHand({ ca, node, key }: Setting): Hand {
  const options = [
    's3',
    'provider=Other',
    `endpoint="${node.https}"`,
    'region=us-east-1',
    'env_auth=true',
    'sse_customer_algorithm=AES256',
    `sse_customer_key_base64="${key.base64}"`,
    `sse_customer_key_md5="${key.md5}"`,
  ]
  const env = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey }
  const rclone = program(clients.rclone, ['--ca-cert', ca, '--config', ''], { env })
  const at = (name: string) => `:${options.join(',')}:shared/${name}`
  return {
    put: (name, file) => rclone.ok(['copyto', file, at(name)]),
    get: (name) => rclone.ok(['cat', at(name)]),
  }
}

function boto3Hand(setting: Setting): Hand {
  const { ca, node, key } = setting
  const script = `import sys, boto3
s3 = boto3.client('s3', endpoint_url='${node.https}', verify='${ca}')
key = {'SSECustomerAlgorithm': 'AES256', 'SSECustomerKey': open('${key.file}', 'rb').read()}
if len(sys.argv) > 2:
    s3.upload_file(sys.argv[2], 'shared', sys.argv[1], ExtraArgs=key)
else:
    s3.download_fileobj('shared', sys.argv[1], sys.stdout.buffer, ExtraArgs=key)
`
  const python = pythonProgram(setting, clients.boto3, 'boto3-hand.py', script)
  return {
    put: (name, file) => python.ok([name, file]),
    get: (name) => python.ok([name]),
  }
}

function curlHand({ ca, node, key }: Setting): Hand {
  const curl = program(clients.curl, ['--silent', '--fail', '--cacert', ca, ...curlKey(key)])
  const headers = headersOf(curlKey(key))
  const url = (method: string, name: string) =>
    presignV4(method, node.https, `/shared/${encodeURIComponent(name)}`, headers)
  return {
    put: async (name, file) => curl.ok(['-T', file, await url('PUT', name)]),
    get: async (name) => curl.ok([await url('GET', name)]),
  }
}

function sdkHand(setting: Setting): Hand {
  const s3 = new S3Client({
    endpoint: setting.node.https,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    requestHandler: { httpsAgent: new Agent({ ca: readFileSync(setting.ca) }) },
  })
  const { base64, md5 } = setting.key
  const key = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: base64, SSECustomerKeyMD5: md5 }
  const at = (Key: string) => ({ Bucket: 'shared', Key, ...key })
  return {
    put: (name, file) => s3.send(new PutObjectCommand({ ...at(name), Body: readFileSync(file) })),
    get: async (name) => {
      const { Body } = await s3.send(new GetObjectCommand(at(name)))
      return Buffer.from(await Body!.transformToByteArray())
    },
  }
}

const needed = Object.values(clients).filter((client) => client !== clients.s3cmd)

t.setTimeout(600_000)

clientTest(t, needed, 'what one client seals every other opens', async (t) => {
  const setting = await startSetting(t)
  await setting.node.request('PUT', '/shared')
  const hands: Record<string, Hand> = {
    'awscli of Debian': awsHand(awsProgram(clients.awscliDebian, setting), setting),
    'awscli of PyPI': awsHand(awsProgram(clients.awscliPypi, setting), setting),
    rclone: rcloneHand(setting),
    boto3: boto3Hand(setting),
    curl: curlHand(setting),
    'SDK for JavaScript': sdkHand(setting),
  }
  // Whole, and in parts where the client cuts files.
  for (const size of [65537, (9 << 20) + 1]) {
    const content = contentOf(`written-${size}`, size)
    const file = setting.file(`written-${size}`, size)
    for (const [writer, hand] of Object.entries(hands)) {
      await hand.put(`${writer} + ${size}`, file)
    }
    for (const [reader, hand] of Object.entries(hands)) {
      for (const writer of Object.keys(hands)) {
        if (reader === writer) continue
        const got = await hand.get(`${writer} + ${size}`)
        t.ok(got.equals(content), `${reader} reads ${size} bytes of ${writer}`)
      }
    }
  }
})
