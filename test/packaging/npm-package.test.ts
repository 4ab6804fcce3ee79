// The tarball of npm: packed as npm does it, and the program run from where npm would have put it.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readManifest } from '../../packaging/build.ts'
import { copyProduction } from '../../packaging/production.ts'
import { run } from '../helpers/clients.ts'
import { root, run as runHere, scratch } from '../helpers/process.ts'

t.setTimeout(600_000)

/** Packs this checkout, as `npm pack` does: it builds dist/ first. */
async function pack(t: Parameters<typeof scratch>[0]) {
  const out = scratch(t)
  // npm runs scripts with the Node.js of the checkout, as `npm test` does.
  const env = {
    PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    HOME: out,
    // A registry that is asked for all the same cannot be reached: nothing but `npm ci` needs one.
    npm_config_offline: 'true',
    npm_config_registry: 'http://127.0.0.1:9',
  }
  const args = ['pack', '--pack-destination', out]
  const { code, stderr } = await run('npm', args, { cwd: root, env, timeoutMs: 250_000 })
  if (code !== 0) throw new Error(`npm pack: ${code}: ${stderr}`)
  const { version } = readManifest()
  const file = join(out, `coffer-${version}.tgz`)
  const listed = await run('tar', ['-tzf', file])
  return { file, paths: listed.stdout.toString().trim().split('\n').sort() }
}

t.test('npm pack makes a package that can be installed and run', async (t) => {
  const { file, paths } = await pack(t)
  await t.test('it holds the program, its documents, and nothing else', async (t) => {
    const tops = new Set(paths.map((path) => path.split('/').slice(0, 2).join('/')))
    t.same(
      [...tops].sort(),
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'dist', 'docs', 'package.json'].map(
        (top) => `package/${top}`,
      ),
    )
    t.same(
      paths.filter((path) => /\.(ts|map|tgz|deb)$/.test(path)),
      [],
    )
    for (const path of ['dist/bin/coffer.js', 'dist/man/coffer.1', 'dist/etc/coffer.yaml']) {
      t.ok(paths.includes(`package/${path}`), path)
    }
  })
  await t.test('it runs beside the packages that it depends on', async (t) => {
    const top = scratch(t)
    copyProduction(root, top)
    const program = join(top, 'node_modules/coffer')
    mkdirSync(program)
    const unpacked = await run('tar', ['-xzf', file, '-C', program, '--strip-components=1'])
    t.equal(unpacked.code, 0, unpacked.stderr)
    const { bin, man } = JSON.parse(readFileSync(join(program, 'package.json'), 'utf8'))
    const coffer = (...args: string[]) =>
      run(process.execPath, [join(program, bin.coffer), ...args], { cwd: top })
    const { version } = readManifest()
    t.equal((await coffer('version')).stdout.toString(), `${version}\n`)
    const checked = await coffer('serve', '--check')
    t.equal(checked.stdout.toString(), 'the configuration is valid\n', checked.stderr)
    t.match(readFileSync(join(program, man), 'utf8'), /^\.TH COFFER 1 /)
    const help = (await coffer('--help')).stdout.toString()
    t.equal(help, (await runHere(['--help'])).stdout, 'and has the commands of the sources')
    const refused = await coffer('serve', '--check', '--config', 'missing.yaml')
    t.match({ code: refused.code, stderr: refused.stderr }, { code: 1, stderr: /missing\.yaml/ })
  })
})
