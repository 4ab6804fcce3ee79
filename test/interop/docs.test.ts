// The shell lines of docs/clients.md, run as they stand on a node that was just started for the first time,
// with one version of awscli and then with the other.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Client, clients, clientTest, run, swiftClients } from '../helpers/clients.ts'
import { root, scratch, start, writeConfig } from '../helpers/process.ts'

const page = readFileSync(join(root, 'docs/clients.md'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!)

t.setTimeout(300_000)

for (const awscli of [clients.awscliDebian, clients.awscliPypi]) {
  const { boto3, curl, rclone, s3cmd } = clients
  const needed: Client[] = [awscli, boto3, curl, rclone, s3cmd, swiftClients.swift]
  const sentence = `every line of docs/clients.md works when pasted, with ${awscli.name}`
  clientTest(t, needed, sentence, async (t) => {
    const cwd = scratch(t)
    const args = ['--config', writeConfig(cwd), '--data', 'data']
    const node = await start(t, args, { cwd, env: { JOURNAL_STREAM: undefined } })
    const exports = node.stdout().match(/^ {2}export (?:AWS|ST)_\w+=\S+$/gm) ?? []
    t.equal(exports.length, 6)
    // What `aws` and `python3` are to be.
    mkdirSync(join(cwd, 'bin'))
    symlinkSync(awscli.command!, join(cwd, 'bin', 'aws'))
    writeFileSync(join(cwd, 'bin', 'python3'), `#!/bin/sh\nexec '${boto3.command}' "$@"\n`, {
      mode: 0o755,
    })
    const script = ['set -e', `PATH='${join(cwd, 'bin')}':"$PATH"`, ...exports, ...blocks]
      .join('\n')
      .replaceAll('127.0.0.1:8443', new URL(node.https).host)
    const { code, stdout, stderr } = await run('bash', ['-c', script], { cwd })
    t.equal(code, 0, stderr)
    const printed = stdout.toString()
    t.match(printed, '"SSECustomerAlgorithm": "AES256"', 'aws opened the object with its new key')
    t.equal(printed.match(/^hello$/gm)?.length, 3, 'curl, swift and rclone opened theirs')
    t.match(printed, "b'hello\\n'", 'boto3 opened its own')
    t.equal(readFileSync(join(cwd, 'fetched'), 'utf8'), 'hello\n', 's3cmd fetched its own')
  })
}
