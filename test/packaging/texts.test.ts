// What packages are made of, by table: which files are needed at run time, which libraries, and the texts that follow
// from others. A source that has changed under them is noticed here, not by whoever installs the package.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../lib/config/config.ts'
import { refuseUnwritten } from '../../packaging/build.ts'
import {
  architectureOf,
  changelog,
  copyright,
  debianVersion,
  installedConfig,
  installedUnit,
} from '../../packaging/deb-texts.ts'
import { librariesOf } from '../../packaging/libraries.ts'
import { renderManual } from '../../packaging/manual.ts'
import { isNeeded, productionPackages } from '../../packaging/production.ts'
import { run } from '../helpers/clients.ts'
import { root, scratch } from '../helpers/process.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const here = `${process.platform}-${process.arch}`

t.test(
  'of a package only what Node.js loads on this machine is taken, and its licence',
  async (t) => {
    const needed = {
      'package.json': true,
      'index.js': true,
      'dist/doc/anchors.js': true,
      'data/db.json': true,
      LICENSE: true,
      'LICENSE.md': true,
      'deps/leveldb/LICENSE': true,
      [`prebuilds/${here}/classic-level.node`]: true,
      [`prebuilds/${here}/classic-level.musl.node`]: false,
      'prebuilds/plan9-mips/classic-level.node': false,
      'build/Release/extract.node': true,
      'build/Release/obj.target/extract.node': false,
      'build/Release/.deps/extract.node.d': false,
      'build/Makefile': false,
      'build/lib/index.js': true,
      'README.md': false,
      'index.d.ts': false,
      'src/index.ts': false,
      'index.js.map': false,
      'binding.cc': false,
      'deps/leveldb/db.cc': false,
      'test/index.js': false,
      'lib/test/index.js': true,
      '.eslintrc.json': false,
      '.husky/pre-commit': false,
      'index.html': false,
      'inc-version.sh': false,
    }
    for (const [path, expected] of Object.entries(needed)) t.equal(isNeeded(path), expected, path)
  },
)

t.test('packages of development, and those below them, are not for production', async (t) => {
  const places = productionPackages(root).map(({ place }) => place)
  for (const name of ['koa', 'level', 'classic-level']) {
    t.ok(places.includes(`node_modules/${name}`), name)
  }
  for (const name of ['tap', 'typescript', 'node', 'memory-level', '@types/node']) {
    t.notOk(places.includes(`node_modules/${name}`), name)
  }
})

t.test('node_modules that is not what the lock file says makes no package', async (t) => {
  const top = scratch(t)
  const lock = (packages: object) =>
    writeFileSync(join(top, 'package-lock.json'), JSON.stringify({ packages }))
  mkdirSync(join(top, 'node_modules/one'), { recursive: true })
  writeFileSync(join(top, 'node_modules/one/package.json'), '{"version":"1.0.0"}')
  lock({ '': {}, 'node_modules/one': { version: '1.0.0', license: 'MIT' } })
  t.same(productionPackages(top), [{ place: 'node_modules/one', version: '1.0.0', license: 'MIT' }])
  lock({ 'node_modules/one': { version: '1.0.1' } })
  t.throws(() => productionPackages(top), { message: /one: 1\.0\.0 instead of 1\.0\.1/ })
  lock({ 'node_modules/two': { version: '1.0.0' } })
  t.throws(() => productionPackages(top), { message: /two: not installed/ })
  lock({ 'node_modules/two': { version: '1.0.0', optional: true } })
  t.same(productionPackages(top), [], 'an optional one is for another machine')
  lock({ 'node_modules/two': { version: '1.0.0', dev: true } })
  t.same(productionPackages(top), [])
})

t.test(
  'the libraries that a file needs are those that it names, of at least its versions',
  async (t) => {
    const top = scratch(t)
    const file = (name: string, ...words: string[]) => {
      writeFileSync(join(top, name), `\0${words.join('\0')}\0`)
      return join(top, name)
    }
    const old = file('old', 'libc.so.6', 'GLIBC_2.3.4', 'GLIBC_2.9')
    const newer = file('newer', 'libc.so.6', 'GLIBC_2.28', 'libstdc++.so.6', 'GLIBCXX_3.4.23')
    t.same(librariesOf([old]), ['libc6 (>= 2.9)'])
    t.same(librariesOf([old, newer]), ['libc6 (>= 2.28)', 'libstdc++6 (>= 7)'])
    t.throws(() => librariesOf([file('next', 'libc.so.6', 'GLIBCXX_3.4.99')]), {
      message: /3\.4\.99/,
    })
  },
)

