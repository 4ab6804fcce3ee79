// What clients of one dialect write, those of the other read with the same key: every writer against every
// reader, plain and sealed, around everything that the node cuts at, and S3's parts.
import { mkdirSync } from 'node:fs'
import t from 'tap'
import { type Client, clients, clientTest, swiftClients } from '../helpers/clients.ts'
import { awsProgram, sseC } from './awscli.ts'
import { rcloneSwift, transferKey } from './rclone-swift.ts'
import { checkTree, type Setting, startSetting, writeTree } from './setting.ts'
import { sealedBy, swiftProgram } from './swiftclient.ts'
import { pythonProgram } from './warm.ts'

const PART_BYTES = 5 << 20

/** Around a row's inline bytes, a record, a part. */
const boundaries = [0, 1, 8191, 8192, 8193, 65535, 65536, 65537].concat(
  PART_BYTES - 1,
  PART_BYTES,
  PART_BYTES + 1,
)

const files = Object.fromEntries(boundaries.map((size) => [`size-${size}`, size]))

/** How a client sends a directory to a container that is there, and fetches one. */
interface Hand {
  readonly client: Client
  send(directory: string, container: string, sealed: boolean): Promise<unknown>
  fetch(container: string, directory: string, sealed: boolean): Promise<unknown>
}

function swiftHand(setting: Setting): Hand {
  const swift = swiftProgram(setting)
  const key = (sealed: boolean) => (sealed ? sealedBy(setting.key, 'guides') : [])
  return {
    client: swiftClients.swift,
    send: (cwd, container, sealed) => swift.ok(['upload', container, '.', ...key(sealed)], { cwd }),
    fetch: (container, cwd, sealed) => swift.ok(['download', container, ...key(sealed)], { cwd }),
  }
}

function libraryHand(setting: Setting): Hand {
  const { node, ca, key } = setting
  const script = `import os, sys
from swiftclient import Connection
_, verb, directory, container, sealed = sys.argv
swift = Connection('${node.https}/auth/v1.0', 'test:tester', 'testing', auth_version='1', cacert='${ca}', retries=0)
prefix = 'X-Object-Encryption-Customer-'
key = {prefix + 'Algorithm': 'AES256', prefix + 'Key': '${key.base64}'} if sealed == 'true' else {}
if verb == 'send':
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), 'rb') as file:
            swift.put_object(container, name, file, headers=dict(key))
else:
    for entry in swift.get_container(container, full_listing=True)[1]:
        found, body = swift.get_object(container, entry['name'], headers=dict(key))
        assert len(body) == entry['bytes'] == int(found['content-length']), entry
        with open(os.path.join(directory, entry['name']), 'wb') as file:
            file.write(body)
`
  return pythonHand(setting, swiftClients.library, 'library-hand.py', script)
}

function rcloneHand(setting: Setting): Hand {
  const rclone = rcloneSwift(setting)
  const key = (sealed: boolean) => (sealed ? transferKey(setting.key) : [])
  return {
    client: clients.rclone,
    send: (directory, container, sealed) =>
      rclone.ok(['copy', directory, `swift:${container}`, ...key(sealed)]),
    fetch: (container, directory, sealed) =>
      rclone.ok(['copy', `swift:${container}`, directory, ...key(sealed)]),
  }
}

function awsHand(setting: Setting): Hand {
  const aws = awsProgram(clients.awscliDebian, setting)
  const key = (sealed: boolean) => (sealed ? sseC(setting.key) : [])
  const copy = (from: string, to: string, sealed: boolean) =>
    aws.ok(['s3', 'cp', '--recursive', from, to, ...key(sealed)])
  return {
    client: clients.awscliDebian,
    send: (directory, container, sealed) => copy(directory, `s3://${container}`, sealed),
    fetch: (container, directory, sealed) => copy(`s3://${container}`, directory, sealed),
  }
}

/** Cuts files from 5 MiB on into parts. */
function boto3Hand(setting: Setting): Hand {
  const { node, ca, key } = setting
  const script = `import os, sys, boto3
from boto3.s3.transfer import TransferConfig
_, verb, directory, container, sealed = sys.argv
s3 = boto3.client('s3', endpoint_url='${node.https}', verify='${ca}')
key = {'SSECustomerAlgorithm': 'AES256', 'SSECustomerKey': open('${key.file}', 'rb').read()}
key = key if sealed == 'true' else {}
config = TransferConfig(multipart_threshold=${PART_BYTES}, multipart_chunksize=${PART_BYTES})
if verb == 'send':
    for name in os.listdir(directory):
        s3.upload_file(os.path.join(directory, name), container, name, ExtraArgs=key, Config=config)
else:
    for entry in s3.list_objects_v2(Bucket=container)['Contents']:
        body = s3.get_object(Bucket=container, Key=entry['Key'], **key)['Body'].read()
        assert len(body) == entry['Size'], entry
        with open(os.path.join(directory, entry['Key']), 'wb') as file:
            file.write(body)
`
  return pythonHand(setting, clients.boto3, 'boto3-hand.py', script)
}

function pythonHand(setting: Setting, client: Client, name: string, script: string): Hand {
  const python = pythonProgram(setting, client, name, script)
  return {
    client,
    send: (directory, container, sealed) =>
      python.ok(['send', directory, container, String(sealed)]),
    fetch: (container, directory, sealed) =>
      python.ok(['fetch', directory, container, String(sealed)]),
  }
}

const needed = [...Object.values(swiftClients), clients.rclone, clients.awscliDebian, clients.boto3]

t.setTimeout(900_000)

for (const sealed of [false, true]) {
  const sentence = sealed
    ? 'what one dialect seals the other opens'
    : 'what one dialect writes the other reads'
  clientTest(t, needed, sentence, async (t) => {
    const setting = await startSetting(t)
    writeTree(setting.path('up'), files)
    const hands = [swiftHand, libraryHand, rcloneHand, awsHand, boto3Hand].map((make) =>
      make(setting),
    )
    const containers = hands.map((_, i) => `from-${i}`)
    for (const [i, { client, send }] of hands.entries()) {
      await setting.node.request('PUT', `/${containers[i]}`)
      await send(setting.path('up'), containers[i]!, sealed)
      t.comment(`${client.name} wrote`)
    }
    for (const [i, reader] of hands.entries()) {
      for (const [j, writer] of hands.entries()) {
        const into = setting.path(`${i}-${j}`)
        mkdirSync(into)
        await reader.fetch(containers[j]!, into, sealed)
        t.comment(`${reader.client.name} reads what ${writer.client.name} wrote`)
        checkTree(t, into, files)
      }
    }
  })
}
