// DVC: a tree is put under its care and pushed, and pulled into an empty cache.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Application, Task } from './app.ts'
import { pypi } from './install.ts'
import type { KeyHolder, Place } from './place.ts'

const VERSION = '3.67.1'

async function pushAndPull(place: Place, dvcProgram: string, tls: boolean, key: KeyHolder) {
  const cwd = place.path('project')
  mkdirSync(cwd)
  const env = { DVC_NO_ANALYTICS: '1', PATH: `${join(dvcProgram, '..')}:/usr/bin:/bin` }
  const dvc = (...args: string[]) => place.run(dvcProgram, args, { cwd, env })
  await dvc('init', '--no-scm')
  await dvc('remote', 'add', '--default', 'store', `s3://${place.bucket}/dvc`)
  const settings: Record<string, string> = {
    endpointurl: `http${tls ? 's' : ''}://${place.host({ tls })}`,
    access_key_id: place.access,
    secret_access_key: place.secret,
    region: 'us-east-1',
    ...(tls && { ssl_verify: place.caFile }),
    ...(key === 'customer' && {
      sse_customer_algorithm: 'AES256',
      sse_customer_key: place.key.base64,
    }),
  }
  for (const [name, value] of Object.entries(settings)) {
    await dvc('remote', 'modify', '--local', 'store', name, value)
  }
  place.makeTree('project/files')
  await dvc('add', 'files')
  await dvc('push')
  rmSync(join(cwd, 'files'), { recursive: true })
  rmSync(join(cwd, '.dvc/cache'), { recursive: true })
  await dvc('pull')
  place.requireTree(join(cwd, 'files'))
}

export const dvc: Application = {
  name: 'DVC',
  async install() {
    const program = join(pypi('dvc', `dvc[s3]==${VERSION}`), 'dvc')
    const task = (tls: boolean, key: KeyHolder): Task => ({
      api: tls ? 'S3 V4, TLS' : 'S3 V4',
      key,
      run: (place) => pushAndPull(place, program, tls, key),
    })
    return { version: VERSION, tasks: [task(false, 'node'), task(true, 'customer')] }
  },
}