t.test('the packaged configuration is the sample on the paths of a package', async (t) => {
  const top = scratch(t)
  const file = join(top, 'coffer.yaml')
  writeFileSync(file, installedConfig(read('etc/coffer.yaml')))
  const config = loadConfig({ file, data: undefined })
  const sample = loadConfig({ file: join(root, 'etc/coffer.yaml'), data: undefined })
  t.equal(config.data, '/var/lib/coffer')
  t.equal(config.keyring, '/var/lib/coffer/keyring')
  t.same(config.devices, ['/var/lib/coffer/volumes'])
  const { data, keyring, devices } = config
  t.same({ ...sample, data, keyring, devices }, config, 'and nothing else differs')
  t.notMatch(readFileSync(file, 'utf8'), /[ :]\.\//, 'no path depends on where it is started')
  t.throws(() => installedConfig('# comment\n\ndata: ./elsewhere\n'), { message: /expect 1 of/ })
})

t.test(
  'the packaged unit starts what the package installs, and is otherwise the same',
  async (t) => {
    const unit = read('etc/systemd/coffer.service')
    const installed = installedUnit(unit)
    t.notMatch(installed, /\/opt\/|\.ts\b/)
    t.match(installed, /^ExecStart=\/usr\/bin\/coffer serve --config \/etc\/coffer\/coffer\.yaml$/m)
    const settings = (text: string) => text.split('\n').filter((line) => /^[A-Z]\w+=/.test(line))
    const changed = /^(Exec\w+|Documentation|StateDirectoryMode)=/
    const rest = (text: string) => settings(text).filter((line) => !changed.test(line))
    t.same(rest(installed), rest(unit))
    t.throws(() => installedUnit(unit.replaceAll('/opt/coffer', '/opt/other')), {
      message: /expect/,
    })
  },
)

t.test('versions and architectures are spelt as Debian does', async (t) => {
  t.equal(debianVersion('1.2.3'), '1.2.3')
  t.equal(debianVersion('1.2.3-rc.1'), '1.2.3~rc.1')
  t.equal(architectureOf('x64'), 'amd64')
  t.equal(architectureOf('arm64'), 'arm64')
  t.throws(() => architectureOf('toString'), { message: /no architecture/ })
})

t.test('the changelog is that of the version, in lines that Debian reads', async (t) => {
  const long = 'word '.repeat(40).trim()
  const text = changelog(
    `# Changelog\n\n## 1.0.0, unreleased\n\n- ${long}.\n- Two.\n\n## 0.9.0\n\n- Old.\n`,
    '1.0.0',
    new Date(0),
  )
  t.match(text, /^coffer \(1\.0\.0\) unstable; urgency=medium\n\n {2}\* word word/)
  t.match(text, /\n {2}\* Two\.\n\n -- .+ <.+> {2}Thu, 01 Jan 1970 00:00:00 \+0000\n$/)
  t.notMatch(text, /Old/)
  t.ok(text.split('\n').every((line) => line.length <= 80))
  t.equal(text.match(/word/g)!.length, 40, 'no word is lost')
  t.throws(() => changelog('# Changelog\n', '1.0.0', new Date(0)), {
    message: /nothing of 1\.0\.0/,
  })
})

t.test('copyright names every package that goes along', async (t) => {
  const packages = productionPackages(root)
  const text = copyright(packages)
  for (const { place } of packages) t.ok(text.includes(`Files: usr/lib/coffer/${place}/*\n`), place)
})

t.test('a name of a TypeScript file that the compiler left stops the build', async (t) => {
  const top = scratch(t)
  const program = (text: string) => writeFileSync(join(top, 'program.js'), text)
  program("import './one.js'\n// as lib/one.ts says\nconst text = 'a file.ts of somebody'\n")
  refuseUnwritten(top)
  for (const name of ["'./child.ts'", '"../lib/child.ts"', '`bin/child.ts`']) {
    program(`\nfork(new URL(${name}, import.meta.url))\n`)
    t.throws(() => refuseUnwritten(top), { message: /program\.js:2: fork/ }, name)
  }
})

t.test('the man page has every command and option, and roff has nothing to say', async (t) => {
  const { makeProgram } = await import('../../bin/coffer.ts')
  const page = renderManual('1.2.3')
  t.match(page, /^\.TH COFFER 1 "" "coffer 1\.2\.3"/)
  const escaped = (text: string) => text.replaceAll('-', '\\-')
  for (const command of makeProgram().commands) {
    t.ok(page.includes(`\n.SS coffer ${escaped(command.name())}`), command.name())
    for (const { flags } of command.options) {
      t.ok(page.includes(`\n.B ${escaped(flags)}\n`), `${command.name()} ${flags}`)
    }
  }
  t.match(page, /Exit code: 0 done, 1 a volume/, 'what stands behind the help, too')
  const { code } = await run('sh', ['-c', 'command -v groff'])
  if (code !== 0) return void t.pass('roff', { skip: 'groff is not installed' })
  const args = ['-man', '-ww', '-Tascii', '-z', '-']
  const { stderr } = await run('groff', args, { input: page })
  t.equal(stderr, '')
})
