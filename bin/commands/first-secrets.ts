// The secrets of the user that a first start makes, until somebody has seen them. They lie in a file of mode 0600 in the
// data directory from before the user exists: a start that fails behind that loses none, and the next one that serves
// shows them. A terminal shows them once, and the file goes; whatever else the output is may be a log, which must never
// hold a secret, so there the file stays until the operator removes it, and the output names it.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Users } from '../../lib/auth/users.ts'
import type { Secrets } from '../../lib/auth/users-file.ts'
import type { Config } from '../../lib/config/config.ts'
import { writePrivately } from '../../lib/private-file.ts'
import { shown } from '../program.ts'
import { exportsOf, toTry } from './welcome.ts'

/** Who a first start makes. */
export const firstUser = { account: 'main', name: 'admin', roles: ['admin'] } as const

const fileIn = (data: string) => join(data, 'first-secrets')

/** Keeps secrets of a user that is about to be made. Throws the system's error. */
export function keepSecrets(data: string, secrets: Secrets): void {
  writePrivately(fileIn(data), exportsOf(secrets).join('\n'))
}

/** The secrets that nobody has seen yet, as they were kept; null where there are none. */
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

/** What a node has to print about secrets that nobody has seen, and what to do once it is printed. */
export interface Unseen {
  readonly text: string
  printed(): void
}

/**
 * Of a node that serves at `addresses`. On a terminal the text has the secrets, and once it is printed nothing keeps them;
 * elsewhere it names their file, written anew with lines to try. '' where there are none. Where the file cannot be read,
 * written or removed the log says so: the node serves all the same.
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
# The password is nowhere else: users.yaml has its hash. Remove this file when you have them.
${exports.join('\n')}

# Then, to try it:
${lines.map((line) => `# ${line}`.trimEnd()).join('\n')}
`
