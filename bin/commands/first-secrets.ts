// The secrets of the user that a first start makes, until an operator has seen them. They are written to a file
// of mode 0600 in the data directory before the user is made. A start that fails afterwards loses none, and the
// next one shows them. On a terminal they are shown once, and the file is removed. Any other output may be a
// log, which must not hold a secret: the output names the file, which stays until the operator removes it.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Users } from '../../lib/auth/users.ts'
import type { Secrets } from '../../lib/auth/users-file.ts'
import type { Config } from '../../lib/config/config.ts'
import { writePrivately } from '../../lib/private-file.ts'
import { shown } from '../program.ts'
import { exportsOf, toTry } from './welcome.ts'

/** The user that a first start makes. */
export const firstUser = { account: 'main', name: 'admin', roles: ['admin'] } as const

const fileIn = (data: string) => join(data, 'first-secrets')

/** Keeps the secrets of a user that is about to be made. Throws the system's error. */
export function keepSecrets(data: string, secrets: Secrets): void {
  writePrivately(fileIn(data), exportsOf(secrets).join('\n'))
}

/** The kept secrets that no operator has seen yet; null where there are none. */
function readKept(data: string): Secrets | null {
  const file = fileIn(data)
  if (!existsSync(file)) return null
  const text = readFileSync(file, 'utf8')
  const exported = (name: string) =>
    new RegExp(`^export ${name}=(\\w+)$`, 'm').exec(text)?.[1] ?? ''
  return {
    password: exported('ST_KEY'),
    access: exported('AWS_ACCESS_KEY_ID'),
    secret: exported('AWS_SECRET_ACCESS_KEY'),
  }
}

/** False where the user is gone, or has other secrets by now. */
async function areCurrent({ password, access, secret }: Secrets, users: Users): Promise<boolean> {
  if (users.byAccessKey(access)?.secret !== secret) return false
  return (await users.byPassword(firstUser.account, firstUser.name, password, '::1')) !== undefined
}

/** The text about secrets that no operator has seen. `printed` must be called once the text was printed. */
export interface Unseen {
  readonly text: string
  printed(): void
}

/**
 * The text for a node that serves at `addresses`. On a terminal the text has the secrets, and `printed` removes
 * their file. Otherwise the text names the file, which is written anew with lines to try. The text is '' where
 * there are no secrets. A failure to read, write or remove the file is logged, and does not stop the node.
 */
export async function unseenSecrets(
  config: Config,
  addresses: readonly string[],
  users: Users,
  { log, isTerminal }: { readonly log: Logger; readonly isTerminal: boolean },
): Promise<Unseen> {
  const file = fileIn(config.data)
  const failed = (error: unknown) =>
    log.error({ err: error }, 'the secrets of the first user could not be shown')
  const forget = () => {
    try {
      rmSync(file)
    } catch (error) {
      failed(error)
    }
  }
  const nothing = { text: '', printed() {} }
  try {
    const secrets = readKept(config.data)
    if (secrets === null) return nothing
    if (!(await areCurrent(secrets, users))) return { text: '', printed: forget }
    const exports = exportsOf(secrets, { addresses, config })
    const lines = toTry(config, addresses)
    if (isTerminal) {
      return { text: onTerminal(shown(config.data), [...exports, ...lines]), printed: forget }
    }
    writePrivately(file, inFile(shown(file), exports, lines))
    return { ...nothing, text: whereTheyAre(shown(file)) }
  } catch (error) {
    failed(error)
    return nothing
  }
}

const whereTheyAre = (file: string) =>
  `The secrets of main:admin are in ${file}, and in no log. In a shell: . ${file}
Remove that file when you have them.
`

const onTerminal = (data: string, lines: readonly string[]) =>
  `
First start: ${data} now has a keyring, a certificate and the user main:admin, whose secrets are
shown this once. Keep them (coffer user passwd draws a new password). To try it, paste:

${lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n')}

`

const inFile = (file: string, exports: readonly string[], lines: readonly string[]) =>
  `# The secrets of main:admin, whom the first start of this node has made. In a shell: . ${file}
# The password is nowhere else: the catalog has its hash. Remove this file when you have them.
${exports.join('\n')}

# Then, to try it:
${lines.map((line) => `# ${line}`.trimEnd()).join('\n')}
`
