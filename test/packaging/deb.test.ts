// The Debian package: built, looked at, run from where it was unpacked, and installed, upgraded, removed and purged
// by dpkg in a system that is thrown away. Skips, and says so, where dpkg-deb, root or the kernel's leave is missing.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readManifest } from '../../packaging/build.ts'
import { makeDeb } from '../../packaging/deb.ts'
import { clients, run } from '../helpers/clients.ts'
import { freePort } from '../helpers/free-port.ts'
import { scratch } from '../helpers/process.ts'
import { scratchSystem } from './scratch-system.ts'
import { curlObject, readSecrets, untilServing } from './setting.ts'

// A package is a hundred megabytes to pack and to unpack, several times.
t.setTimeout(600_000)

const required = process.env.COFFER_REQUIRE_CLIENTS === '1'
const missing = ['/usr/bin/dpkg-deb', clients.curl.command].filter((f) => !f || !existsSync(f))
const skip = missing.length === 0 || required ? false : 'dpkg-deb or curl is not installed'
// An uncompressed package: what is tested is not gzip.
const deb = skip === false ? makeDeb({ out: scratch(t), compression: 'none' }) : ''

async function text(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code}: ${stderr}`)
  return stdout.toString()
}

t.test('the package is named and described by the version of the program', { skip }, async (t) => {
  const fields = ['Package', 'Version', 'Architecture', 'Depends']
  const control = await text('dpkg-deb', ['--field', deb, ...fields])
  t.match(control, `Version: ${readManifest().version}\n`)
  t.match(control, /^Depends: adduser, .*\blibc6 \(>= 2\.\d+\)/m)
  const architecture = (await text('dpkg', ['--print-architecture'])).trim()
  t.ok(deb.endsWith(`/coffer_${readManifest().version}_${architecture}.deb`), deb)
})

t.test('files belong to root, and no more can be run than has to be', { skip }, async (t) => {
  const lines = (await text('dpkg-deb', ['--contents', deb])).trim().split('\n')
  const entries = lines.map((line) => line.split(/\s+/))
  t.ok(entries.length > 500, `${entries.length} entries`)
  t.same(
    entries.filter(([, owner]) => owner !== 'root/root'),
    [],
  )
  t.same(
    entries.filter(([mode]) => !['drwxr-xr-x', '-rw-r--r--', '-rwxr-xr-x'].includes(mode!)),
    [],
  )
  const run = entries.filter(([mode]) => mode === '-rwxr-xr-x').map((entry) => entry.at(-1))
  t.same(run.sort(), ['./usr/bin/coffer', './usr/lib/coffer/bin/node'])
  const paths = entries.map((entry) => entry.at(-1)!)
  const idle = /\.(ts|map|cc|h|gyp)$|\/(typescript|tap|@biomejs|node_modules\/node)\/|darwin|win32/
  t.same(
    paths.filter((path) => path.startsWith('./usr/lib/coffer/') && idle.test(path)),
    [],
    'no sources, no tools, nothing for other systems',
  )
})

t.test('unpacked anywhere, it serves: what was put comes back', { skip }, async (t) => {
  const top = scratch(t)
  await text('dpkg-deb', ['--extract', deb, top])
  await text('dpkg-deb', ['--control', deb, join(top, 'DEBIAN')])
  await run('md5sum', ['--check', '--quiet', 'DEBIAN/md5sums'], { cwd: top }).then((summed) =>
    t.same({ code: summed.code, said: summed.stdout.toString() }, { code: 0, said: '' }),
  )
  const node = join(top, 'usr/lib/coffer/bin/node')
  const program = join(top, 'usr/lib/coffer/bin/coffer.js')
  t.equal((await text(node, [program, 'version'])).trim(), readManifest().version)
  const sample = join(top, 'etc/coffer/coffer.yaml')
  const check = await run(node, [program, 'serve', '--check', '--config', sample])
  t.same(check.stdout.toString(), 'the configuration is valid\n', check.stderr)
  const config = join(top, 'test.yaml')
  writeFileSync(config, onPorts(readFileSync(sample, 'utf8'), await freePort(), await freePort()))
  const data = join(top, 'data')
  const child = spawn(node, [program, 'serve', '--config', config, '--data', data])
  t.teardown(() => void child.kill('SIGKILL'))
  const served = await untilServing(child)
  const ca = readFileSync(join(data, 'tls/cert.pem'), 'utf8')
  await curlObject(t, served, readSecrets(readFileSync(join(data, 'first-secrets'), 'utf8')), ca)
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})

/** The packaged configuration on other ports, and on a disk that may be nearly full. */
function onPorts(sample: string, http: number, https: number): string {
  return sample
    .replace('port: 8080', `port: ${http}`)
    .replace('port: 8443', `port: ${https}`)
    .replace(/port: (5000|9311)/g, 'port: 0')
    .replace(/reserveBytes: .*/, 'reserveBytes: 0')
}

t.test('every package that the program asks for is in it', { skip }, async (t) => {
  const top = scratch(t)
  await text('dpkg-deb', ['--extract', deb, top])
  const program = join(top, 'usr/lib/coffer')
  const sources = readdirSync(program, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.js') && !file.startsWith('node_modules'),
  )
  const named = sources.flatMap((file) => [
    ...readFileSync(join(program, file), 'utf8').matchAll(/(?:from |import\()'([\w@][\w@/.-]*)'/g),
  ])
  const packages = [...new Set(named.map(([, name]) => name!))].filter((n) => !n.includes(':'))
  t.ok(packages.includes('koa') && packages.includes('level'), packages.join())
  const load = `for (const name of ${JSON.stringify(packages)}) await import(name)`
  writeFileSync(join(program, 'load.js'), load)
  const { code, stderr } = await run(join(program, 'bin/node'), [join(program, 'load.js')])
  t.same({ code, stderr }, { code: 0, stderr: '' })
})

t.test('dpkg installs, upgrades, removes and purges it', { skip }, async (t) => {
  // What the machine allows is not up to whoever installs its clients: this skips in CI, too.
  const skipBecause = (reason: string) => void t.pass(reason, { skip: reason })
  if (existsSync('/usr/lib/coffer')) return skipBecause('coffer is installed on this machine')
  const system = await scratchSystem(t, deb, 'coffer.deb')
  if (typeof system === 'string') return skipBecause(system)
  const { text } = system
  const config = '/etc/coffer/coffer.yaml'

  t.match(await text('dpkg -i /coffer.deb'), /systemctl enable --now coffer/)
  t.equal(await text("stat -c '%U:%G %a' /var/lib/coffer"), 'coffer:coffer 750')
  t.equal(await text("stat -c '%U:%G %a' /etc/coffer"), 'root:coffer 750')
  t.match(await text('getent passwd coffer'), /:\/var\/lib\/coffer:\/usr\/sbin\/nologin$/)
  t.equal(await text('dpkg --verify coffer'), '', 'what is installed is what was packed')
  t.match(await text('ls /var/lib/coffer'), /^$/, 'nothing was started')
  t.equal(
    await text('find /etc/systemd/system -name "coffer*"'),
    '',
    'nor will be at the next boot',
  )
  if (existsSync('/usr/bin/systemd-analyze')) {
    const { stdout, stderr } = await system.sh('systemd-analyze verify --man=no coffer.service')
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('coffer'))
    t.same(said, [], 'systemd has nothing to say of the unit')
  }

  // On ports of its own, and reached by the line of the unit.
  const ports = [await freePort(), await freePort()] as const
  const edited = onPorts(await text(`cat ${config}`), ...ports)
  await text(`cat > ${config} <<'END'\n${edited}\nEND`)
  t.equal(await text('coffer serve --check'), 'the configuration is valid')
  const unit = await text('cat /usr/lib/systemd/system/coffer.service')
  const command = /^ExecStart=(.*)$/m.exec(unit)![1]!
  const begin = async () => {
    const child = system.start(`exec ${command}`)
    return { child, served: await untilServing(child) }
  }
  const strangers = () => text('find /var/lib/coffer ! -user coffer')

  const first = await begin()
  const secrets = readSecrets(await text('cat /var/lib/coffer/first-secrets'))
  const ca = await text('cat /var/lib/coffer/tls/cert.pem')
  await curlObject(t, first.served, secrets, ca)
  t.match(await text('coffer user add main other'), /Added main:other/)
  t.match(await text('coffer status'), /volume/i)
  t.equal(await strangers(), '', 'the node runs as its own user, though root started it')
  await stop(first.child)
  t.match(await text('coffer status'), /volume/i, 'without a node, too')
  t.equal(await strangers(), '', 'and leaves nothing that the service could not write')

  const keys = '/etc/coffer/secrets/keyring'
  await text(`install -d -m 0700 /etc/coffer/secrets && cp /var/lib/coffer/keyring ${keys}`)
  t.match(await system.sh(`coffer key add --keyring ${keys}`), { code: 1, stderr: /EACCES/ })
  t.match(await text(`COFFER_USER=root coffer key add --keyring ${keys}`), /^Added /)
  t.equal(await strangers(), '')
  await text('rm -r /etc/coffer/secrets')

  await text('systemctl enable coffer')
  const again = await text('dpkg -i /coffer.deb')
  t.notMatch(again, /systemctl enable/, 'an upgrade does not ask for what is done')
  t.match(await text(`cat ${config}`), `port: ${ports[0]}`, 'the edited configuration stays')
  const second = await begin()
  await curlObject(t, second.served, secrets, ca, { put: false })
  await stop(second.child)

  await text('dpkg -r coffer')
  t.equal((await system.sh('test -e /usr/lib/coffer || test -e /usr/bin/coffer')).code, 1)
  await text(`test -s ${config} && test -s /var/lib/coffer/keyring`)
  await text('dpkg -i /coffer.deb && coffer serve --check')
  t.match(await text('dpkg -P coffer'), /objects and keys stay in \/var\/lib\/coffer/)
  await text('test -s /var/lib/coffer/keyring && getent passwd coffer')
  t.equal((await system.sh('test -e /etc/coffer')).code, 1)
  t.equal(await text('find /etc/systemd/system -name "coffer*"'), '', 'no link is left')

  await text('rm -r /var/lib/coffer && dpkg -i /coffer.deb && dpkg -P coffer')
  t.equal((await system.sh('test -e /var/lib/coffer')).code, 1, 'what is empty goes')
  t.equal((await system.sh('getent passwd coffer || getent group coffer')).code, 2)
})

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  const [code, signal] = await once(child, 'exit')
  if (code !== 0) throw new Error(`ended with ${code ?? signal}`)
}
