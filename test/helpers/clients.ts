// Clients of other projects, for the interop tests: where each is installed, and how it runs, with a timeout
// and without the user's own settings. Where a client is not installed its tests are skipped with a reason.
// With COFFER_REQUIRE_CLIENTS=1 they fail; those of mc with COFFER_REQUIRE_MC=1.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TAP, Test } from 'tap'

export interface Client {
  readonly name: string
  /** Absolute path of the program; undefined where it is not installed. */
  readonly command: string | undefined
  /** How to install the client. */
  readonly hint: string
  /** The variable that makes it a failure, where it is 1, that the client is not installed. */
  readonly requiredBy?: string
}

export interface Finished {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface RunOptions {
  /** The environment besides PATH, HOME and the language. Nothing of this process' environment is passed on. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: Buffer | string
  /** The process and its children are killed after this time; 120 s by default. */
  readonly timeoutMs?: number
  /** Called with each piece of standard output. */
  readonly heard?: (piece: Buffer) => void
}

/** Where awscli and boto3 of PyPI are installed: COFFER_PYPI_VENV, or the directory of .ci/run. */
export function pypiVenv(): string {
  const own = fileURLToPath(new URL('../../.ci/clients', import.meta.url))
  return process.env.COFFER_PYPI_VENV ?? own
}

const inVenv = 'python3 -m venv V && V/bin/pip install awscli boto3 awscrt, COFFER_PYPI_VENV=V'

/** Debian's awscli is version 2, PyPI's version 1 and newer. The two send different requests. */
export const clients = {
  awscliDebian: client('awscli of Debian', existing('/usr/bin/aws'), 'apt-get install awscli'),
  awscliPypi: client('awscli of PyPI', existing(join(pypiVenv(), 'bin', 'aws')), inVenv),
  boto3: client('boto3', existing(join(pypiVenv(), 'bin', 'python')), inVenv),
  rclone: client('rclone', onPath('rclone'), 'apt-get install rclone'),
  s3cmd: client('s3cmd', onPath('s3cmd'), 'apt-get install s3cmd'),
  curl: client('curl', onPath('curl'), 'apt-get install curl'),
  /** s3cmd encrypts with it. */
  gpg: client('gpg', existing('/usr/bin/gpg'), 'apt-get install gpg gpg-agent'),
} as const

/** Clients of Swift, one of which is rclone. The library is the one that Debian's Python finds beside the
 * program. */
export const swiftClients = {
  swift: client(
    'python-swiftclient',
    existing('/usr/bin/swift'),
    'apt-get install python3-swiftclient',
  ),
  library: client(
    'the library of python-swiftclient',
    existing('/usr/lib/python3/dist-packages/swiftclient') && existing('/usr/bin/python3'),
    'apt-get install python3-swiftclient',
  ),
} as const

/** OpenStack's own command line, with what it needs for secrets, and the key manager's client. */
export const openstackClients = {
  openstack: client(
    'python-openstackclient',
    existing('/usr/bin/openstack'),
    'apt-get install python3-openstackclient',
  ),
  barbican: client(
    'python-barbicanclient',
    existing('/usr/bin/barbican'),
    'apt-get install python3-barbicanclient',
  ),
} as const

/** Two releases of MinIO's mc, which name the option for a customer's key differently. Only some machines can build them. */
export const mcClients = {
  old: mc('old'),
  new: mc('new'),
} as const

function mc(release: 'old' | 'new'): Client {
  const own = fileURLToPath(new URL('../../.ci/mc', import.meta.url))
  const command = existing(join(process.env.COFFER_MC ?? own, release, 'mc'))
  const hint = '.ci/install-mc, with a Go toolchain'
  return { ...client(`mc (${release})`, command, hint), requiredBy: 'COFFER_REQUIRE_MC' }
}

/** A proxy between clients and a node. */
export const nginx = client('nginx', existing('/usr/sbin/nginx'), 'apt-get install nginx-light')

function client(name: string, command: string | undefined, hint: string): Client {
  return { name, command, hint }
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined
}

function onPath(program: string): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter)
  return directories.map((directory) => join(directory, program)).find((file) => existsSync(file))
}

