// rclone's swift backend as the tests run it: a remote by v1 auth, and customer keys as headers.
import { writeFileSync } from 'node:fs'
import { clients, type Program, program } from '../helpers/clients.ts'
import type { CustomerKeyFile, Setting } from './setting.ts'
import { headerOptions, spellings } from './swiftclient.ts'

/** `rclone` with the remote `swift:`, as test:tester. */
export function rcloneSwift(setting: Setting): Program {
  const config = setting.path('rclone.conf')
  const lines = [
    '[swift]',
    'type = swift',
    'user = test:tester',
    'key = testing',
    `auth = ${setting.node.https}/auth/v1.0`,
    'auth_version = 1',
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  const fixed = ['--config', config, '--ca-cert', setting.ca, '--retries', '1', '--quiet']
  return program(clients.rclone, [...fixed, '--low-level-retries', '1'], { cwd: setting.path('.') })
}

/** A key for every request that rclone sends, as copies on the server need it. */
export const everywhereKey = (key: CustomerKeyFile) => headerOptions(spellings.own(key))

/** A key for uploads and downloads alone. */
export const transferKey = (key: CustomerKeyFile) => [
  ...headerOptions(spellings.own(key), '--header-upload'),
  ...headerOptions(spellings.own(key), '--header-download'),
]
