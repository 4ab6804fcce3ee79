// A coffer in a process of its own, as an operator starts it, on free loopback ports and with data of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import './plain-children.ts'

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

export const root = fileURLToPath(new URL('../..', import.meta.url))
const program = join(root, 'bin/coffer.ts')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningProcess {
  readonly child: ChildProcess
  readonly http: string
  readonly https: string
  /** All that the process has printed so far. */
  readonly stdout: () => string
  readonly exited: Promise<Finished>
}

/** A directory that is removed with the test. */
export function scratch(t: Teardown): string {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-test-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A configuration with two free ports that works on a small disk. `more` is further YAML. */
export function writeConfig(directory: string, more = ''): string {
  const file = join(directory, 'coffer.yaml')
  const listen = 'listen: [{ port: 0 }, { port: 0, tls: auto }]\nstorage: { reserveBytes: 0 }\n'
  writeFileSync(file, listen + more)
  return file
}

/** The secrets of a first start. The output of a test is no terminal, so that they are in their file. */
export function firstSecrets(data: string) {
  const text = readFileSync(join(data, 'first-secrets'), 'utf8')
  const exported = (name: string) => new RegExp(`^export ${name}=(\\S+)$`, 'm').exec(text)![1]!
  return {
    access: exported('AWS_ACCESS_KEY_ID'),
    secret: exported('AWS_SECRET_ACCESS_KEY'),
    password: exported('ST_KEY'),
  }
}

/** The command line that runs the program with `args`. */
const commandOf = (args: readonly string[]) => [process.execPath, program, ...args]

interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** User id, and group id, of the process. */
  readonly uid?: number
  /** Most files that the process may have open. */
  readonly openFilesMax?: number
}

function begin(command: readonly string[], { env, cwd = root, uid, openFilesMax }: RunOptions) {
  // Node raises the soft limit to the hard one. ulimit sets both.
  const limit = ['sh', '-c', 'ulimit -n "$0" && exec "$@"', String(openFilesMax)]
  const [file, ...rest] = openFilesMax === undefined ? command : [...limit, ...command]
  const child = spawn(file!, rest, {
    cwd,
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const exited = once(child, 'close').then(([code]) => ({ code, stdout, stderr }))
  return { child, exited, stdout: () => stdout }
}

/** Runs a command to its end, with `input` as its standard input. */
export function run(
  args: readonly string[],
  options: RunOptions & { readonly input?: string } = {},
): Promise<Finished> {
  const { child, exited } = begin(commandOf(args), options)
  child.stdin.end(options.input ?? '')
  return exited
}

/** A terminal ends lines with CR and LF. */
const serves = /^coffer serves on .*\r?\n/m

/** Starts a node, and waits until it serves or has printed `sign`. The node ends with the test. Rejects with
 * its output where it ends before. */
export function start(
  t: Teardown,
  args: readonly string[],
  options: RunOptions = {},
  sign = serves,
): Promise<RunningProcess> {
  return startCommand(t, commandOf(args), options, sign)
}

/** As `start`, on a terminal of its own, which `script` of util-linux makes. */
export async function startOnTerminal(
  t: Teardown,
  args: readonly string[],
  { env = {}, cwd = root }: RunOptions = {},
): Promise<RunningProcess> {
  const pidFile = join(scratch(t), 'pid')
  const words = commandOf(args).map((word) => `'${word}'`)
  const line = `echo $$ > '${pidFile}'; exec ${words.join(' ')}`
  // The end of the terminal would only send SIGHUP, which does not end a node.
  t.teardown(() => endQuietly(Number(readFileSync(pidFile, 'utf8'))))
  return await startCommand(t, ['script', '-qfec', line, '/dev/null'], { env, cwd })
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The process has ended already.
  }
}

async function startCommand(
  t: Teardown,
  command: readonly string[],
  options: RunOptions,
  sign = serves,
): Promise<RunningProcess> {
  const { child, exited, stdout } = begin(command, options)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const serving = new Promise<void>((resolve) => {
    child.stdout.on('data', () => {
      if (sign.test(stdout())) resolve()
    })
  })
  const failed = await Promise.race([serving, exited])
  if (failed !== undefined) throw new Error(`ended before it served: ${JSON.stringify(failed)}`)
  const address = (scheme: string) => new RegExp(`${scheme}://[^ ]+:\\d+`).exec(stdout())?.[0] ?? ''
  return { child, exited, stdout, http: address('http'), https: address('https') }
}
