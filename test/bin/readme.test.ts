// README.md's shell lines run as they are written, on a node that was just started for the first time.
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clients, clientTest, run, swiftClients } from '../helpers/clients.ts'
import { root, scratch, start, writeConfig } from '../helpers/process.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!)

t.test('the first aws s3 cp is within ten lines', async (t) => {
  const lines = blocks.join('').split('\n')
  const first = lines.findIndex((line) => line.includes('s3 cp README.md'))
  t.ok(first >= 0 && first < 10 - 7, 'after npm start and six exports')
})

const awscli = clients.awscliDebian.command ? clients.awscliDebian : clients.awscliPypi

const needed = [awscli, clients.curl, swiftClients.swift]

clientTest(t, needed, 'every line of the README works when pasted', async (t) => {
  const cwd = scratch(t)
  copyFileSync(join(root, 'README.md'), join(cwd, 'README.md'))
  const args = ['--config', writeConfig(cwd), '--data', 'data']
  const node = await start(t, args, { cwd, env: { JOURNAL_STREAM: undefined } })
  // The lines that the first start prints to be pasted first.
  const exports = node.stdout().match(/^ {2}export (?:AWS|ST)_\w+=\S+$/gm) ?? []
  t.equal(exports.length, 6)
  t.equal(blocks.length, 4)
  const script = ['set -e', ...exports, ...blocks]
    .join('\n')
    .replaceAll('http://127.0.0.1:8080', node.http)
    .replaceAll('https://127.0.0.1:8443', node.https)
    .replace(/^\s*aws /gm, `${awscli.command} `)
  const { code, stdout, stderr } = await run('bash', ['-c', script], { cwd })
  t.equal(code, 0, stderr)
  t.match(stdout.toString(), /^\S+ \S+ +\d+ README\.md$/m)
  t.same(readFileSync(join(cwd, 'copy.md')), readFileSync(join(root, 'README.md')))
  t.ok(readdirSync(cwd).includes('my.key'))
})

clientTest(t, needed, 'the lines that a first start prints work too', async (t) => {
  const cwd = scratch(t)
  copyFileSync(join(root, 'README.md'), join(cwd, 'README.md'))
  const args = ['--config', writeConfig(cwd), '--data', 'data']
  const node = await start(t, args, { cwd, env: { JOURNAL_STREAM: undefined } })
  const printed = node
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('  '))
  t.ok(printed.length >= 10, 'they are all there')
  const script = ['set -e', ...printed].join('\n').replace(/^\s*aws /gm, `${awscli.command} `)
  const { code, stdout, stderr } = await run('bash', ['-c', script], { cwd })
  t.equal(code, 0, stderr)
  const copies = stdout.toString().split(readme.slice(0, 200)).length - 1
  t.equal(copies, 2, 'the sealed object came back through both APIs')
  t.match(stdout.toString(), '<Key>sealed</Key>', 'curl listed the bucket')
  t.match(stdout.toString(), /README\.md\nsealed\n/, 'swift listed it')
})
