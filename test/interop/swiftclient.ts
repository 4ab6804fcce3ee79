// python-swiftclient's program as the tests run it: which node, which user, which customer key in which of
// the spellings that a node takes.
import { type Program, program, type Runner, swiftClients } from '../helpers/clients.ts'
import type { CustomerKeyFile, Setting } from './setting.ts'
import { runWarm } from './warm.ts'

/** `swift` as test:tester, over TLS unless told. Errors of the node are not tried again. `runner` is `run` for
 * a process of its own each. */
export function swiftProgram(
  setting: Setting,
  endpoint: string = setting.node.https,
  runner: Runner = runWarm,
): Program {
  const env = {
    ST_AUTH: `${endpoint}/auth/v1.0`,
    ST_USER: 'test:tester',
    ST_KEY: 'testing',
    OS_CACERT: setting.ca,
  }
  const fixed = { env, cwd: setting.path('.') }
  return program(swiftClients.swift, ['--auth-version', '1', '--retries', '0'], fixed, runner)
}

type Spelling = (key: CustomerKeyFile) => Readonly<Record<string, string>>

/** Coffer's own names of the headers, S3's, and those of the public guides (D-SPELLINGS). */
export const spellings = {
  own: (key) => ({
    'X-Object-Encryption-Customer-Algorithm': 'AES256',
    'X-Object-Encryption-Customer-Key': key.base64,
  }),
  amz: (key) => ({
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-server-side-encryption-customer-key': key.base64,
    'x-amz-server-side-encryption-customer-key-MD5': key.md5,
  }),
  guides: (key) => ({
    'X-Object-Meta-Encryption-Algorithm': 'AES256',
    'X-Object-Meta-Encryption-Key': key.base64,
  }),
} as const satisfies Record<string, Spelling>

/** Options of `swift`, and of rclone, that add headers. */
export const headerOptions = (
  headers: Readonly<Record<string, string>>,
  option = '--header',
): string[] => Object.entries(headers).flatMap(([name, value]) => [option, `${name}: ${value}`])

/** The options of `swift` for a customer key. */
export const sealedBy = (key: CustomerKeyFile, spelling: keyof typeof spellings = 'own') =>
  headerOptions(spellings[spelling](key))

/** A copy's source under another key. */
export const sourceSealedBy = (key: CustomerKeyFile) =>
  headerOptions({
    'X-Copy-Source-Object-Encryption-Customer-Algorithm': 'AES256',
    'X-Copy-Source-Object-Encryption-Customer-Key': key.base64,
  })

/** What `swift stat` and `swift capabilities` print, by its lower-case name. */
export function printedFields(text: string): Record<string, string> {
  const pairs = text
    .split('\n')
    .map((line) => /^\s*([^:]+): ?(.*)$/.exec(line))
    .filter((match) => match !== null)
  return Object.fromEntries(pairs.map(([, name, value]) => [name!.toLowerCase(), value!]))
}
