// `npm run build`: writes dist/, the program as JavaScript, for packages: Node.js strips no types under
// node_modules. dist/ is a program tree of its own. Files that the program reads at run time lie beside its
// bin/, as they do in the repository. The Debian package contains dist/ unchanged.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderManual } from './manual.ts'

/** The root of the repository. */
export const repository = fileURLToPath(new URL('..', import.meta.url))

/** The fields of package.json that the packages need. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly type: string
  readonly engines: { readonly node: string }
}

export const readManifest = (): Manifest =>
  JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))

/**
 * Writes the program to `out`, and replaces what lies there. Throws where the sources do not compile, or
 * contain a file's name that the compiler does not rewrite.
 */
export function build(out: string): void {
  rmSync(out, { recursive: true, force: true })
  const compiler = join(repository, 'node_modules/typescript/bin/tsc')
  const project = join(repository, 'tsconfig.build.json')
  const compile = [compiler, '-p', project, '--outDir', out]
  execFileSync(process.execPath, compile, { stdio: 'inherit' })
  refuseUnwritten(out)
  const { name, version, description, license, type, engines } = readManifest()
  const manifest = { name, version, description, license, type, private: true, engines }
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  // etc/systemd holds the unit for a checkout. The Debian package has another one.
  const unit = join(repository, 'etc/systemd')
  cpSync(join(repository, 'etc'), join(out, 'etc'), { recursive: true, filter: (f) => f !== unit })
  mkdirSync(join(out, 'man'))
  writeFileSync(join(out, 'man/coffer.1'), renderManual(version))
  chmodSync(join(out, 'bin/coffer.js'), 0o755)
}

/**
 * The compiler rewrites `.ts` in imports, and nowhere else. A worker or a child process that is started by a
 * file's name would not be found in dist/. Throws with all lines that hold such a name.
 */
export function refuseUnwritten(out: string): void {
  const source = /['"`](?:\.{1,2}\/|[\w-]+\/)[^'"`\s]*\.ts['"`]/
  const code = (line: string) => line.replace(/^\s*(\/?\*|\/\/).*|\s\/\/ .*$/, '')
  const wrong = filesOf(out)
    .filter((file) => file.endsWith('.js'))
    .flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, i) =>
          source.test(code(line)) ? [`${file}:${i + 1}: ${line.trim()}`] : [],
        ),
    )
  if (wrong.length > 0) {
    throw new Error(`names of TypeScript files are left in the program:\n${wrong.join('\n')}`)
  }
}

/** Every file below a directory, sorted. */
export function filesOf(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Runs a script to its end. A failure is printed as one message, with exit code 1. */
export function runScript(work: () => void): void {
  try {
    work()
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  }
}

if (process.argv[1] === import.meta.filename) {
  runScript(() => {
    const out = join(repository, 'dist')
    build(out)
    // Standard output belongs to npm pack --json.
    process.stderr.write(`Wrote ${filesOf(out).length} files to ${relative('', out)}.\n`)
  })
}
