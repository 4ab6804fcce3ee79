// duplicity: a full backup of a tree, an incremental one, a verification, and a restore.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Application, Task } from './app.ts'
import { debian } from './install.ts'
import type { Place } from './place.ts'

async function backUp(place: Place, url: string, args: string[], env: Record<string, string> = {}) {
  const common = [
    ...args,
    '--no-encryption',
    '--archive-dir',
    place.path('archive'),
    '--volsize',
    '5',
  ]
  const duplicity = (...words: string[]) => place.run('duplicity', [...words, ...common], { env })
  const files = place.makeTree('files')
  rmSync(join(files, 'large.bin'))
  await duplicity('full', files, url)
  place.makeTree('files')
  await duplicity('incremental', files, url)
  await duplicity('verify', '--compare-data', url, files)
  // As on a new machine: what duplicity keeps on the side comes from the bucket again.
  rmSync(place.path('archive'), { recursive: true })
  await duplicity('restore', url, place.path('back'))
  place.requireTree(place.path('back'))
}

const overS3 = (tls: boolean): Task => ({
  api: tls ? 'S3 V4, TLS' : 'S3 V4',
  key: 'node',
  run: (place) => {
    const endpoint = `http${tls ? 's' : ''}://${place.host({ tls })}`
    const url = `boto3+s3://${place.bucket}/duplicity`
    return backUp(place, url, ['--s3-endpoint-url', endpoint], { AWS_CA_BUNDLE: place.caFile })
  },
})

const overSwift: Task = {
  api: 'Swift v1 auth',
  key: 'node',
  run: (place) => {
    const url = `http://${place.host({ tls: false })}/auth/v1.0`
    return backUp(place, `swift://${place.bucket}`, [], {
      SWIFT_USERNAME: place.access,
      SWIFT_PASSWORD: place.secret,
      SWIFT_AUTHURL: url,
      SWIFT_AUTHVERSION: '1',
      // It looks at what it has put through another part of swiftclient, which takes v1 auth from these alone; without
      // them it asks for Keystone, and waits two minutes for each volume.
      ST_AUTH: url,
      ST_USER: place.access,
      ST_KEY: place.secret,
    })
  },
}

export const duplicity: Application = {
  name: 'duplicity',
  async install() {
    const version = debian('duplicity', 'python3-boto3', 'python3-swiftclient')
    return { version, tasks: [overS3(false), overS3(true), overSwift] }
  },
}