/** Runs `body` as a test where every client in `needed` is installed. */
export function clientTest(
  t: TAP,
  needed: Client | readonly Client[],
  sentence: string,
  body: (t: Test) => Promise<void>,
): void {
  const missing = [needed].flat().find(({ command }) => command === undefined)
  if (missing === undefined) {
    void t.test(sentence, body)
    return
  }
  const reason = `${missing.name} is not installed (${missing.hint})`
  if (process.env[missing.requiredBy ?? 'COFFER_REQUIRE_CLIENTS'] === '1') {
    void t.test(sentence, async (t) => void t.fail(reason))
  } else {
    void t.test(sentence, { skip: reason }, () => {})
  }
}

/** The environment of a client where a test adds nothing. */
export function bareEnvironment(home: string): Record<string, string> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8', TZ: 'UTC' }
}

/** Runs a program to its end, whatever its exit code. Rejects where it cannot start, or takes too long. */
export function run(
  command: string,
  args: readonly string[],
  { env = {}, cwd, input = '', timeoutMs = 120_000, heard }: RunOptions = {},
): Promise<Finished> {
  const home = cwd ?? tmpdir()
  return new Promise((resolve, reject) => {
    // A process group of its own, so that a timeout ends its children too.
    const child = spawn(command, args, {
      cwd: home,
      env: { ...bareEnvironment(home), ...env },
      detached: true,
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    const timer = setTimeout(() => {
      process.kill(-child.pid!, 'SIGKILL')
      reject(
        new Error(`${shown(command, args)}: not done after ${timeoutMs} ms: ${stderr.join('')}`),
      )
    }, timeoutMs)
    child.stdout.on('data', (piece: Buffer) => {
      stdout.push(piece)
      heard?.(piece)
    })
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece))
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() })
    })
    // A program may end before it has read its input.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** A command line, for an error message. */
export function shown(command: string, args: readonly string[]): string {
  return [command, ...args].join(' ')
}

/** A client's program with its fixed options. `ok` and `text` require exit code 0, `fail` another one. */
export interface Program {
  run(args: readonly string[], options?: RunOptions): Promise<Finished>
  /** Standard output. Rejects with the program's output where it fails. */
  ok(args: readonly string[], options?: RunOptions): Promise<Buffer>
  /** Standard output as text. */
  text(args: readonly string[], options?: RunOptions): Promise<string>
  /** The text on both outputs. Rejects where the program succeeds. */
  fail(args: readonly string[], options?: RunOptions): Promise<string>
}

/** `run`, or a replacement for it. */
export type Runner = typeof run

export function program(
  client: Client,
  fixedArgs: readonly string[],
  fixed: RunOptions = {},
  runner: Runner = run,
): Program {
  const command = client.command!
  const start = (args: readonly string[], options: RunOptions = {}) =>
    runner(command, [...fixedArgs, ...args], {
      ...fixed,
      ...options,
      env: { ...fixed.env, ...options.env },
    })
  const ok = async (args: readonly string[], options?: RunOptions) => {
    const { code, stdout, stderr } = await start(args, options)
    if (code === 0) return stdout
    const said = `${stderr}${stdout.subarray(0, 2000)}`
    throw new Error(`${shown(client.name, args)}: exit code ${code}: ${said}`)
  }
  return {
    run: start,
    ok,
    text: async (args, options) => (await ok(args, options)).toString(),
    fail: async (args, options) => {
      const { code, stdout, stderr } = await start(args, options)
      if (code === 0) throw new Error(`${shown(client.name, args)}: succeeded: ${stdout}`)
      return `${stderr}${stdout}`
    },
  }
}
