// `npm run deb`: makes coffer_<version>_<arch>.deb for the machine that it runs on, with the Node.js of the
// checkout. It needs dpkg-deb, but neither root nor a network.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build, filesOf, readManifest, repository, runScript } from './build.ts'
import {
  architectureOf,
  changelog,
  control,
  copyright,
  debianVersion,
  installedConfig,
  installedUnit,
} from './deb-texts.ts'
import { librariesOf } from './libraries.ts'
import { copyProduction } from './production.ts'

const PROGRAM = 'usr/lib/coffer'
const DOCUMENTS = 'usr/share/doc/coffer'
/** Executable files of the package. All others get mode 0644, whatever mode they have in the checkout. */
const EXECUTABLE = /^(usr\/bin\/coffer|usr\/lib\/coffer\/bin\/node|DEBIAN\/p\w+)$/

const compressions = ['none', 'gzip', 'xz', 'zstd']

export interface DebOptions {
  /** The directory for the package. */
  readonly out: string
  readonly compression: string
}

/** Makes the package and returns its path. Throws where a file of the package is missing or has changed. */
export function makeDeb({ out, compression }: DebOptions): string {
  const manifest = readManifest()
  const architecture = architectureOf(process.arch)
  const stage = mkdtempSync(join(tmpdir(), 'coffer-deb-'))
  try {
    const date = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000) * 1000)
    layProgram(stage)
    const packages = copyProduction(repository, join(stage, PROGRAM))
    layDocuments(
      stage,
      copyright(packages),
      changelog(read('CHANGELOG.md'), manifest.version, date),
    )
    write(stage, 'etc/coffer/coffer.yaml', installedConfig(read('etc/coffer.yaml')))
    const unit = installedUnit(read('etc/systemd/coffer.service'))
    write(stage, 'usr/lib/systemd/system/coffer.service', unit)
    write(stage, 'usr/bin/coffer', read('packaging/debian/coffer.sh'))
    write(stage, 'usr/share/lintian/overrides/coffer', read('packaging/debian/lintian-overrides'))
    const payload = filesOf(stage)
    const compiled = payload.filter((file) => /\.node$|\/bin\/node$/.test(file))
    strip(compiled)
    const bytes = payload.reduce((sum, file) => sum + statSync(file).size, 0)
    const libraries = librariesOf(compiled)
    const installedKib = Math.ceil(bytes / 1024)
    write(stage, 'DEBIAN/control', control({ manifest, architecture, libraries, installedKib }))
    write(stage, 'DEBIAN/conffiles', '/etc/coffer/coffer.yaml\n')
    write(stage, 'DEBIAN/md5sums', sums(stage, payload))
    for (const script of ['postinst', 'prerm', 'postrm']) {
      write(stage, `DEBIAN/${script}`, read(`packaging/debian/${script}`))
    }
    setModes(stage, stage)
    const file = join(out, `coffer_${debianVersion(manifest.version)}_${architecture}.deb`)
    mkdirSync(out, { recursive: true })
    pack(stage, file, compression)
    return file
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

const read = (path: string) => readFileSync(join(repository, path), 'utf8')

function write(stage: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(stage, path)), { recursive: true })
  writeFileSync(join(stage, path), content)
}

/** Copies the program tree and its Node.js, without files that lie elsewhere in an installed system. */
function layProgram(stage: string): void {
  const program = join(stage, PROGRAM)
  build(program)
  const manual = readFileSync(join(program, 'man/coffer.1'))
  write(stage, 'usr/share/man/man1/coffer.1.gz', gzipSync(manual, { level: 9 }))
  rmSync(join(program, 'man'), { recursive: true })
  mkdirSync(join(stage, DOCUMENTS), { recursive: true })
  renameSync(join(program, 'etc'), join(stage, DOCUMENTS, 'examples'))
  copyFileSync(join(repository, 'node_modules/node/bin/node'), join(program, 'bin/node'))
}

/** Removes debugging symbols, as Debian's policy requires: here they are a seventh of the package. Without
 * binutils they stay. */
function strip(compiled: readonly string[]): void {
  const command = '/usr/bin/strip'
  if (existsSync(command)) execFileSync(command, ['--strip-unneeded', ...compiled])
}

function layDocuments(stage: string, copyrightText: string, changelogText: string): void {
  cpSync(join(repository, 'docs'), join(stage, DOCUMENTS), { recursive: true })
  write(stage, join(DOCUMENTS, 'copyright'), copyrightText)
  write(stage, join(DOCUMENTS, 'changelog.gz'), gzipSync(changelogText, { level: 9 }))
  const license = 'node-license.txt.gz'
  copyFileSync(join(repository, 'packaging/debian', license), join(stage, DOCUMENTS, license))
}

function sums(stage: string, files: readonly string[]): string {
  const md5 = (file: string) => createHash('md5').update(readFileSync(file)).digest('hex')
  return files
    .map((file) => [md5(file), relative(stage, file)] as const)
    .filter(([, path]) => !path.startsWith('etc/'))
    .map(([sum, path]) => `${sum}  ${path}\n`)
    .join('')
}

function setModes(stage: string, directory: string): void {
  chmodSync(directory, 0o755)
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) setModes(stage, path)
    else chmodSync(path, EXECUTABLE.test(relative(stage, path)) ? 0o755 : 0o644)
  }
}

/** Replaces an existing package whole or not at all. */
function pack(stage: string, file: string, compression: string): void {
  const begun = join(dirname(file), `.${basename(file)}.new`)
  try {
    const args = ['--root-owner-group', `-Z${compression}`, '--build', stage, begun]
    execFileSync('dpkg-deb', args, { stdio: ['ignore', 'ignore', 'inherit'] })
    renameSync(begun, file)
  } finally {
    rmSync(begun, { force: true })
  }
}

/** Reads the arguments. Throws where one is wrong. */
function main(): void {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(repository, 'dist-deb') },
      compress: { type: 'string', default: 'xz' },
    },
  })
  if (!compressions.includes(values.compress)) {
    throw new Error(`--compress: ${values.compress} is none of ${compressions.join(', ')}`)
  }
  const file = makeDeb({ out: resolve(values.out), compression: values.compress })
  const mib = (statSync(file).size / 1024 / 1024).toFixed(1)
  process.stdout.write(`Wrote ${relative('', file)}, ${mib} MiB.\n`)
}

if (process.argv[1] === import.meta.filename) runScript(main)
