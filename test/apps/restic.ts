// restic: a backup of a tree, another of the tree as it became, a check that reads every pack, and a restore.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Application, Task } from './app.ts'
import { debian } from './install.ts'
import type { Place } from './place.ts'

async function backUp(place: Place, repository: string, env: Record<string, string>) {
  const password = place.path('password')
  writeFileSync(password, 'a pass phrase')
  const common = ['--repo', repository, '--password-file', password, '--cacert', place.caFile]
  const restic = (...args: string[]) =>
    place.run('restic', [...common, '--no-cache', ...args], { env })
  const files = place.makeTree('files')
  await restic('init')
  rmSync(join(files, 'large.bin'))
  await restic('backup', files)
  place.makeTree('files')
  await restic('backup', files)
  await restic('check', '--read-data')
  await restic('restore', 'latest', '--target', place.path('back'))
  place.requireTree(join(place.path('back'), files))
  await restic('forget', '--keep-last', '1', '--prune')
  await restic('check', '--read-data')
}

const overS3 = (tls: boolean): Task => ({
  api: tls ? 'S3 V4, TLS' : 'S3 V4',
  key: 'node',
  run: (place) => {
    const repository = `s3:http${tls ? 's' : ''}://${place.host({ tls })}/${place.bucket}/restic`
    return backUp(place, repository, {})
  },
})

const overSwift = (tls: boolean): Task => ({
  api: tls ? 'Swift v1 auth, TLS' : 'Swift v1 auth',
  key: 'node',
  run: (place) =>
    backUp(place, `swift:${place.bucket}:/restic`, {
      ST_AUTH: `http${tls ? 's' : ''}://${place.host({ tls })}/auth/v1.0`,
      ST_USER: place.access,
      ST_KEY: place.secret,
    }),
})

export const restic: Application = {
  name: 'restic',
  async install() {
    const version = debian('restic')
    return { version, tasks: [overS3(false), overS3(true), overSwift(false), overSwift(true)] }
  },
}
