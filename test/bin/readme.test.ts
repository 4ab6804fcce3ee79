// The lines that make keys, and those of README.md and of a first start, run as they are written. test/interop/docs.test.ts
// pastes all pages one behind the other.
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { clients, clientTest, run, swiftClients } from '../helpers/clients.ts'
import { shellBlocks } from '../helpers/pages.ts'
import { root, scratch, startOnTerminal, writeConfig } from '../helpers/process.ts'

t.test('the first aws s3 cp is within ten lines', async (t) => {
  const lines = shellBlocks('README.md').join('').split('\n')
  const first = lines.findIndex((line) => line.includes('s3 cp README.md'))
  t.ok(first >= 0 && first < 10 - 7, 'after npm start and six exports')
})

t.test('no page writes a key over one that is there', async (t) => {
  const pages = [
    'README.md',
    'SECURITY.md',
    ...readdirSync(join(root, 'docs')).map((f) => `docs/${f}`),
  ]
  const sources = [...pages, 'bin/commands/welcome.ts', 'packaging/manual.ts']
  const makers = sources.flatMap((page) =>
    readFileSync(join(root, page), 'utf8')
      .split('\n')
      .filter((line) => /openssl (rand|gen\w+)/.test(line) && !/^\s*-H/.test(line))
      // The guide's keys go into the key manager, where none lies over another.
      .filter((line) => page !== 'docs/guide.md' || /-out|> \S+\.key/.test(line))
      .map((line) => `${page}: ${line.trim()}`),
  )
  t.equal(makers.length, 5, 'the pages that make keys')
  const guarded = (line: string) => /\[ -e \S+ \] \|\| /.test(line)
  // Of the keyring the guard stands before the lines that draw it, and is run below.
  t.same(
    makers.filter((line) => !guarded(line)).map((line) => line.split(':')[0]),
    ['docs/operations.md'],
  )
})

t.test('lines that make a key make none where one is', async (t) => {
  const cwd = scratch(t)
  const of = (page: string) => shellBlocks(page).filter((block) => block.includes('openssl rand'))
  const lines = [...of('README.md'), ...of('docs/clients.md')].flatMap((block) =>
    /^\( umask 077;.*? \)$/ms.exec(block)!.slice(0, 1),
  )
  t.equal(lines.length, 2)
  const script = ['set -e', ...lines].join('\n')
  const keys = () =>
    readdirSync(join(cwd, 'try')).map((file) => readFileSync(join(cwd, 'try', file)))
  t.equal((await run('bash', ['-c', script], { cwd })).code, 0)
  const made = keys()
  t.same(
    made.map((key) => key.length),
    [32, 32, 32],
  )
  t.equal((await run('bash', ['-c', script], { cwd })).code, 0)
  t.same(keys(), made, 'pasted again they change nothing')
})

t.test('the lines of docs/operations.md make a keyring once, that a node opens', async (t) => {
  const cwd = scratch(t)
  mkdirSync(join(cwd, 'etc/coffer'), { recursive: true })
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  const lines = / {4}install -d -m 0700 \/etc\/coffer\/secrets\n(?: {4}.*\n)+/.exec(page)![0]
  const script = `set -e\n${lines.replaceAll('/etc/coffer', join(cwd, 'etc/coffer'))}`
  const file = join(cwd, 'etc/coffer/secrets/keyring')
  t.equal((await run('sh', ['-c', script])).code, 0)
  const made = readFileSync(file, 'utf8')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const { openKeyring } = await import('../../lib/crypto/keyring.ts')
  t.equal(openKeyring(file, { create: false }).ids.length, 1)
  t.equal((await run('sh', ['-c', script])).code, 0)
  t.equal(readFileSync(file, 'utf8'), made)
})

const awscli = clients.awscliDebian.command ? clients.awscliDebian : clients.awscliPypi
const needed = [awscli, clients.curl, swiftClients.swift]

clientTest(t, needed, 'the lines that a first start shows on a terminal work', async (t) => {
  const cwd = scratch(t)
  const args = ['--config', writeConfig(cwd), '--data', 'data']
  const node = await startOnTerminal(t, args, { cwd })
  while (!node.stdout().includes('base64 -w0')) await sleep(20)
  const printed = node
    .stdout()
    .split(/\r?\n/)
    .filter((line) => line.startsWith('  '))
  t.ok(printed.length >= 10, 'they are all there')
  const script = ['set -e', ...printed].join('\n').replace(/^\s*aws /gm, `${awscli.command} `)
  const { code, stdout, stderr } = await run('bash', ['-c', script], { cwd })
  t.equal(code, 0, stderr)
  const copies = stdout.toString().match(/^hello$/gm)?.length
  t.equal(copies, 2, 'the sealed object came back through both APIs')
  t.match(stdout.toString(), '<Key>sealed</Key>', 'curl listed the bucket')
  t.match(stdout.toString(), /hello\nsealed\n/, 'swift listed it')
})
