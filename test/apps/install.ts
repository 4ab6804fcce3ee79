// Installs applications: Debian's into the system, all others below .ci/installed/, which Git ignores. What is there
// in the wanted version is left as it is.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../helpers/process.ts'
import { Unavailable } from './app.ts'

const INSTALL_TIMEOUT_MS = 3_600_000
const installed = join(root, '.ci/installed')

type Options = { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> }

/** Runs an installer in the environment of whoever runs this: that is where registries are set. */
function install(
  command: string,
  args: readonly string[],
  { cwd = root, env }: Options = {},
): void {
  try {
    execFileSync(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: INSTALL_TIMEOUT_MS,
      maxBuffer: 64 << 20,
    })
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: Buffer | string }
    const said = String(stderr).trim().split('\n').slice(-3).join(' ')
    throw new Unavailable(`${command} ${args[0]}: ${code ?? said}`)
  }
}

/** Makes a directory by `make` unless it was made whole for the same `wanted`; returns it. */
function once(path: string, wanted: string, make: (directory: string) => void): string {
  const directory = join(installed, path)
  const mark = join(directory, 'installed')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return directory
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  make(directory)
  writeFileSync(mark, wanted)
  return directory
}

/** Debian's packages; the version of the first. */
export function debian(...packages: string[]): string {
  const missing = packages.filter((name) => debianVersion(name) === undefined)
  if (missing.length > 0) {
    const sudo = process.getuid!() === 0 ? [] : ['sudo', '-n']
    // No service that a package brings is started.
    const env = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1']
    const get = [...sudo, ...env, 'apt-get', '-qq', 'install', '-y', '--no-install-recommends']
    install(get[0]!, [...get.slice(1), ...missing])
  }
  return debianVersion(packages[0]!)!
}

function debianVersion(name: string): string | undefined {
  try {
    const args = ['-s', name]
    const told = execFileSync('dpkg-query', args, {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString()
    const isInstalled = /^Status: install ok installed$/m.test(told)
    return isInstalled ? /^Version: (\S+)$/m.exec(told)?.[1] : undefined
  } catch {
    return undefined
  }
}

/** A virtual environment with these packages of PyPI (`name==version`); its directory of programs. */
export function pypi(name: string, ...packages: string[]): string {
  const directory = once(`pypi/${name}`, packages.join(' '), (directory) => {
    install('python3', ['-m', 'venv', directory])
    const quiet = ['install', '--quiet', '--disable-pip-version-check']
    install(join(directory, 'bin/pip'), [...quiet, ...packages])
  })
  return join(directory, 'bin')
}

/** A program of a Go module, built; its path. `program`: where in the module it lies. */
export function go(module: string, version: string, program: string): string {
  const name = program.split('/').at(-1)!
  const wanted = `${module} ${version}`
  const directory = once(`go/${name}`, wanted, (directory) => {
    const options = { cwd: directory, env: { GOFLAGS: '-mod=mod' } }
    install('go', ['mod', 'init', 'installed'], options)
    install('go', ['get', `${module}@${version}`], options)
    install('go', ['build', '-o', name, `${module}/${program}`], options)
  })
  return join(directory, name)
}

/** A directory with these packages of npm (`name@version`) and this program beside them; its path. */
export function npm(name: string, program: string, ...packages: string[]): string {
  const directory = once(`npm/${name}`, packages.join(' '), (directory) => {
    writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }')
    const quiet = ['install', '--no-audit', '--no-fund', '--save-exact', '--ignore-scripts']
    install('npm', [...quiet, ...packages], { cwd: directory })
  })
  const path = join(directory, 'program.js')
  writeFileSync(path, program)
  return path
}
