// Our pages, pasted: the lines of a first start, then README.md, then docs/clients.md, as they stand, in one shell and one
// directory, on a node that was just started for the first time; with one of two versions of awscli, by the run's seed.
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Client, clients, clientTest, run, swiftClients } from '../helpers/clients.ts'
import { linesToTry, shellBlocks } from '../helpers/pages.ts'
import { root, scratch, start, writeConfig } from '../helpers/process.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'

t.setTimeout(600_000)

/** Behind all pages: what each of them sealed is read once more, with the key that it made. */
const readAgain = `
echo 'AGAIN'
secure_aws s3 cp s3://first/sealed try/again --sse-c AES256 --sse-c-key fileb://try/readme.key
cmp README.md try/again
secure_aws s3 cp s3://welcome/sealed - --sse-c AES256 --sse-c-key fileb://try/welcome.key
node_aws s3 cp 's3://docs/sealed/a file' - --sse-c AES256 --sse-c-key fileb://try/clients-new.key
swift download docs renewed --output - -H 'X-Object-Encryption-Customer-Algorithm: AES256' \\
  -H "X-Object-Encryption-Customer-Key: $(base64 -w0 try/clients-new.key)"
`

const awscli = randomFrom(seedOfRun()).pick([clients.awscliDebian, clients.awscliPypi])
const { boto3, curl, rclone, s3cmd } = clients
const needed: Client[] = [awscli, boto3, curl, rclone, s3cmd, swiftClients.swift]
const sentence = `every page works behind the others when pasted, and takes no key from them, with ${awscli.name}`
clientTest(t, needed, sentence, async (t) => {
  const cwd = scratch(t)
  for (const file of ['README.md', '.gitignore']) copyFileSync(join(root, file), join(cwd, file))
  const elsewhere = scratch(t)
  const args = ['--config', writeConfig(elsewhere), '--data', 'data']
  const node = await start(t, args, { cwd })
  // What `aws` and `python3` are to be.
  const bin = join(elsewhere, 'bin')
  mkdirSync(bin)
  symlinkSync(awscli.command!, join(bin, 'aws'))
  writeFileSync(join(bin, 'python3'), `#!/bin/sh\nexec '${boto3.command}' "$@"\n`, {
    mode: 0o755,
  })
  const pages = [
    ['set -e', `PATH='${bin}':"$PATH"`, '. data/first-secrets'].join('\n'),
    linesToTry(join(cwd, 'data')),
    ...shellBlocks('README.md'),
    "echo 'CLIENTS'",
    ...shellBlocks('docs/clients.md'),
    readAgain,
  ]
  const script = pages
    .join('\n')
    .replaceAll('127.0.0.1:8080', new URL(node.http).host)
    .replaceAll('127.0.0.1:8443', new URL(node.https).host)
  const { code, stdout, stderr } = await run('bash', ['-c', script], { cwd, timeoutMs: 300_000 })
  t.equal(code, 0, stderr)
  const [readme, ofClients, again] = stdout.toString().split(/^(?:CLIENTS|AGAIN)$/m) as [
    string,
    string,
    string,
  ]
  t.match(readme, /^\S+ \S+ +\d+ README\.md$/m, 'README lists what it put')
  t.match(ofClients, '"SSECustomerAlgorithm": "AES256"', 'aws opened the object with its new key')
  t.equal(ofClients.match(/^hello$/gm)?.length, 3, 'curl, swift and rclone opened theirs')
  t.match(ofClients, "b'hello\\n'", 'boto3 opened its own')
  t.equal(readFileSync(join(cwd, 'try/fetched'), 'utf8'), 'hello\n', 's3cmd fetched its own')
  t.equal(again.match(/^hello$/gm)?.length, 3, 'what the pages sealed opens at the end')

  const secrets = ['readme.key', 'welcome.key', 'clients.key', 'clients-new.key', 'rclone.conf']
  for (const file of [...secrets, 's3cfg']) {
    t.equal(statSync(join(cwd, 'try', file)).mode & 0o077, 0, `nobody else reads ${file}`)
  }
  const git = 'git init -q . && git add . && git ls-files'
  const added = await run('bash', ['-c', git], { cwd })
  t.equal(added.stdout.toString(), '.gitignore\nREADME.md\n', 'git add takes none of it')
})
